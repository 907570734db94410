"""Follows calls from afar: what was chosen, heard and with whom they talked, for the next call."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from calls import events
from calls.bus import EventBus
from calls.call import CallId, KeyPress
from calls.caller import ContactRef
from calls.errors import Unavailable
from calls.offers import OfferAnswer
from calls.ports import AgentRoster
from config.call_moments import MomentOf
from config.number_area import area_of
from scoring import agent_answers, choice_rows, offer_book
from scoring.choice_rows import Counted
from scoring.decay import Decayed
from scoring.features import state_rows
from scoring.features.moment import cells_of
from scoring.features.seen import CallSeen, of_call
from scoring.house_choices import HouseChoices
from scoring.memory_tables import contact_agents
from scoring.offer_ledger import DatabaseOfferLedger
from storage.database import Database
from storage.transient import is_outage

log = logging.getLogger(__name__)

#: Calls followed at once; beyond, the one heard of longest ago is forgotten.
MAX_CALLS = 20_000
#: Calls whose writes wait at the same time, and so share a commit.
LANES = 32
#: Between tries while the database is away, for a quarter of an hour; the bus keeps what comes.
RETRIES_S = (0.2, 1.0, 5.0, 20.0, *(30.0,) * 30)
_MATCH = "match"


@dataclass(slots=True)
class _Story:
    contact: ContactRef | None = None
    #: Of calls that an agent placed, which say nothing of what the other end wants.
    placed: bool = False
    arrived_at: datetime | None = None
    dialled: str = ""
    withheld: bool = False
    #: Country and area code of the caller's number.
    area: str = ""
    queued_at: datetime | None = None
    answered_at: datetime | None = None
    #: Keys that chose something.
    pressed: list[str] = field(default_factory=list)
    offers: dict[str, OfferAnswer] = field(default_factory=dict)
    choices: dict[tuple[str, str], Counted] = field(default_factory=dict)
    agent: str | None = None
    talked_at: datetime | None = None


class CallFollower:
    """One subscriber, so that a call's news stay in order. Choices, the agent and the contact's
    counters are written when the call ends, together and once; of a call in progress when this
    process dies the next one counts what the call's row remembers, without its choices. `roster`
    says who sits behind an interface, `moment_of` by which clock a call came."""

    def __init__(
        self,
        *,
        database: Database,
        ledger: DatabaseOfferLedger,
        house: HouseChoices,
        roster: AgentRoster,
        moment_of: MomentOf,
        retries_s: Sequence[float] = RETRIES_S,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._house = house
        self._roster = roster
        self._moment_of = moment_of
        self._retries_s = retries_s
        self._stories: OrderedDict[CallId, _Story] = OrderedDict()

    def subscribe(self, bus: EventBus) -> None:
        bus.subscribe(
            "scoring:calls",
            self.handle,
            events.CallArrived,
            events.CallRemembered,
            events.CallerIdentified,
            events.OptionChosen,
            events.CallQueued,
            events.OfferMet,
            events.AgentAnswered,
            events.CallEnded,
            lanes=LANES,
        )

    async def handle(self, event: events.CallEvent) -> None:
        """Raises Unavailable where the database stayed away; that event is lost then."""
        match event:
            case events.CallArrived() | events.CallRemembered():
                self._begin(event)
            case events.CallerIdentified(call_id, caller=caller):
                contact, story = caller.contact, self._story(call_id)
                story.contact = contact.ref if contact else None
                story.area = area_of(caller.number, withheld=story.withheld)
            case events.OptionChosen(call_id, key=key) if key.outcome == _MATCH:
                self._choose(self._story(call_id), key, event.at)
            case events.CallQueued(call_id):
                story = self._story(call_id)
                story.queued_at = story.queued_at or event.at
            case events.AgentAnswered(call_id, interface=interface):
                story = self._story(call_id)
                story.agent = self._roster.login_of(interface) or story.agent
                story.talked_at = event.at
                story.answered_at = story.answered_at or event.at
            case events.OfferMet():
                await self._note_offer(event)
            case events.CallEnded():
                await self._finish(event)

    def _story(self, call_id: CallId) -> _Story:
        story = self._stories.setdefault(call_id, _Story())
        self._stories.move_to_end(call_id)
        if len(self._stories) > MAX_CALLS:
            self._stories.popitem(last=False)
        return story

    def _begin(self, event: events.CallArrived | events.CallRemembered) -> None:
        story = self._story(event.call_id)
        story.arrived_at, story.placed = event.call.arrived_at, event.call.is_placed
        story.dialled, story.withheld = event.call.dialled, event.call.withheld
        if isinstance(event, events.CallRemembered):
            # What the process before this one knew of it.
            keys = [key.digits for key in event.keys if key.outcome == _MATCH]
            story.pressed = keys + story.pressed
            story.queued_at = event.queued_at or story.queued_at

    def _choose(self, story: _Story, key: KeyPress, at: datetime) -> None:
        story.pressed.append(key.digits)
        if key.intent:
            count = Counted(key.digits, Decayed(1.0, at))
            choice_rows.add(story.choices, key.menu, key.intent, count)
            self._house.add(key.menu, key.intent, key.digits, at)

    def _count_moment(self, story: _Story) -> None:
        """Only now: who turned out to be known while the call went on is no stranger."""
        if story.choices and story.arrived_at is not None and not story.placed:
            moment = self._moment_of(story.dialled, story.arrived_at, story.area)
            cells = cells_of(moment, is_known=story.contact is not None)
            self._house.add_moment(cells, story.choices)

    async def _note_offer(self, event: events.OfferMet) -> None:
        story = self._stories.get(event.call_id)
        contact = story.contact if story else None
        if story is not None:
            known = story.offers.get(event.offer, OfferAnswer.CLAIMED)
            story.offers[event.offer] = max(known, event.answer, key=[*OfferAnswer].index)
        if not await self._insist(lambda: self._ledger.met(event, contact)):
            log.warning("call %s met an offer and nobody knows whose call it is", event.call_id)

    async def _finish(self, event: events.CallEnded) -> None:
        call_id, story = event.call_id, self._stories.pop(event.call_id, _Story())
        contact = story.contact
        self._count_moment(story)

        async def work(connection: AsyncConnection) -> None:
            await offer_book.release(connection, call_id)
            if contact is None:
                return
            counts = [(contact, story.choices)]
            if not await choice_rows.fold(connection, call_id, counts, at=event.at):
                return
            if story.agent and story.talked_at:
                row = _agent_row(contact, story.agent, story.talked_at)
                await _remember_agent(connection, row)
            if not story.placed:
                answers = story.offers | await agent_answers.said_of(connection, call_id)
                seen = _seen(story, event, answers.values())
                await state_rows.add_calls(connection, contact, [seen], event.at)

        await self._insist(lambda: self._database.writer.write(work, brief=True))

    async def _insist(self, write: Callable[[], Awaitable[Any]]) -> Any:
        for pause_s in self._retries_s:
            try:
                return await write()
            except (SQLAlchemyError, OSError, Unavailable) as error:
                if not is_outage(error):
                    raise
                log.warning("scoring: not written (%s), again", type(error).__name__)
            await asyncio.sleep(pause_s)
        return await write()


def _seen(story: _Story, event: events.CallEnded, answers: Iterable[OfferAnswer]) -> CallSeen:
    wait_s = None
    if story.queued_at is not None:
        wait_s = max(0.0, ((story.answered_at or event.at) - story.queued_at).total_seconds())
    return of_call(
        story.arrived_at or event.at,
        event.outcome,
        wait_s=wait_s,
        pressed=story.pressed,
        answers=answers,
    )


def _agent_row(contact: ContactRef, agent: str, at: datetime) -> dict[str, Any]:
    return {"contact_crm": contact.crm, "contact_id": contact.id, "agent": agent, "at": at}


async def _remember_agent(connection: AsyncConnection, row: dict[str, Any]) -> None:
    """Of two calls the one that was answered later counts."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = insert(contact_agents)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["contact_crm", "contact_id"],
            set_={"agent": statement.excluded.agent, "at": statement.excluded.at},
            where=contact_agents.c.at < statement.excluded.at,
        ),
        row,
    )
