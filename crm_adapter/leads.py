"""Strangers become leads: by the policy of the number they dialled, once for each number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.call import CallOutcome
from calls.caller import IdentityOutcome
from calls.records import NewLead
from crm_adapter import outbox
from crm_adapter.call_state import CallState
from crm_adapter.call_tables import leads
from crm_adapter.payloads import lead_to_json
from storage.insert_once import insert_once
from storage.storable import storable

#: Nobody of ours has talked with them: rang off, or left their voice or number instead.
_ABANDONED = (
    CallOutcome.ABANDONED_IN_MENU.value,
    CallOutcome.ABANDONED_IN_QUEUE.value,
    CallOutcome.VOICEMAIL.value,
    CallOutcome.CALLBACK.value,
)


def _is_past_the_menus(call: CallState) -> bool:
    """Until then a stranger may still type who they are, or say their name."""
    ways_out = (call.queued_at, call.answered_at, call.callback, call.routed, call.outcome)
    return call.fallback or any(way is not None for way in ways_out)


def _was_answered(call: CallState) -> bool:
    """By an agent, also where the fallback's trace alone says so. What became of a transfer
    nobody told us."""
    return call.answered_at is not None or call.outcome == CallOutcome.ANSWERED.value


def _was_abandoned(call: CallState) -> bool:
    left_message = any(one["what"] == "message" for one in call.recordings or ())
    unanswered = call.outcome is not None and not _was_answered(call)
    return call.outcome in _ABANDONED or (left_message and unanswered)


#: By the word in the rulebook (`Decision.lead`); any other word means never.
_POLICIES: dict[str, Callable[[CallState], bool]] = {
    "always": _is_past_the_menus,
    "on_answer": _was_answered,
    "on_abandon": _was_abandoned,
}


def wants_lead(call: CallState) -> bool:
    """Whether this caller is a stranger whose lead is due now. Only a look-up that answered "nobody
    has this number" makes a stranger: an error, a timeout or a withheld number does not."""
    if call.lead_key is not None or call.number is None:
        return False
    if call.identity_outcome != IdentityOutcome.NONE.value:
        return False
    policy = _POLICIES.get(call.lead_policy or "never")
    return policy is not None and policy(call)


def give_policy(call: CallState, lead_policy_of: Callable[[str], str]) -> None:
    """Where no dialog decided, as in the fallback, the number dialled says it."""
    if call.lead_policy is None and _is_past_the_menus(call):
        call.lead_policy = storable(lead_policy_of(call.dialled), 20)


async def claim_leads(
    connection: AsyncConnection,
    calls: Sequence[CallState],
    *,
    tenant: str,
    adapter: str,
    at: datetime,
) -> None:
    """Sets `lead_key` of every call that wants a lead, to the open lead of its number; where there
    was none, the lead and the order to create it in the CRM are written too."""
    wanting = [call for call in calls if wants_lead(call)]
    if not wanting:
        return
    keys = {
        outbox.entry_key(
            tenant=tenant, adapter=adapter, operation=outbox.CREATE_LEAD, call_id=call.id
        ): call
        for call in wanting
    }
    rows = [
        {
            "key": key,
            "tenant": tenant,
            "number": call.number,
            "system": call.system,
            "linkedid": call.linkedid,
            "created_at": at,
        }
        for key, call in keys.items()
    ]
    # In one order, so that two of us never wait for each other.
    await insert_once(connection, leads, sorted(rows, key=lambda row: str(row["number"])))
    open_leads = await connection.execute(
        select(leads.c.number, leads.c.key).where(
            leads.c.tenant == tenant,
            leads.c.number.in_([call.number for call in wanting]),
            leads.c.closed_at.is_(None),
        )
    )
    key_of = {row.number: row.key for row in open_leads}
    for call in wanting:
        # None where somebody closed it this instant; the call's next event asks again.
        call.lead_key = key_of.get(call.number)
    created = [_creation(key, keys[key], at) for key in key_of.values() if key in keys]
    await outbox.enqueue(connection, created, at=at)


def _creation(key: str, call: CallState, at: datetime) -> outbox.NewEntry:
    lead = NewLead(
        number=call.number or "",
        call_id=call.id,
        dialled=call.dialled,
        network_name=_name_worth_keeping(call),
        created_at=at,
        menu_path=call.menu_steps(),
        rulebook_version=call.rulebook_version,
        name_recording=_spoken_name(call),
    )
    return outbox.NewEntry(
        key=key,
        operation=outbox.CREATE_LEAD,
        entity=f"lead/{key}",
        payload=lead_to_json(lead),
    )


def _spoken_name(call: CallState) -> str | None:
    """The newest: who says it again was not content."""
    names = [one["name"] for one in call.recordings or () if one["what"] == "name"]
    return names[-1] if names else None


def _name_worth_keeping(call: CallState) -> str | None:
    """Networks without a name for the caller often repeat the number."""
    name = call.from_name.strip()
    digits = "".join(letter for letter in name if letter.isdigit())
    is_number = digits != "" and not any(letter.isalpha() for letter in name)
    return None if not name or is_number else name


async def mark_created(connection: AsyncConnection, key: str, lead_id: str) -> None:
    await connection.execute(update(leads).where(leads.c.key == key).values(lead_id=lead_id))


async def close_lead(
    connection: AsyncConnection, *, tenant: str, number: str, at: datetime
) -> None:
    """Won, lost or turned into a contact: the next call of this number may make a new one."""
    await connection.execute(
        update(leads)
        .where(leads.c.tenant == tenant, leads.c.number == number, leads.c.closed_at.is_(None))
        .values(closed_at=at)
    )
