"""The ledger's two entries, each inside one transaction: a hearing claimed, and what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    case,
    delete,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.call import CallId
from calls.caller import ContactRef
from calls.events import OfferMet
from calls.offers import OfferAnswer, OfferCap
from scoring.features import state_rows
from scoring.features.call_counts import OfferChange
from scoring.memory_tables import folded_calls, offer_meetings
from scoring.offer_history import Meeting, history_of
from scoring.policy.posteriors import UNKNOWN
from scoring.tables import contact_segments
from storage.insert_once import insert_once

_BOOK = offer_meetings.c
_RANK = {answer: rank for rank, answer in enumerate(OfferAnswer)}
_FINAL = (OfferAnswer.REFUSED, OfferAnswer.ACCEPTED)

_THIS_CALL = (_BOOK.system == bindparam("of_system"), _BOOK.linkedid == bindparam("of_linkedid"))
_RELEASE = delete(offer_meetings).where(*_THIS_CALL, _BOOK.answer == OfferAnswer.CLAIMED.value)
_RELEASE_OF_OTHERS = _RELEASE.where(
    or_(_BOOK.contact_crm != bindparam("of_crm"), _BOOK.contact_id != bindparam("of_contact"))
)
_OF_CALL: Select[Any] = select(offer_meetings).where(
    *_THIS_CALL, _BOOK.offer == bindparam("of_offer")
)
_OF_CONTACT: Select[Any] = select(offer_meetings).where(
    _BOOK.contact_crm == bindparam("of_crm"),
    _BOOK.contact_id == bindparam("of_contact"),
    _BOOK.offer == bindparam("of_offer"),
)


def _segment(name: str, crm: ColumnElement[str], contact: ColumnElement[str]) -> ColumnElement[str]:
    """Of a contact as it is now; it may be another one when the answers are counted."""
    standing = contact_segments.c
    mine = select(standing[name]).where(standing.crm == crm, standing.contact_id == contact)
    return func.coalesce(mine.scalar_subquery(), UNKNOWN)


_SEGMENTS = ("tier", "lifecycle")
ENTERED = tuple(
    (name, _segment(name, bindparam("of_crm"), bindparam("of_contact"))) for name in _SEGMENTS
)
HEARD = {
    name: func.coalesce(_BOOK[name], _segment(name, _BOOK.contact_crm, _BOOK.contact_id))
    for name in _SEGMENTS
}
#: PostgreSQL: one asker after the other for a contact and an offer, on every node, to the end of
#: the transaction. SQLite's writers are one after the other always.
_ONE_BY_ONE = text("SELECT pg_advisory_xact_lock(hashtextextended(:whose, 0))")


async def claim(
    connection: AsyncConnection,
    contact: ContactRef,
    call_id: CallId,
    offer: str,
    *,
    cap: OfferCap,
    now: datetime,
) -> str | None:
    """Why not, or None where it is claimed now or was already."""
    if connection.dialect.name == "postgresql":
        whose = f"offer {contact} {offer}"
        await connection.execute(_ONE_BY_ONE, {"whose": whose})
    this_call = {"of_system": call_id.system, "of_linkedid": call_id.linkedid}
    own = (await connection.execute(_OF_CALL, {**this_call, "of_offer": offer})).one_or_none()
    if own is not None:
        claimed_for = ContactRef(own.contact_crm, own.contact_id)
        if own.answer != OfferAnswer.CLAIMED or claimed_for == contact:
            return None
    whose_book = {"of_crm": contact.crm, "of_contact": contact.id}
    # The caller turned out to be somebody else: what was kept free for the first is free again.
    await connection.execute(_RELEASE_OF_OTHERS, {**this_call, **whose_book})
    rows = await connection.execute(_OF_CONTACT, {**whose_book, "of_offer": offer})
    met = [Meeting(OfferAnswer(row.answer), row.at, row.answered_at) for row in rows]
    refusal = history_of(met, now).refusal_of(cap)
    if refusal is None:
        row = _row(contact, call_id, offer, now)
        await insert_once(connection, offer_meetings, [row], computed=ENTERED)
    return refusal


async def enter(connection: AsyncConnection, event: OfferMet, contact: ContactRef | None) -> bool:
    """Moves the row forward, never back; makes it where nothing was claimed and `contact` is
    known. False where it is not."""
    answered_at = event.at if event.answer in _FINAL else None
    call = {"of_system": event.call_id.system, "of_linkedid": event.call_id.linkedid}
    changed = await connection.execute(_forward(event, answered_at), call)
    if changed.rowcount:
        if event.answer in _FINAL:
            await _count_late(connection, event)
        return True
    if contact is None:
        known = await connection.execute(_OF_CALL, {**call, "of_offer": event.offer})
        return known.one_or_none() is not None
    row = _row(contact, event.call_id, event.offer, event.at)
    row |= {"place": event.place.value, "answer": event.answer.value, "answered_at": answered_at}
    await insert_once(connection, offer_meetings, [row], computed=ENTERED)
    return True


async def _count_late(connection: AsyncConnection, event: OfferMet) -> None:
    """Agents note an answer often after the call, when its counters are written."""
    call_id = event.call_id
    counted = select(folded_calls.c.at).where(
        folded_calls.c.system == call_id.system, folded_calls.c.linkedid == call_id.linkedid
    )
    if await connection.scalar(counted) is None:
        return
    call = {"of_system": call_id.system, "of_linkedid": call_id.linkedid}
    row = (await connection.execute(_OF_CALL, {**call, "of_offer": event.offer})).one()
    contact = ContactRef(row.contact_crm, row.contact_id)
    accepted = event.answer is OfferAnswer.ACCEPTED
    change = OfferChange(event.at, event.at, accepted=int(accepted), refused=int(not accepted))
    await state_rows.change_offers(connection, contact, [change], event.at)


def _forward(event: OfferMet, answered_at: datetime | None) -> Any:
    earlier = [answer.value for answer in OfferAnswer if _RANK[answer] < _RANK[event.answer]]
    claimed = _BOOK.answer == OfferAnswer.CLAIMED.value
    return (
        update(offer_meetings)
        .where(*_THIS_CALL, _BOOK.offer == event.offer, _BOOK.answer.in_(earlier))
        # An agent asked the caller: keys pressed before do not know better.
        .where(_BOOK.before_agent.is_(None))
        .values(
            answer=event.answer.value,
            place=func.coalesce(_BOOK.place, event.place.value),
            at=case((claimed, event.at), else_=_BOOK.at),
            answered_at=answered_at,
            **{name: case((claimed, now), else_=_BOOK[name]) for name, now in HEARD.items()},
        )
    )


async def release(connection: AsyncConnection, call_id: CallId) -> None:
    call = {"of_system": call_id.system, "of_linkedid": call_id.linkedid}
    await connection.execute(_RELEASE, call)


def _row(contact: ContactRef, call_id: CallId, offer: str, at: datetime) -> dict[str, Any]:
    return {
        "system": call_id.system,
        "linkedid": call_id.linkedid,
        "offer": offer,
        "contact_crm": contact.crm,
        "contact_id": contact.id,
        "place": None,
        "answer": OfferAnswer.CLAIMED.value,
        "at": at,
        "answered_at": None,
        # For ENTERED.
        "of_crm": contact.crm,
        "of_contact": contact.id,
    }
