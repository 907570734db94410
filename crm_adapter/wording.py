"""What a CRM shows people of our calls, leads and tasks: titles of a line, descriptions of a few.

Plain text without markup: an adapter whose CRM wants HTML escapes it. The times are UTC.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from calls.call import CallOutcome, Direction, KeyPress
from calls.records import FOLLOW_UP, CallRecord, Leg, LegVia, NewLead, NewTask, OfferGiven
from config.record_titles import DEFAULT_TITLES

#: Of a title: most CRMs hold 255 characters, Odoo's and HubSpot's included.
LONGEST_TITLE = 200

_KIND_OF = {
    CallOutcome.VOICEMAIL: "inbound_voicemail",
    CallOutcome.CALLBACK: "inbound_callback",
    CallOutcome.TRANSFERRED: "inbound_transferred",
    CallOutcome.ANSWERED: "inbound_answered",
}
_OUTCOMES = {
    CallOutcome.ANSWERED: "answered",
    CallOutcome.ABANDONED_IN_MENU: "rang off in the menu",
    CallOutcome.ABANDONED_IN_QUEUE: "rang off while waiting",
    CallOutcome.NOT_ANSWERED: "not answered",
    CallOutcome.VOICEMAIL: "left for the voicemail",
    CallOutcome.TRANSFERRED: "passed on",
    CallOutcome.CALLBACK: "asked to be called back",
    CallOutcome.BUSY: "busy",
    CallOutcome.CANCELLED: "given up before an answer",
    CallOutcome.FAILED: "could not be reached",
    CallOutcome.LOST_SYNC: "end not seen",
}
_VIAS = {
    LegVia.QUEUE: "by the queue",
    LegVia.DIAL: "dialled",
    LegVia.BLIND_TRANSFER: "by a transfer",
    LegVia.ATTENDED_TRANSFER: "by a transfer after a word",
    LegVia.PICKUP: "picked up",
    LegVia.PARK: "out of the park",
    LegVia.CONFERENCE: "in a conference",
}
_ROUTES = {
    "voicemail": "Left for the voicemail",
    "transfer": "Passed on to",
    "transfer_failed": "Nobody answered the transfer to",
    "parked": "Ended while parked",
    "hangup": "Sent away",
}
_TASKS = {"callback": "Call back {who}", "message": "Listen to the message of {who}"}


def call_title(record: CallRecord) -> str:
    """The record's own title, else the English one of its kind."""
    return record.title or title_by({}, record)


def title_by(templates: Mapping[str, str], record: CallRecord) -> str:
    """By the template of the record's kind (`config.record_titles`); the default's where the
    company has none. What is not known leaves no gap."""
    kind = title_kind(record)
    told = {
        "caller": _caller(record.caller_name, record.number),
        "number": record.number or (record.dialled if record.is_placed else "number withheld"),
        "queue": record.queue or "",
        "agent": record.agent or "",
        "dialled": record.dialled,
        "intent": _intent(record.menu_path),
        "outcome": _OUTCOMES[record.outcome],
    }
    return _line(templates.get(kind, DEFAULT_TITLES[kind]).format(**told))


def title_kind(record: CallRecord) -> str:
    """One of `config.record_titles.KINDS`. Whoever talked with an agent has missed nothing,
    however the call ended."""
    if record.is_placed:
        return record.direction.value
    if record.answered_at is not None:
        return "inbound_answered"
    return _KIND_OF.get(record.outcome, "inbound_missed")


def call_description(record: CallRecord) -> str:
    return "\n".join(_call_lines(record))


def lead_title(lead: NewLead) -> str:
    return _line(f"New caller: {_caller(lead.network_name, lead.number)}")


def lead_description(lead: NewLead) -> str:
    lines = [
        f"{lead.number} called {lead.dialled} on {_moment(lead.created_at)}; nobody has confirmed "
        "yet who it was.",
        *_menu_line(lead.menu_path),
    ]
    if lead.network_name:
        lines.append(f"Name from the network: {lead.network_name}")
    if lead.name_recording:
        lines.append(f"Said their name: recording {lead.name_recording}")
    if lead.rulebook_version:
        lines.append(f"Rulebook: {lead.rulebook_version}")
    return "\n".join([*lines, f"Call: {lead.call_id}"])


def task_title(task: NewTask) -> str:
    if not task.is_of_call:
        if task.language == "zh":
            return _line(f"客户可能流失：{task.name or '未知姓名'}")
        return _line(f"May be leaving: {task.name or 'a customer'}")
    who = task.number or "a caller who withheld the number"
    if task.kind == FOLLOW_UP:
        who = _caller(task.name, task.number)
        return _line(f"Call back {who}" if task.due else f"Follow up with {who}")
    template = _TASKS.get(task.kind)
    if template is None:
        return _line(f"{task.kind.replace('_', ' ').capitalize()}: {who}")
    return _line(template.format(who=who))


