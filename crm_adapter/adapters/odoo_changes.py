"""What changed in Odoo since last time.

`write_date` comes in whole seconds though it is kept finer, is when a transaction began rather than
when it can be seen, and is the same for all that one import wrote. So a round goes through
everything since some second in the order of ids, contacts first, then leads; the next round begins
at the newest `write_date` of the beginning of this one, less an overlap for as long as a
transaction from before may still show up. What is deleted Odoo does not tell: the nightly copy
finds out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from calls.caller import ContactRef
from calls.deadlines import Deadline
from crm_adapter.adapter import ChangePage, Invalid, PhoneHit, Unavailable
from crm_adapter.adapters import odoo_records, readings
from crm_adapter.adapters.odoo_questions import OdooQuestions, as_unavailable
from crm_adapter.adapters.odoo_records import LEAD, PARTNER, Reader
from crm_adapter.adapters.readings import Record

#: No transaction takes longer to be seen.
OVERLAP_S = 30
_FORMAT = "%Y-%m-%d %H:%M:%S"
_MODELS = (PARTNER, LEAD)


@dataclass(frozen=True, slots=True)
class Round:
    """Going through `model` since `since` (None: everything), as far as the id `after`. `newest`
    are the newest `write_date`s there were when the round began, and `seen` when we first saw
    them."""

    model: str = PARTNER
    after: int = 0
    since: str | None = None
    newest: str | None = None
    seen: float = 0.0

    @classmethod
    def parse(cls, cursor: str | None) -> Round:
        """Raises Invalid for what is no cursor of ours."""
        if cursor is None:
            return cls()
        try:
            told = json.loads(cursor)
            found = cls(
                model=told["model"],
                after=int(told["after"]),
                since=_moment(told["since"]),
                newest=_moment(told["newest"]),
                seen=float(told["seen"]),
            )
        except (ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
            raise Invalid("this is no place in Odoo's changes", field="cursor") from error
        if found.model not in _MODELS or found.after < 0:
            raise Invalid("this is no place in Odoo's changes", field="cursor")
        return found

    def __str__(self) -> str:
        return json.dumps(asdict(self))

    @property
    def is_at_start(self) -> bool:
        return self.model == PARTNER and self.after == 0

    def begun(self, newest: str | None, at: float) -> Round:
        """With what is newest as the round begins."""
        if newest is None or newest == self.newest:
            return self
        return replace(self, newest=newest, seen=at)

    def over(self, at: float) -> Round:
        """Where the next one begins."""
        if self.newest is None:
            return replace(self, model=PARTNER, after=0)
        newest = datetime.strptime(self.newest, _FORMAT)  # noqa: DTZ007  Odoo's are all UTC
        settled = at - self.seen >= OVERLAP_S
        since = newest + timedelta(seconds=1 if settled else -OVERLAP_S)
        return replace(self, model=PARTNER, after=0, since=f"{since:{_FORMAT}}")


def _moment(text: Any) -> str | None:
    if text is None:
        return None
    return f"{datetime.strptime(text, _FORMAT):{_FORMAT}}"  # noqa: DTZ007  Odoo's are all UTC


def _told_moment(text: str) -> str | None:
    """Raises Unavailable for what is no time that can be reckoned with."""
    try:
        told = _moment(text or None)
        if told is not None and not "1970" <= told[:4] < "9999":
            raise ValueError("no time that Odoo knew")
    except ValueError as error:
        raise Unavailable("odoo told a change with a time that is none") from error
    return told


class OdooChanges:
    def __init__(self, *, questions: OdooQuestions, now: Callable[[], datetime]) -> None:
        self._questions = questions
        self._now = now

    async def page(self, cursor: str | None, *, limit: int, deadline: Deadline) -> ChangePage:
        here = Round.parse(cursor)
        try:
            return await self._page(here, limit, deadline)
        except Invalid as error:
            raise as_unavailable(error) from error

    async def _page(self, here: Round, limit: int, deadline: Deadline) -> ChangePage:
        reader = await self._questions.reader(deadline)
        if here.is_at_start:
            newest = await self._newest(reader, deadline)
            here = here.begun(newest, self._now().timestamp())
        rows = await self._rows(here, reader, limit, deadline)
        changed, gone = await self._told(here.model, rows, reader, deadline)
        if len(rows) == limit:
            after = odoo_records.row_id(rows[-1])
            if after is None or after <= here.after:
                raise Unavailable("odoo told a change without its id, or out of order")
            return ChangePage(changed, gone, str(replace(here, after=after)), more=True)
        if here.model == PARTNER and reader.shape.lead_numbers is not None:
            return ChangePage(changed, gone, str(replace(here, model=LEAD, after=0)), more=True)
        return ChangePage(changed, gone, str(here.over(self._now().timestamp())), more=False)

    async def _newest(self, reader: Reader, deadline: Deadline) -> str | None:
        found = []
        for model in _MODELS[: 1 if reader.shape.lead_numbers is None else 2]:
            rows = await self._questions.rows(
                model,
                [],
                {"write_date": {}},
                order="write_date desc",
                limit=1,
                deadline=deadline,
                archived=True,
            )
            found += [_told_moment(readings.text(row.get("write_date"))) for row in rows]
        return max((one for one in found if one), default=None)

    async def _rows(
        self, here: Round, reader: Reader, limit: int, deadline: Deadline
    ) -> list[Record]:
        domain: list[Any] = [["id", ">", here.after]]
        if here.since is not None:
            domain.append(["write_date", ">=", here.since])
        spec = (
            odoo_records.partner_spec(reader.shape)
            if here.model == PARTNER
            else odoo_records.lead_spec(reader.shape)
        )
        return await self._questions.rows(
            here.model, domain, spec, order="id", limit=limit, deadline=deadline, archived=True
        )

    async def _told(
        self, model: str, rows: Sequence[Record], reader: Reader, deadline: Deadline
    ) -> tuple[tuple[PhoneHit, ...], tuple[ContactRef, ...]]:
        if model == LEAD:
            closed = [row for row in rows if not _is_open(row)]
            still = [row for row in rows if _is_open(row)]
            return tuple(reader.lead_hits(still)), _refs(LEAD, closed)
        gone = [row for row in rows if row.get("active") is False]
        alive = [row for row in rows if row.get("active") is not False]
        owners = [odoo_records.address_owner(row) or row for row in alive]
        ids = sorted({one for row in owners if (one := odoo_records.row_id(row)) is not None})
        more = await self._questions.addresses(ids, deadline) if ids else []
        return tuple(reader.partner_hits([*owners, *more])), _refs(PARTNER, gone)


def _refs(model: str, rows: Sequence[Record]) -> tuple[ContactRef, ...]:
    ids = (odoo_records.row_id(row) for row in rows)
    return tuple(odoo_records.Place(model, one).ref for one in ids if one is not None)


def _is_open(row: Record) -> bool:
    won = readings.record(row.get("stage_id")).get("is_won")
    return row.get("active") is not False and won is not True
