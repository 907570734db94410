"""Strangers become leads: by the policy of the number they dialled, once for each number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from calls import crash_points
from calls.records import NewLead
from crm_adapter import outbox
from crm_adapter.call_state import CallState
from crm_adapter.call_tables import leads
from crm_adapter.lead_owners import Owners
from crm_adapter.lead_policy import follow_up, wants_lead
from crm_adapter.payloads import lead_to_json
from crm_adapter.phone_numbers import as_shown
from storage.insert_once import insert_once
from storage.storable import storable

#: Wrap-up codes of an agent who found that there is nobody to sell to.
_NOT_CONFIRMING = frozenset({"wrong_number"})


class Leads:
    """The part of the recorder's transaction that keeps `leads`."""

    def __init__(self, *, tenant: str, adapter: str, owners: Owners) -> None:
        self._tenant = tenant
        self._adapter = adapter
        self._owners = owners

    async def claim(
        self, connection: AsyncConnection, calls: Sequence[CallState], *, at: datetime
    ) -> None:
        """Sets `lead_key` of every call that wants a lead, to the open lead of its number; where
        there was none, the lead and the order to create it in the CRM are written too."""
        wanting = [call for call in calls if wants_lead(call)]
        if not wanting:
            return
        open_leads = await _open_leads(connection, wanting, self._tenant)
        closed = await _closed_at(connection, wanting, self._tenant)
        new = [
            call
            for call in wanting
            if call.number not in open_leads and not _closed_lately(call, closed, at)
        ]
        if new:
            created = await self._create(connection, new, at)
            open_leads = await _open_leads(connection, wanting, self._tenant)
            ours = [created[key] for key in open_leads.values() if key in created]
            await outbox.enqueue(connection, ours, at=at)
        for call in wanting:
            # None where somebody closed it this instant; the call's next event asks again.
            call.lead_key = open_leads.get(call.number or "")

    async def _create(
        self, connection: AsyncConnection, calls: Sequence[CallState], at: datetime
    ) -> dict[str, outbox.NewEntry]:
        """Writes the rows; the entries by key, of which those are owed whose row is the open
        one."""
        created, rows = {}, []
        given: Counter[str] = Counter()
        for call in calls:
            key = outbox.entry_key(
                tenant=self._tenant,
                adapter=self._adapter,
                operation=outbox.CREATE_LEAD,
                call_id=call.id,
            )
            chain = follow_up(call).lead.owner
            lead = _lead(call, await self._owners.of(connection, call, chain, given=given), at)
            created[key] = outbox.NewEntry(
                key=key,
                operation=outbox.CREATE_LEAD,
                entity=f"lead/{key}",
                payload=lead_to_json(lead),
            )
            rows.append(_row(key, self._tenant, call, lead))
        # In one order, so that two of us never wait for each other.
        await insert_once(connection, leads, sorted(rows, key=lambda row: str(row["number"])))
        crash_points.reached("recorder.lead_claimed")
        return created


async def _open_leads(
    connection: AsyncConnection, calls: Sequence[CallState], tenant: str
) -> dict[str, str]:
    """Keys by number."""
    found = await connection.execute(
        select(leads.c.number, leads.c.key).where(
            leads.c.tenant == tenant,
            leads.c.number.in_(sorted({call.number or "" for call in calls})),
            leads.c.closed_at.is_(None),
        )
    )
    return {row.number: row.key for row in found}


async def _closed_at(
    connection: AsyncConnection, calls: Sequence[CallState], tenant: str
) -> dict[str, datetime]:
    """By number: when its newest closed lead was closed; only for calls that ask."""
    asking = {call.number or "" for call in calls if follow_up(call).lead.dedupe_days}
    if not asking:
        return {}
    found = await connection.execute(
        select(leads.c.number, leads.c.closed_at).where(
            leads.c.tenant == tenant,
            leads.c.number.in_(sorted(asking)),
            leads.c.closed_at.is_not(None),
        )
    )
    newest: dict[str, datetime] = {}
    for row in found:
        newest[row.number] = max(row.closed_at, newest.get(row.number, row.closed_at))
    return newest


