"""Calls, leads and tasks as flat values by name: what mappings write to a CRM.

Times are aware, seconds whole; what is not known is None.
"""

from __future__ import annotations

from collections.abc import Mapping

import phonenumbers

from calls.call import CallId
from calls.caller import ContactRef
from calls.records import CallRecord, NewLead, NewTask
from crm_adapter.wording import (
    call_description,
    call_title,
    lead_description,
    lead_title,
    task_description,
    task_title,
)

#: Of texts that came from the network or from people.
LONGEST_TEXT = 10_000
_LONGEST_NAME = 200

Values = Mapping[str, object]

_CALL = ("call_id", "system", "linkedid", "dialled")
_NUMBER = ("e164", "digits", "national")
_RECORD = ("idem", "title", "description", *_CALL, *_NUMBER)
_CONTACT = ("contact_id", "contact_kind")
LEAD_TIMES = ("created_at",)
CALL_TIMES = ("arrived_at", "answered_at", "ended_at")
TASK_TIMES = (*LEAD_TIMES, "due_at", "due_or_made_at")
LEAD_NAMES = frozenset((*_RECORD, *LEAD_TIMES, "display", "network_name", "recording")) | {
    "name_recording",
    "owner",
    "rule",
    "queue",
}
CALL_NAMES = frozenset(
    (*_RECORD, *_CONTACT, *CALL_TIMES, "direction", "outcome", "queue", "agent", "talk_s")
) | {"wait_s", "talk_minutes", "talk_mmss", "revision", "caller_name", "display", "identity"}
TASK_NAMES = frozenset((*_RECORD, *_CONTACT, *TASK_TIMES, "kind", "queue", "recording")) | {
    "display",
    "owner",
    "link",
    "note",
}


def lead_values(lead: NewLead, idem: str) -> dict[str, object]:
    return {
        **_number(lead.number),
        "idem": idem,
        **_call(lead.call_id),
        "dialled": _clean(lead.dialled),
        "title": _clean(lead_title(lead)),
        "description": _clean(lead_description(lead)),
        "display": _name(lead.name) or _name(lead.network_name) or lead.number,
        "network_name": _name(lead.network_name),
        "name_recording": lead.name_recording,
        "recording": lead.recording,
        "owner": lead.owner,
        "rule": lead.rule or None,
        "queue": lead.queue,
        "created_at": lead.created_at,
    }


def call_values(record: CallRecord, idem: str) -> dict[str, object]:
    minutes, rest = divmod(record.talk_s, 60)
    return {
        **_number(record.number),
        **_contact(record.contact),
        "idem": idem,
        **_call(record.call_id),
        "dialled": _clean(record.dialled),
        "title": _clean(call_title(record)),
        "description": _clean(call_description(record)),
        "display": _name(record.caller_name) or record.number or "withheld number",
        "caller_name": _name(record.caller_name),
        "direction": record.direction.value,
        "identity": record.identity_outcome,
        "outcome": record.outcome.value,
        "queue": record.queue,
        "agent": record.agent,
        "arrived_at": record.arrived_at,
        "answered_at": record.answered_at,
        "ended_at": record.ended_at,
        "talk_s": record.talk_s,
        # A minute begun counts: a talk is never shown as none.
        "talk_minutes": minutes + (1 if rest else 0),
        "talk_mmss": f"{minutes:02}:{rest:02}",
        "wait_s": record.wait_s,
        "revision": record.revision,
    }


def task_values(task: NewTask, idem: str) -> dict[str, object]:
    return {
        **_number(task.number),
        **_contact(task.contact),
        "idem": idem,
        **_call(task.call_id),
        "dialled": None,
        "title": _clean(task_title(task)),
        "description": _clean(task_description(task)),
        "display": task.number or task.name or "withheld number",
        "kind": task.kind,
        "queue": task.queue,
        "recording": task.recording,
        "owner": task.owner,
        "link": task.link,
        "note": _clean(task.note) or None,
        "created_at": task.created_at,
        "due_at": task.due,
        # For CRMs whose tasks need a day.
        "due_or_made_at": task.due or task.created_at,
    }


def _call(call_id: CallId) -> dict[str, object]:
    return {"call_id": str(call_id), "system": call_id.system, "linkedid": call_id.linkedid}


def _number(e164: str | None) -> dict[str, object]:
    digits = None if e164 is None else e164.removeprefix("+")
    return {"e164": e164, "digits": digits, "national": _national(e164)}


def _national(e164: str | None) -> str | None:
    if e164 is None:
        return None
    try:
        number = phonenumbers.parse(e164, None)
    except phonenumbers.NumberParseException:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)


def _contact(ref: ContactRef | None) -> dict[str, object]:
    if ref is None:
        return {"contact_id": None, "contact_kind": None}
    kind, contact_id = kind_and_id(ref.id)
    return {"contact_id": contact_id, "contact_kind": kind}


def _name(text: str | None) -> str | None:
    return _clean(text)[:_LONGEST_NAME].strip() or None if text else None


def _clean(text: str) -> str:
    """No CRM takes NUL in a text."""
    return text.replace("\0", "")[:LONGEST_TEXT]


_KINDS = ("contact", "account", "lead")


def kind_and_id(ref_id: str) -> tuple[str, str]:
    """`lead:12` is the lead 12; what has no kind before it is a contact."""
    kind, colon, rest = ref_id.partition(":")
    return (kind, rest) if colon and kind in _KINDS else ("contact", ref_id)


def ref_id(kind: str, record_id: str) -> str:
    if kind == "contact" and kind_and_id(record_id)[1] == record_id:
        return record_id
    return f"{kind}:{record_id}"
