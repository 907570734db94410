"""The texts that are written to a CRM, with the lines by which we know them again."""

from __future__ import annotations

import html
import re
from typing import Any

from calls.caller import ContactRef
from calls.records import CallRecord, NewLead, NewTask
from crm_adapter import wording

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
#: At the end, whatever HTML or line ends the CRM made of it.
_REVISION = re.compile(r"Revision: ([0-9]{1,9})")
_BREAK = r"(?:\s|<br\s*/?>|</?p>){1,20}"
_CONTACT = re.compile(
    rf"Contact: ([a-z0-9]{{1,40}}:[\w:-]{{1,120}}){_BREAK}Key: [\w:-]{{1,120}}{_BREAK}Revision: ",
    re.ASCII,
)


def cleaned(text: str, longest: int = 30_000) -> str:
    """Without what no CRM can store, and cut."""
    return _CONTROLS.sub("", text)[:longest]


def lead_name(lead: NewLead) -> str:
    """A family name of bearable length; the number where the network tells no name."""
    return cleaned(lead.network_name or "", 80).strip() or lead.number


def lead_title(lead: NewLead) -> str:
    return cleaned(wording.lead_title(lead))


def call_title(record: CallRecord) -> str:
    return cleaned(wording.call_title(record))


def task_title(task: NewTask) -> str:
    return cleaned(wording.task_title(task))


def call_text(record: CallRecord, idem: str) -> str:
    """A call's description; at its end what tells us later whom we linked it to, and how new it
    is."""
    footing = [f"Key: {idem}", f"Revision: {record.revision}"]
    if record.contact is not None:
        footing.insert(0, f"Contact: {record.contact}")
    return "\n".join([cleaned(wording.call_description(record)), *footing])


def lead_text(lead: NewLead, idem: str) -> str:
    return f"{cleaned(wording.lead_description(lead))}\nKey: {idem}"


def task_text(task: NewTask, idem: str) -> str:
    return f"{cleaned(wording.task_description(task))}\nKey: {idem}"


def is_newer(record: CallRecord, description: Any) -> bool:
    """Whether `record` says no less than what the CRM holds."""
    found = _REVISION.findall(description) if isinstance(description, str) else []
    return not found or int(found[-1]) <= record.revision


def told_contact(description: Any) -> ContactRef | None:
    """Of a call's description as the CRM holds it: whom an earlier word of the call named."""
    found = _CONTACT.findall(description) if isinstance(description, str) else []
    return ContactRef.parse(found[-1]) if found else None


def as_html(text: str) -> str:
    """For CRMs whose texts are HTML."""
    return html.escape(text, quote=False).replace("\n", "<br>")