def _closed_lately(call: CallState, closed: dict[str, datetime], at: datetime) -> bool:
    closed_at = closed.get(call.number or "")
    window = timedelta(days=follow_up(call).lead.dedupe_days)
    return closed_at is not None and at - closed_at < window


def _row(key: str, tenant: str, call: CallState, lead: NewLead) -> dict[str, Any]:
    return {
        "key": key,
        "tenant": tenant,
        "number": call.number,
        "system": call.system,
        "linkedid": call.linkedid,
        "owner": lead.owner,
        "rule": storable(lead.rule, 80),
        "created_at": lead.created_at,
    }


def _lead(call: CallState, owner: str | None, at: datetime) -> NewLead:
    network_name = name_worth_keeping(call)
    return NewLead(
        number=call.number or "",
        call_id=call.id,
        dialled=call.dialled,
        network_name=network_name,
        created_at=at,
        menu_path=call.menu_steps(),
        rulebook_version=call.rulebook_version,
        name_recording=_newest_recording(call, "name"),
        name=network_name or f"Caller {as_shown(call.number or '')}",
        owner=owner,
        recording=_newest_recording(call, "message"),
        rule=follow_up(call).lead.rule or call.dialled,
        queue=call.queue,
    )


def _newest_recording(call: CallState, what: str) -> str | None:
    """Who says it again was not content."""
    names = [one["name"] for one in call.recordings or () if one["what"] == what]
    return names[-1] if names else None


def name_worth_keeping(call: CallState) -> str | None:
    """Networks without a name for the caller often repeat the number."""
    name = call.from_name.strip()
    digits = "".join(letter for letter in name if letter.isdigit())
    is_number = digits != "" and not any(letter.isalpha() for letter in name)
    return None if not name or is_number else name


async def mark_created(connection: AsyncConnection, key: str, lead_id: str) -> None:
    await connection.execute(
        update(leads).where(leads.c.key == key).values(lead_id=storable(lead_id, 120))
    )


async def close_lead(
    connection: AsyncConnection, *, tenant: str, number: str, at: datetime
) -> None:
    """Won, lost or turned into a contact: the next call of this number may make a new one."""
    await connection.execute(
        update(leads)
        .where(leads.c.tenant == tenant, leads.c.number == number, leads.c.closed_at.is_(None))
        .values(closed_at=at)
    )


async def confirm_by_wrap_up(
    connection: AsyncConnection, calls: Collection[CallState], *, at: datetime
) -> bool:
    """Whoever talked with a stranger and wrapped the call up has confirmed the lead, unless the
    number was wrong. True where the CRM is now owed that news."""
    confirmed = False
    for call in calls:
        agent = next(
            (leg.agent for leg in call.legs if leg.disposition not in (None, *_NOT_CONFIRMING)),
            None,
        )
        if call.lead_key is not None and agent is not None:
            confirmed |= await confirm(connection, call.lead_key, agent, at=at)
    return confirmed


async def confirm_by_id(
    connection: AsyncConnection, lead_id: str, agent: str, *, tenant: str, at: datetime
) -> bool:
    """Like `confirm`, of a lead that the CRM calls so."""
    theirs = select(leads.c.key).where(leads.c.tenant == tenant, leads.c.lead_id == lead_id)
    key = await connection.scalar(theirs.order_by(leads.c.created_at.desc()).limit(1))
    return key is not None and await confirm(connection, key, agent, at=at)


async def confirm(connection: AsyncConnection, key: str, agent: str, *, at: datetime) -> bool:
    """Marks an open lead, and owes the CRM that; False, and nothing changes, where it is confirmed
    or closed already."""
    changed = await connection.execute(
        update(leads)
        .where(leads.c.key == key, leads.c.confirmed_at.is_(None), leads.c.closed_at.is_(None))
        .values(confirmed_at=at, confirmed_by=storable(agent, 80))
    )
    if changed.rowcount != 1:
        return False
    entry = outbox.follow_up_entry(outbox.CONFIRM_LEAD, f"lead/{key}", key, {"agent": agent})
    await outbox.enqueue(connection, [entry], at=at)
    return True
