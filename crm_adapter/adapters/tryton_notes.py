"""Calls and tasks in Tryton, which has no records for either: notes (`ir.note`).

A note cannot be changed, so a later record of a call is a new note and the earlier one goes. Notes
are only found on records that are named: those where a call's note may be are the contact (an
earlier one: who has the number), the lead made of that call, and our own company's party for
everything else. Each note's last lines say which
call it is of, under which key and how new.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from calls.call import CallId
from calls.deadlines import Deadline
from calls.records import CallRecord
from crm_adapter import wording
from crm_adapter.adapter import AmbiguousWrite, Conflict, Forbidden, Invalid, NotFound
from crm_adapter.adapters import hosted, readings, texts
from crm_adapter.adapters.texts import call_text
from crm_adapter.adapters.tryton_rpc import TrytonRpc

#: Notes of one call or task: more than two means that several processes wrote at once.
_MOST = 50
_LINE = re.compile(r"^(Call|Key|Revision): (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Note:
    """`revision` is None for what is no call record."""

    id: int
    call: str
    key: str
    revision: int | None


def call_note(record: CallRecord, idem: str) -> str:
    lines = [texts.cleaned(wording.call_title(record), 300)]
    if record.answered_at:
        lines.append(f"Answered: {_exactly(record.answered_at)}")
    if record.ended_at:
        lines.append(f"Ended: {_exactly(record.ended_at)}")
    return "\n".join([*lines, call_text(record, idem)])


def _exactly(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def parsed(row: readings.Record) -> Note | None:
    """By the last lines: what stands before may be anybody's words."""
    note_id, message = row.get("id"), row.get("message")
    if not isinstance(note_id, int) or not isinstance(message, str):
        return None
    told = dict(_LINE.findall(message))
    revision = told.get("Revision", "")
    return Note(
        note_id,
        told.get("Call", ""),
        told.get("Key", ""),
        int(revision) if revision.isascii() and revision.isdigit() else None,
    )


def best(notes: Sequence[Note]) -> Note | None:
    """The newest revision; of two of one revision the later key, of two of one key the first: so
    that all who look choose alike."""
    if not notes:
        return None
    newest = max(note.revision or 0 for note in notes)
    of_it = [note for note in notes if (note.revision or 0) == newest]
    last = max(of_it, key=lambda note: note.id)
    return min((note for note in of_it if note.key == last.key), key=lambda note: note.id)


class TrytonNotes:
    """Writes notes once. `places` are resources (`party.party,7`), the one to write on first; the
    last of them always exists."""

    def __init__(self, rpc: TrytonRpc) -> None:
        self._rpc = rpc

    async def write_call(
        self, places: Sequence[str], record: CallRecord, idem: str, *, elsewhere: Sequence[str]
    ) -> str:
        """`elsewhere`: where else an earlier note of the call may be."""
        call, searched = str(record.call_id), list(dict.fromkeys((*places, *elsewhere)))

        async def found() -> list[Note]:
            notes = await self._notes(searched, f"Call: {call}")
            return [note for note in notes if note.call == call and note.revision is not None]

        async def is_told() -> bool:
            kept = best(await found())
            return kept is not None and (kept.key == idem or (kept.revision or 0) > record.revision)

        await self._create_once(is_told, places, call_note(record, idem))
        return await self._only_best(await found())

    async def write_keyed(self, places: Sequence[str], key: str, text: str) -> str:
        """A note whose text ends in its key; no call record."""

        async def found() -> list[Note]:
            notes = await self._notes(places, f"Key: {key}")
            return [note for note in notes if note.key == key and note.revision is None]

        async def is_told() -> bool:
            return bool(await found())

        await self._create_once(is_told, places, text)
        return await self._only_best(await found())

    async def place_of(self, note_id: str, *, deadline: Deadline) -> str | None:
        """None where there is no such note any more."""
        if not note_id.isdigit():
            return None
        try:
            rows = await self._rpc.read(
                "ir.note.read", [int(note_id)], ["resource"], deadline=deadline
            )
        except (NotFound, Invalid):
            return None
        told = readings.listed(rows)
        return readings.said(told[0].get("resource")) if told else None

    async def _notes(self, places: Sequence[str], line: str) -> list[Note]:
        # Any character for those that mean something in a pattern; compared exactly afterwards.
        pattern = re.sub(r"[\\%_]", "_", line)
        domain = [["resource", "in", list(places)], ["message", "ilike", f"%{pattern}%"]]
        deadline = Deadline.after(hosted.QUESTION_S)
        rows = await self._rpc.rows(
            "ir.note", domain, ["message"], limit=_MOST, deadline=deadline, order=[("id", "DESC")]
        )
        return [note for row in rows if (note := parsed(row)) is not None]

    async def _create_once(
        self, is_told: Callable[[], Awaitable[bool]], places: Sequence[str], text: str
    ) -> None:
        """After an answer that never came a look tells whether it was written."""
        if await is_told():
            return
        try:
            await self._create(places, text)
        except AmbiguousWrite:
            if not await is_told():
                raise

    async def _create(self, places: Sequence[str], text: str) -> None:
        """On the first place that there still is."""
        for place in places:
            try:
                await self._rpc.create("ir.note", {"resource": place, "message": text})
            except (NotFound, Invalid, Forbidden):
                if place == places[-1]:
                    raise
            else:
                return

    async def _only_best(self, notes: Sequence[Note]) -> str:
        kept = best(notes)
        if kept is None:
            raise AmbiguousWrite("tryton took a note and does not show it")
        await self._delete(note.id for note in notes if note != kept)
        return str(kept.id)

    async def _delete(self, notes: Iterable[int]) -> None:
        for note in notes:
            with suppress(NotFound, Invalid, Forbidden, Conflict):  # another process was faster
                await self._rpc.write("ir.note.delete", [note])


def lead_line(call_id: CallId) -> str:
    """What the comment of the lead made of that call holds (`wording.lead_description`)."""
    return f"Call: {call_id}"