def task_description(task: NewTask) -> str:
    if not task.is_of_call and task.language == "zh":
        return _churn_description_zh(task)
    lines = [f"Since {_moment(task.created_at)}"]
    if task.kind == FOLLOW_UP:
        lines = list(_follow_up_lines(task))
    if task.number:
        lines.append(f"Number: {task.number}")
    if task.queue:
        lines.append(f"Queue: {task.queue}")
    if task.recording:
        lines.append(f"Recording: {task.recording}")
    if task.because:
        lines.append(f"Why: {task.because}")
    if task.end_unseen:
        lines.append("Nobody saw the call end: when is not known, nor whether somebody answered")
    if task.is_of_call:
        lines.append(f"Call: {task.call_id}")
    else:
        lines.append("Get in touch before they buy elsewhere. Found by scoring, not by a call")
    return "\n".join(lines)


def _follow_up_lines(task: NewTask) -> Iterator[str]:
    if task.note:
        yield task.note
    if task.due:
        yield f"Due: {task.due:%Y-%m-%d %H:%M %Z}"
    yield f"Planned by {task.owner or 'an agent'} on {_moment(task.created_at)}"


def _churn_description_zh(task: NewTask) -> str:
    lines = [f"自{_moment(task.created_at)}起"]
    if task.because:
        lines.append(f"原因：{task.because}")
    return "\n".join([*lines, "请在客户转向别家之前与其联系。由评分发现，并非来自来电"])


def _call_lines(record: CallRecord) -> Iterator[str]:
    state = "under way" if record.is_live else _OUTCOMES[record.outcome]
    yield f"{record.direction.value.capitalize()} call, {state}"
    yield f"{_ends(record)} on {_moment(record.arrived_at)}"
    if record.queue:
        yield f"Queue: {record.queue}, waited {duration(record.wait_s)}"
    if record.talk_s:
        yield f"Talked: {duration(record.talk_s)}"
    yield from _menu_line(record.menu_path)
    if record.typed:
        typed = (f"{field} {digits}" for field, digits in record.typed.items())
        yield f"Typed: {', '.join(typed)}"
    if record.offers:
        yield f"Offers: {'; '.join(_offer_given(one) for one in record.offers)}"
    for leg in record.legs:
        yield _leg_line(leg, dialled=record.is_placed and leg is record.legs[0])
    for kept in record.recordings:
        length = f" ({duration(round(kept.seconds))})" if kept.seconds else ""
        yield f"Recording of a {kept.what}: {kept.name}{length}"
    if record.routed is not None:
        kind, target = record.routed
        yield " ".join([_ROUTES.get(kind, kind), *([target] if target else [])])
    yield from _origin_lines(record)


def _offer_given(one: OfferGiven) -> str:
    answer = one.answer.value.replace("_", " ")
    return f"{one.offer} ({one.place}): {answer}" + (f", {one.reason}" if one.reason else "")


def _ends(record: CallRecord) -> str:
    if not record.is_placed:
        return f"From {record.number or 'number withheld'} to {record.dialled}"
    who = record.legs[0].agent if record.legs else "an agent"
    if record.direction is Direction.INTERNAL:
        return f"From {who} to {record.dialled}"
    return f"From {who} to {record.number or record.dialled}"


def _origin_lines(record: CallRecord) -> Iterator[str]:
    if record.fallback:
        yield "Served by the dialplan's fallback"
    if record.end_estimated:
        yield "Nobody saw the end: its time is an estimate"
    if record.rulebook_version:
        arm = f", arm {record.arm}" if record.arm else ""
        yield f"Rulebook: {record.rulebook_version}{arm}"
    yield f"Call: {record.call_id}"


def _leg_line(leg: Leg, *, dialled: bool) -> str:
    """`dialled`: whose call it is."""
    if leg.answered_at is None:
        told = "called in vain" if dialled else "rang, did not answer"
    elif leg.ended_at is None:
        told = f"talks since {_moment(leg.answered_at)}"
    else:
        told = f"talked {duration(leg.talk_s)}"
    parts = [f"{leg.agent} ({_VIAS[leg.via]}): {told}"]
    if leg.disposition:
        parts.append(f"wrap-up {leg.disposition}")
    if leg.note:
        parts.append(f"note: {leg.note}")
    return "; ".join(parts)


def _menu_line(path: Sequence[KeyPress]) -> Iterator[str]:
    if path:
        steps = (
            f"{step.menu} {step.digits or '-'} ({step.intent or step.outcome})" for step in path
        )
        yield f"Menu: {', '.join(steps)}"


def _intent(path: Sequence[KeyPress]) -> str:
    return next((step.intent for step in reversed(path) if step.intent), "")


def _caller(name: str | None, number: str | None) -> str:
    if name and number and name != number:
        return f"{name} ({number})"
    return name or number or "a withheld number"


def duration(seconds: int) -> str:
    """`45 s`, `3:20 min`, `1:03:20 h`."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{rest:02} h"
    return f"{minutes}:{rest:02} min" if minutes else f"{rest} s"


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _line(text: str) -> str:
    """One line, without gaps, of bearable length."""
    line = " ".join(text.split()).strip(" ,;:-")
    return line if len(line) <= LONGEST_TITLE else line[: LONGEST_TITLE - 1].rstrip() + "…"
