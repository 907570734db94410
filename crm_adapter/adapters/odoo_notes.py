"""Calls in Odoo, and changing its contacts.

Odoo Community has no record of a call. A note on the contact or lead (`mail.message`) stands for
it: an ordinary user may make it, change it and, while it is their own, delete it; an activity would
turn into a message nobody can change once it is done.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from calls.records import CallRecord
from crm_adapter import wording
from crm_adapter.adapter import AmbiguousWrite, Conflict, Invalid, NotFound
from crm_adapter.adapters import odoo_records, readings
from crm_adapter.adapters.odoo_once import clean, escaped, markup, once
from crm_adapter.adapters.odoo_places import OdooPlaces, soon
from crm_adapter.adapters.odoo_questions import OdooQuestions
from crm_adapter.adapters.odoo_records import PARTNER, Place
from crm_adapter.adapters.odoo_wire import OdooWire
from crm_adapter.adapters.written_once import Turns, call_key, record_key

_NOTE = "mail.message"
#: Begins the note of a change.
_CHANGED = "Changed during a call"
_REVISION = re.compile(r"Revision: ([0-9]{1,9})")
_MOMENT = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True, slots=True)
class _Note:
    """As Odoo holds it."""

    place: Place
    text: str

    @property
    def revision(self) -> int:
        found = _REVISION.findall(self.text)
        return int(found[-1]) if found else 0


class OdooNotes:
    def __init__(self, *, wire: OdooWire, questions: OdooQuestions, places: OdooPlaces) -> None:
        self._wire = wire
        self._questions = questions
        self._places = places
        self._turns = Turns()

    async def log_call(self, record: CallRecord, idem: str) -> str:
        key = call_key(record)
        async with self._turns.of(key):
            place = await self._places.of(record.contact, record.number)
            try:
                return await self._noted(record, idem, key, place)
            except (Invalid, NotFound):
                if await self._places.exists(place):
                    raise
                return await self._noted(record, idem, key, await self._places.own_card())

    async def _noted(self, record: CallRecord, idem: str, key: str, place: Place) -> str:
        body, title = _call_markup(record, idem), wording.call_title(record)
        cells = {
            "model": place.model,
            "res_id": str(place.id),
            "message_type": "comment",
            "subtype_id/id": "mail.mt_note",
            "date": f"{record.arrived_at.astimezone(UTC):{_MOMENT}}",
            "subject": clean(title),
            "body": body,
        }
        note = await once(self._wire, _NOTE, key, cells)
        held = await self._note(note)
        if held.revision > record.revision:
            return str(note)
        if held.place != place:
            # Only administrators may move a note.
            await self._wire.tell(_NOTE, "unlink", ids=[note])
            return str(await once(self._wire, _NOTE, key, cells))
        if f"Key: {idem}<" not in held.text or held.revision != record.revision:
            vals = {"subject": clean(title), "body": body}
            await self._wire.tell(_NOTE, "write", ids=[note], vals=vals)
        return str(note)

    async def _note(self, note: int) -> _Note:
        spec: dict[str, Any] = {"model": {}, "res_id": {}, "body": {}}
        found = await self._questions.rows(
            _NOTE, [["id", "=", note]], spec, order="id", limit=1, deadline=soon()
        )
        if not found:
            raise AmbiguousWrite("odoo does not show the note of the call that it has")
        place = Place(
            readings.text(found[0].get("model")), odoo_records.row_id(found[0].get("res_id")) or 0
        )
        body = found[0].get("body")
        return _Note(place, html.unescape(body) if isinstance(body, str) else "")

    async def update(
        self, partner: int, values: Mapping[str, str], *, expect_version: str | None, idem: str
    ) -> None:
        """Odoo has no conditional write. Of those who start from one version, the one who first
        notes it on the contact may write."""
        wanted = {name: clean(value) for name, value in values.items()}
        if expect_version is not None:
            row = await self._questions.partner(partner, soon())
            if readings.text(row.get("write_date")) != expect_version:
                if await self._is_ours(partner, wanted, idem):
                    return
                raise _overtaken(partner)
            await self._claim(partner, sorted(values), expect_version, idem)
        await self._wire.tell(PARTNER, "write", ids=[partner], vals=wanted)

    async def _is_ours(self, partner: int, wanted: Mapping[str, str], idem: str) -> bool:
        """The change has been made already, and what came of it was not noted."""
        rows = await self._questions.rows(
            _NOTE,
            [["model", "=", PARTNER], ["res_id", "=", partner], ["body", "like", _CHANGED]],
            {"body": {}},
            order="id desc",
            limit=20,
            deadline=soon(),
        )
        texts = (html.unescape(readings.text(row.get("body"))) for row in rows)
        if not any(f"Key: {idem}<" in text for text in texts):
            return False
        spec: dict[str, Any] = {name: {} for name in wanted}
        held = await self._questions.rows(
            PARTNER, [["id", "=", partner]], spec, order="id", limit=1, deadline=soon()
        )
        return all(readings.text(row.get(name)) == wanted[name] for row in held for name in wanted)

    async def _claim(self, partner: int, fields: Sequence[str], version: str, idem: str) -> None:
        what = f"{_CHANGED}: {', '.join(fields)}"
        cells = {
            "model": PARTNER,
            "res_id": str(partner),
            "message_type": "comment",
            "subtype_id/id": "mail.mt_note",
            "body": markup([what], [f"Key: {idem}"]),
        }
        key = record_key("change", f"{partner}@{version}")
        held = await self._note(await once(self._wire, _NOTE, key, cells))
        if f"Key: {idem}<" not in held.text:
            raise _overtaken(partner)


def _overtaken(partner: int) -> Conflict:
    return Conflict("somebody else has changed the contact meanwhile", existing=str(partner))


def _call_markup(record: CallRecord, idem: str) -> str:
    lines = wording.call_description(record).splitlines()
    # With seconds, which the lines for people lack.
    for what, at in (("Answered", record.answered_at), ("Ended", record.ended_at)):
        if at is not None:
            lines.append(f"{what}: {at.astimezone(UTC):{_MOMENT}} UTC")
    ours = [f"Key: {idem}", f"Revision: {record.revision}"]
    return f"<p><b>{escaped(wording.call_title(record))}</b></p>{markup(lines, ours)}"
