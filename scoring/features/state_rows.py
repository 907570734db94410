"""The rows of contacts' counters: the batch writes what was bought, each ended call its own."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import and_, bindparam, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.caller import ContactRef
from calls.contact_features import ContactFeatures
from calls.ports import ContactPurchases, PurchaseLine
from scoring.features.call_counts import OfferChange
from scoring.features.schema import SCHEMA
from scoring.features.seen import CallSeen, purchase_seen
from scoring.features.state import BadState, ContactState
from scoring.features.state_tables import contact_states
from storage.insert_once import insert_once

log = logging.getLogger(__name__)

_ROWS = contact_states.c
_WHOSE = and_(_ROWS.crm == bindparam("of_crm"), _ROWS.contact_id == bindparam("of_contact"))
_CALLS = select(_ROWS.calls).where(_WHOSE).with_for_update()
# `updated_at` is the batch's mark of who is still there; calls leave it.
_SAVE_CALLS = update(contact_states).where(_WHOSE).values(calls=bindparam("calls"))
_told_broken = False


def purchases_row(history: ContactPurchases, now: datetime) -> dict[str, Any]:
    """What was bought by `now`; nobody buys in the future."""
    state, today = ContactState.of("{}", None), now.astimezone(UTC).date()
    for line in history.lines or (PurchaseLine(*each) for each in history.purchases):
        seen = purchase_seen(line)
        if seen.day <= today:
            state.add_purchase(seen)
    state.stand(*history.matters.at(now))
    return {
        "crm": history.contact.crm,
        "contact_id": history.contact.id,
        "schema": SCHEMA,
        "purchases": state.purchases_text(),
        "updated_at": now,
    }


async def save_purchases(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Leaves the calls' half as it is."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = insert(contact_states)
    changes = {name: statement.excluded[name] for name in ("schema", "purchases", "updated_at")}
    keys = ["crm", "contact_id"]
    # A call may have made the row meanwhile; purchases that are there are another run's.
    not_newer = or_(_ROWS.purchases.is_(None), _ROWS.updated_at <= statement.excluded.updated_at)
    await connection.execute(
        statement.on_conflict_do_update(index_elements=keys, set_=changes, where=not_newer),
        list(rows),
    )


async def forget_purchases(connection: AsyncConnection, before: datetime) -> None:
    """Of contacts whom no batch has seen since: the CRM has them no more. Their calls stay."""
    old = and_(_ROWS.purchases.is_not(None), _ROWS.updated_at < before)
    await connection.execute(update(contact_states).where(old).values(purchases=None))


async def add_calls(
    connection: AsyncConnection, contact: ContactRef, seen: Iterable[CallSeen], now: datetime
) -> None:
    """Counts calls that were not counted yet; whoever asks makes sure of that in the same
    transaction. Counters that cannot be read begin anew: better few calls than none ever."""
    state = await _locked(connection, contact, now)
    for each in seen:
        state.add_call(each)
    await _save(connection, contact, state)


async def change_offers(
    connection: AsyncConnection,
    contact: ContactRef,
    changes: Iterable[OfferChange],
    now: datetime,
) -> None:
    """What is told of a call's offers when the call has been counted already."""
    state = await _locked(connection, contact, now)
    for change in changes:
        state.calls.change_offers(change)
    await _save(connection, contact, state)


async def _locked(connection: AsyncConnection, contact: ContactRef, now: datetime) -> ContactState:
    whose = {"crm": contact.crm, "contact_id": contact.id}
    empty = whose | {"schema": SCHEMA, "updated_at": now}
    await insert_once(connection, contact_states, [empty])
    keys = {"of_crm": contact.crm, "of_contact": contact.id}
    text = (await connection.execute(_CALLS, keys)).scalar_one()
    try:
        return ContactState.of(None, text)
    except BadState as error:
        log.warning("a contact's calls are counted anew: %s", error)
        return ContactState()


async def _save(connection: AsyncConnection, contact: ContactRef, state: ContactState) -> None:
    keys = {"of_crm": contact.crm, "of_contact": contact.id}
    await connection.execute(_SAVE_CALLS, keys | {"calls": state.calls_text()})


def features_of(
    schema: str, purchases: str | None, calls: str | None, now: datetime
) -> ContactFeatures | None:
    """None where the row was written for other columns or cannot be read, which is logged once."""
    global _told_broken  # noqa: PLW0603 -- once for the process, not for each call
    if schema != SCHEMA:
        return None
    try:
        return ContactState.of(purchases, calls).features_at(now)
    except BadState as error:
        if not _told_broken:
            _told_broken = True
            log.warning("what is counted of a contact cannot be read: %s", error)
        return None
