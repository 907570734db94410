"""The ledger's third entry: what an agent says came of an offer, and says anew. Inside one
transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.call import CallId
from calls.caller import ContactRef
from calls.events import OfferAnswered
from calls.offers import OfferAnswer, OfferPlace
from scoring.features import state_rows
from scoring.features.call_counts import OfferChange
from scoring.memory_tables import folded_calls, offer_meetings
from scoring.offer_book import ENTERED, HEARD
from storage.insert_once import insert_once

_BOOK = offer_meetings.c
_OF_CALL = (_BOOK.system == bindparam("of_system"), _BOOK.linkedid == bindparam("of_linkedid"))
_THE_ROW = (*_OF_CALL, _BOOK.offer == bindparam("of_offer"))
_SAID = select(_BOOK.offer, _BOOK.answer).where(*_OF_CALL, _BOOK.before_agent.is_not(None))


async def note(connection: AsyncConnection, told: OfferAnswered) -> None:
    """Older words than those in the book change nothing, nor do the same ones."""
    key = _call(told.call_id) | {"of_offer": told.offer}
    question = select(offer_meetings).where(*_THE_ROW).with_for_update()
    row = (await connection.execute(question, key)).one_or_none()
    if row is not None and row.before_agent is not None and told.at < row.answered_at:
        return
    contact = ContactRef(row.contact_crm, row.contact_id) if row is not None else told.contact
    if contact is None:
        return
    before = _change(row, sign=-1)
    if told.answer is OfferAnswer.NOT_RAISED:
        await _take_back(connection, row, key)
    elif row is None:
        row_told = _new_row(told, contact)
        await insert_once(connection, offer_meetings, [row_told], computed=ENTERED)
    else:
        values = _values(told, row)
        await connection.execute(update(offer_meetings).where(*_THE_ROW).values(values), key)
    row = (await connection.execute(question, key)).one_or_none()
    changes = [one for one in (before, _change(row, sign=1)) if one is not None]
    if changes and await _is_counted(connection, told.call_id):
        await state_rows.change_offers(connection, contact, changes, told.at)


async def said_of(connection: AsyncConnection, call_id: CallId) -> dict[str, OfferAnswer]:
    """By offer: what agents said in this call."""
    rows = await connection.execute(_SAID, _call(call_id))
    return {row.offer: OfferAnswer(row.answer) for row in rows}


def _call(call_id: CallId) -> dict[str, str]:
    return {"of_system": call_id.system, "of_linkedid": call_id.linkedid}


def _change(row: Row[Any] | None, *, sign: int) -> OfferChange | None:
    """What a row counts for, added or taken away."""
    if row is None or not OfferAnswer(row.answer).was_met:
        return None
    answered: datetime = row.answered_at or row.at
    return OfferChange(
        heard_at=row.at,
        answered_at=answered,
        heard=sign,
        accepted=sign * (row.answer == OfferAnswer.ACCEPTED),
        refused=sign * (row.answer == OfferAnswer.REFUSED),
    )


def _new_row(told: OfferAnswered, contact: ContactRef) -> dict[str, Any]:
    return {
        "system": told.call_id.system,
        "linkedid": told.call_id.linkedid,
        "offer": told.offer,
        "contact_crm": contact.crm,
        "contact_id": contact.id,
        "place": OfferPlace.AGENT.value,
        "answer": told.answer.value,
        "at": told.at,
        "answered_at": told.at,
        "agent": told.agent,
        "reason": told.reason or None,
        "before_agent": OfferAnswer.CLAIMED.value,
        # For ENTERED.
        "of_crm": contact.crm,
        "of_contact": contact.id,
    }


def _values(told: OfferAnswered, row: Row[Any]) -> dict[str, Any]:
    values: dict[str, Any] = {
        "answer": told.answer.value,
        "answered_at": told.at,
        "agent": told.agent,
        "reason": told.reason or None,
        "before_agent": row.before_agent or row.answer,
    }
    if row.answer == OfferAnswer.CLAIMED.value:
        values |= {"place": OfferPlace.AGENT.value, "at": told.at, **HEARD}
    return values


async def _take_back(
    connection: AsyncConnection, row: Row[Any] | None, key: dict[str, str]
) -> None:
    """As if no agent had said anything: a hearing that was theirs alone is free again."""
    if row is None or row.before_agent is None:
        return
    if row.before_agent == OfferAnswer.CLAIMED.value:
        await connection.execute(delete(offer_meetings).where(*_THE_ROW), key)
        return
    heard = row.before_agent == OfferAnswer.HEARD.value
    values = {
        "answer": row.before_agent,
        "answered_at": None if heard else row.at,
        "agent": None,
        "reason": None,
        "before_agent": None,
    }
    await connection.execute(update(offer_meetings).where(*_THE_ROW).values(values), key)


async def _is_counted(connection: AsyncConnection, call_id: CallId) -> bool:
    """Of a call whose counters are not written yet, `said_of` is asked as they are."""
    counted = select(folded_calls.c.at).where(
        folded_calls.c.system == call_id.system, folded_calls.c.linkedid == call_id.linkedid
    )
    return await connection.scalar(counted) is not None
