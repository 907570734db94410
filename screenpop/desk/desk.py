"""The agent side of the house put together: what the composition root builds and starts."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType
from typing import Any, Self

from calls import events
from calls.agents import Agent
from calls.bus import EventBus
from calls.deadlines import Deadline
from calls.errors import Unavailable
from calls.ports import FollowUps, OfferAnswers, QueueControl, QueueMembership, Transfers
from calls.recordings import LineRecordings
from config.agent_settings import AgentSettings
from config.dialling_settings import DiallingSettings
from config.queue_settings import QueueSettings
from config.settings import SoftphoneSettings, WebSettings
from screenpop.agents.agents import Agents
from screenpop.agents.day_counts import AgentDays
from screenpop.agents.duties import Duties
from screenpop.agents.log_in import LogIns, Tickets
from screenpop.agents.memberships import Memberships
from screenpop.agents.passwords import Passwords
from screenpop.counters import DeskCounters
from screenpop.delivery.tokens import Tokens
from screenpop.desk import protocol
from screenpop.desk.admission import Admission
from screenpop.desk.hub import Desktop, Hub
from screenpop.desk.presence import Presences
from screenpop.dialling.guard import DiallingGuard
from screenpop.dialling.kept_cost import KeptCost
from screenpop.phone.phones import Phones
from screenpop.pops import follow_up_plans
from screenpop.pops.content import clean
from screenpop.pops.follow_up_plans import FollowUpPlans
from screenpop.pops.lead_cards import LeadCards
from screenpop.pops.past_calls import PastCalls
from screenpop.pops.pop_store import AlsoOwed, PopStore
from screenpop.pops.pops import Opener, Pops
from screenpop.pops.recording_pauses import RecordingPauses
from screenpop.pops.transfers import CallTransfers, Refused, TransferFrame
from screenpop.pops.wrap_ups import WrapUpRules
from storage.database import Database
from storage.transient import is_outage

log = logging.getLogger(__name__)

#: How soon an agent changed on the command line, and a log-in that ended there or by its age,
#: count here.
REFRESH_S = 30.0
#: How exactly timed wrap-ups end.
EXPIRE_EVERY_S = 0.5
#: An agent's answer to an offer that is not stored by then is asked for again.
ANSWER_DEADLINE_S = 5.0


class Desk:
    """`agents` is the AgentRoster. Enter it after storage and the bus exist and before events
    flow; it subscribes itself. `also_owed` and `owed` are the store's. Without `memberships` (by
    Asterisk's name) nobody is made a member of a queue; without `transfers` no call is moved,
    without `recordings` none is silenced. `region` is the country in whose format agents dial."""

    def __init__(
        self,
        *,
        database: Database,
        bus: EventBus,
        queue_control: QueueControl,
        memberships: Mapping[str, QueueMembership] = MappingProxyType({}),
        queues: QueueSettings = QueueSettings(),  # noqa: B008 -- frozen
        offers: OfferAnswers,
        follow_ups: FollowUps,
        transfers: Transfers | None = None,
        recordings: LineRecordings | None = None,
        web: WebSettings,
        softphone: SoftphoneSettings | None = None,
        dialling: DiallingSettings = DiallingSettings(),  # noqa: B008 -- frozen
        region: str = "US",
        counters: DeskCounters | None = None,
        work: AgentSettings = AgentSettings(),  # noqa: B008 -- frozen
        lead_url: str | None = None,
        task_url: str | None = None,
        opener: Opener = lambda content, agent: None,
        also_owed: AlsoOwed | None = None,
        owed: Callable[[], None] = lambda: None,
        passwords: Passwords | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.counters = counters or DeskCounters()
        self._bus = bus
        self._offers = offers
        self._store = PopStore(
            database=database, counters=self.counters, also_owed=also_owed, owed=owed
        )
        self.hub = Hub(store=self._store, counters=self.counters)
        self.agents = Agents(database=database, queue_control=queue_control, join=self._join)
        among = partial(Memberships, database=database, settings=queues, agents=self.agents)
        self._memberships = [
            among(queues=there, system=system) for system, there in memberships.items()
        ]
        self.days = AgentDays(on_change=self._day_changed, now=now)
        self.pops = Pops(
            roster=self.agents,
            hub=self.hub,
            store=self._store,
            bus=bus,
            rules=WrapUpRules(work),
            days=self.days,
            counters=self.counters,
            opener=opener,
            now=now,
        )
        self.duties = Duties(
            agents=self.agents,
            pops=self.pops,
            days=self.days,
            missed_not_ready=work.missed_not_ready,
            on_change=self._state_changed,
            start=lambda login, writing: self._start(self._stored(login, writing)),
            now=now,
        )
        self.presences = Presences(
            agents=self.agents, status_of=self.duties.status_of, tell=self.hub.tell
        )
        guard = self._guard(dialling, region, database)
        self._kept_cost = KeptCost(guard.cost, database)
        self.transfers = self._moves(transfers, work.transfer_numbers, guard, database)
        self.recordings = self._pauses(recordings, work.recording_pause_s, database, now)
        self.follow_ups = FollowUpPlans(
            pops=self.pops, book=follow_ups, publish=bus.publish, now=now, url=task_url
        )
        self.leads = LeadCards(hub=self.hub, publish=bus.publish, url=lead_url)
        self.log_ins = LogIns(
            database=database, counters=self.counters, settings=web, passwords=passwords, now=now
        )
        self.tokens = Tokens(database=database)
        self.past_calls = PastCalls(database=database, now=now)
        self.tickets = Tickets()
        self.admission = Admission(
            agents=self.agents, log_ins=self.log_ins, tickets=self.tickets, tokens=self.tokens
        )
        self.phones = Phones(
            database=database,
            settings=softphone or SoftphoneSettings(),
            counters=self.counters,
            guard=guard,
            tell=self.hub.tell,
        )
        self._now = now
        self._running: list[asyncio.Task[None]] = []
        self._choices: set[asyncio.Task[None]] = set()
        self._stack = AsyncExitStack()

    def _guard(self, dialling: DiallingSettings, region: str, database: Database) -> DiallingGuard:
        return DiallingGuard(
            settings=dialling, region=region, counters=self.counters, audit=database.audit.note
        )

    def _moves(
        self, transfers: Transfers | None, numbers: str, guard: DiallingGuard, database: Database
    ) -> CallTransfers | None:
        if transfers is None:
            return None
        return CallTransfers(
            agents=self.agents,
            pops=self.pops,
            transfers=transfers,
            numbers=numbers,
            guard=guard,
            tell=self.hub.tell,
            audit=database.audit.note,
        )

    def _pauses(
        self,
        recordings: LineRecordings | None,
        limit_s: float,
        database: Database,
        now: Callable[[], datetime],
    ) -> RecordingPauses | None:
        if recordings is None:
            return None
        return RecordingPauses(
            pops=self.pops,
            recordings=recordings,
            limit_s=limit_s,
            tell=self.hub.tell,
            stored=self.flush,
            publish=self._bus.publish,
            audit=database.audit.note,
            now=now,
        )

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._store)
        self.hub.restore(await self._store.last_seqs())
        left_open = await self._store.open_pops()
        self.pops.restore(left_open)
        if self.recordings is not None:
            self.recordings.restore(left_open)
            lost, back = self.recordings.on_ami_lost, self.recordings.on_ami_restored
            self._bus.subscribe("recordings in doubt", lost, events.AmiLost)
            self._bus.subscribe("recordings heard of", back, events.AmiRestored)
        self.days.restore(await self._store.pops_since(self.days.began_at))
        await self._stack.enter_async_context(self.agents)
        for memberships in self._memberships:
            await self._stack.enter_async_context(memberships)
        await self._stack.enter_async_context(self._kept_cost)
        await self._stack.enter_async_context(self.phones)
        self.duties.restore(left_open)
        self._bus.subscribe("screenpop", self._hear, events.CallEvent)
        self._bus.subscribe("lead cards", self.leads.handle, events.LeadCreated)
        self._bus.subscribe("follow-up cards", self.follow_ups.on_created, events.TaskCreated)
        self._bus.subscribe("agent states", self.agents.on_ami_restored, events.AmiRestored)
        self._running = [
            asyncio.create_task(self._keep_fresh(), name="desk:refresh"),
            asyncio.create_task(self._keep_time(), name="desk:wrap-ups"),
        ]
        return self

    async def __aexit__(self, *exc: object) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self.presences.close()
        if self.transfers is not None:
            await self.transfers.close()
        if self.recordings is not None:
            await self.recordings.close()
        self.hub.close_all()
        await asyncio.gather(*self._choices, return_exceptions=True)
        await self.past_calls.finish()
        await self._stack.aclose()

    async def flush(self) -> None:
        """Returns when everything sent so far is also stored."""
        await self._store.flush()

    async def refresh(self) -> None:
        """Reads again who the agents are, and closes desktops and phones whose log-in is over."""
        await self.agents.reload()
        sessions = self.hub.sessions() | self.phones.sessions()
        if sessions:
            living = await self.log_ins.living(sessions) | await self.tokens.living(sessions)
            ended = sessions - living.keys()
            self.hub.close_sessions(ended)
            self.phones.close_sessions(ended)

    async def _keep_fresh(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_S)
            try:
                await self.refresh()
                await self.follow_ups.refresh()
            except Exception as error:
                if is_outage(error):
                    log.warning("desk: the database is away (%s)", type(error).__name__)
                else:
                    log.exception("desk: agents and log-ins could not be read again")

    async def _keep_time(self) -> None:
        while True:
            try:
                self.expire_wrap_ups()
            except Exception:
                log.exception("desk: wrap-ups could not be ended")
            await asyncio.sleep(EXPIRE_EVERY_S)

    def expire_wrap_ups(self) -> None:
        """Ends those whose time is over by now."""
        for login in self.pops.expire(self._now()):
            self.duties.settle(login)

    async def _hear(self, event: events.CallEvent) -> None:
        await self.pops.handle(event)
        self.duties.handle(event)
        if self.transfers is not None:
            self.transfers.handle(event)
        if self.recordings is not None:
            self.recordings.handle(event)

    def attach(self, login: str, desktop: Desktop, last_seq: int | None) -> bool:
        """Without waiting, so that no frame can fall between the greeting and the stream."""
        resumed = self.hub.can_resume(login, last_seq)
        hello = self._hello(login, resumed=resumed)
        for memberships in self._memberships:
            memberships.seated(login)
        return self.hub.attach(login, desktop, hello.model_dump_json(), last_seq)

    def receive(self, login: str, frame: protocol.ClientFrame) -> None:
        """What an agent's desktop asks for; only ever about this agent's own pops."""
        match frame:
            case protocol.Ack():
                self.hub.acknowledge(login, frame.seq, frame.rendered_ms)
            case protocol.StateSet():
                reason = clean(frame.reason, 80) or None if frame.reason else None
                self.duties.choose(login, frame.state, reason, now=frame.now)
            case protocol.Disposition() | protocol.WrapUpExtend() | protocol.WrapUpSkip():
                self._wrap_up(login, frame)
            case protocol.NoteSet():
                done = self.pops.note(login, frame.pop_id, frame.text)
                self._unless(done, login, "note_refused", "This call is closed: note not kept.")
            case protocol.OfferSaid():
                self._start(self._answer_offer(login, frame))
            case protocol.CallbackCreate() | protocol.CallbackCancel():
                self._start(self._plan(login, frame))
            case (
                protocol.CallTransfer()
                | protocol.CallTransferComplete()
                | protocol.CallTransferCancel()
                | protocol.CallConference()
            ):
                self._start(self._transfer(login, frame))
            case protocol.PresenceWatch():
                self.presences.watch(login)
            case protocol.LeadDone():
                self.leads.done(login, frame.lead_id, confirmed=frame.confirmed)
            case protocol.Select():
                done = self.pops.select(login, frame.pop_id, frame.candidate)
                self._unless(done, login, "select_refused", "This choice is no longer possible.")

    def _hello(self, login: str, *, resumed: bool) -> protocol.Hello:
        agent = self.agents.find(login)
        if agent is None:
            raise LookupError("no such agent")
        return protocol.Hello(
            ts=_now_ms(),
            agent=protocol.AgentCard(
                login=agent.login,
                name=agent.name,
                language=agent.language,
                role=agent.role,
                queues=agent.queues,
            ),
            status=self.duties.status_of(login),
            day=self.days.of(login),
            seq=self.hub.seq_of(login),
            resumed=resumed,
            pops=() if resumed else self.pops.snapshot(login),
            leads=self.leads.of(login),
            consults=self.transfers.of(login) if self.transfers is not None else (),
            recordings=self.recordings.of(login) if self.recordings is not None else (),
        )

    def _wrap_up(
        self,
        login: str,
        frame: protocol.Disposition | protocol.WrapUpExtend | protocol.WrapUpSkip,
    ) -> None:
        match frame:
            case protocol.Disposition():
                done = self.pops.dispose(login, frame.pop_id, frame.code, frame.note)
                self._unless(done, login, "disposition_refused", "This call is wrapped up already.")
            case protocol.WrapUpExtend():
                done = self.pops.extend(login, frame.pop_id)
                self._unless(done, login, "extend_refused", "This wrap-up cannot be extended.")
            case protocol.WrapUpSkip():
                done = self.pops.skip(login, frame.pop_id)
                self._unless(done, login, "skip_refused", "This call needs a code.")
        self.duties.settle(login)

    async def _stored(self, login: str, writing: Coroutine[Any, Any, None]) -> None:
        try:
            await writing
        except Unavailable:
            self._unless(False, login, "state_not_stored", "The state holds until a restart only.")

    async def _answer_offer(self, login: str, frame: protocol.OfferSaid) -> None:
        told = self.pops.offer_told(login, frame.pop_id, frame.offer, frame.answer, frame.reason)
        if told is None:
            self._unless(False, login, "answer_refused", "This offer can no longer be answered.")
            return
        try:
            await self._offers.answered(told, deadline=Deadline.after(ANSWER_DEADLINE_S))
        except Unavailable:
            text = "The answer could not be stored. Choose it again in a moment."
            self._unless(False, login, "answer_not_stored", text)
            return
        self.pops.offer_said(told)
        self._bus.publish(told)

    async def _plan(
        self, login: str, frame: protocol.CallbackCreate | protocol.CallbackCancel
    ) -> None:
        try:
            await self.follow_ups.receive(login, frame)
        except follow_up_plans.Refused as refused:
            self._unless(False, login, refused.code, str(refused))

    async def _transfer(self, login: str, frame: TransferFrame) -> None:
        if self.transfers is None:
            return self._unless(False, login, "transfer_failed", "There is no telephone system.")
        try:
            await self.transfers.receive(login, frame)
        except Refused as refused:
            self._unless(False, login, refused.code, str(refused))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="desk:choose")
        self._choices.add(task)
        task.add_done_callback(self._choices.discard)

    async def _join(self, agent: Agent, reason: str) -> None:
        for memberships in self._memberships:
            await memberships.join(agent, reason)

    def _state_changed(self, login: str, status: protocol.AgentStatus) -> None:
        self.hub.tell(login, protocol.AgentStateChanged(ts=_now_ms(), status=status))
        self.presences.changed(login)

    def _day_changed(self, login: str, day: protocol.DayCounts) -> None:
        self.hub.tell(login, protocol.AgentDay(ts=_now_ms(), day=day))

    def _unless(self, done: bool, login: str, code: str, text: str) -> None:
        if not done:
            notice = protocol.Notice(ts=_now_ms(), level="warning", code=code, text=text)
            self.hub.tell(login, notice)


def _now_ms() -> float:
    return time.time() * 1000
