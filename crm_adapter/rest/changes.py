"""Which records changed since when, page after page.

Each round goes through all that changed at or after `since`, in the order of ids: a record that
changes meanwhile stays where it is, and the next round begins before this one did. The clock is the
API's own where its answers carry a date.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from calls.deadlines import Deadline
from crm_adapter.adapter import ChangePage, HitKind, Invalid
from crm_adapter.http.replies import Reply
from crm_adapter.mapped.reading import record_id
from crm_adapter.rest.answers import LONG_AGO, hits_of, items_of
from crm_adapter.rest.names import names_of
from crm_adapter.rest.questions import Questions
from crm_adapter.rest.shapes import ChangesPart, ContactMap
from crm_adapter.rest.templates import Template

#: Of an id that is a number: 64 bits.
_MOST_DIGITS = 19


@dataclass(frozen=True, slots=True)
class _Cursor:
    """`began` is when the round did; `after` is the last id, `offset` how many were told."""

    since: datetime
    began: datetime | None = None
    after: str = ""
    offset: int = 0

    @classmethod
    def read(cls, text: str | None) -> _Cursor:
        if text is None:
            return cls(LONG_AGO)
        parts = text.split("|", 3)
        try:
            since, began, offset, after = parts
            cursor = cls(
                datetime.fromisoformat(since),
                datetime.fromisoformat(began) if began else None,
                after,
                int(offset),
            )
            if cursor.since.tzinfo is None:
                raise ValueError("no zone")
        except ValueError as error:
            raise Invalid("the cursor is not one of ours", field="cursor") from error
        return cursor

    def __str__(self) -> str:
        began = "" if self.began is None else self.began.isoformat()
        return f"{self.since.isoformat()}|{began}|{self.offset}|{self.after}"


class Changes:
    def __init__(
        self, *, part: ChangesPart, read: ContactMap, url: Template | None, questions: Questions
    ) -> None:
        self._part = part
        self._read = read
        self._url = url
        self._questions = questions
        self._by_id = "after_id" in names_of(part)

    async def page(
        self, text: str | None, *, limit: int, now: datetime, deadline: Deadline
    ) -> ChangePage:
        cursor = _Cursor.read(text)
        values = {
            "since": cursor.since,
            # Ids that are numbers are compared as numbers.
            "after_id": _as_number(cursor.after),
            "offset": cursor.offset,
            "limit": limit,
        }
        part = self._part
        asked = await self._questions.answer(part, part.none_when, values, deadline)
        records = [] if asked is None else items_of(part.items, asked[0])
        began = cursor.began or (now if asked is None else _clock(asked[1], now))
        hits = tuple(hit for _, hit in hits_of(self._read, records, HitKind.CONTACT, self._url))
        last = record_id(self._read.id.part(records[-1])) if records else None
        more = len(records) >= limit and not (self._by_id and last == cursor.after)
        if more:
            following = _Cursor(cursor.since, began, last or "", cursor.offset + len(records))
        else:
            overlap = timedelta(seconds=part.overlap_s)
            following = _Cursor(max(began - overlap, cursor.since))
        return ChangePage(hits, (), str(following), more)


def _as_number(after: str) -> int | str:
    is_number = after.isascii() and after.isdecimal() and len(after) <= _MOST_DIGITS
    return int(after) if is_number else after or 0


def _clock(reply: Reply, now: datetime) -> datetime:
    try:
        at = parsedate_to_datetime(reply.headers.get("date", ""))
        at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError):
        return now
    return max(at, LONG_AGO)
