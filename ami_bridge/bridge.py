"""The AMI side as one thing to start and stop."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Self

from ami_bridge import self_check
from ami_bridge.ami_client import ActionRefused, AmiClient, AmiCounters, AmiTiming, LinkState
from ami_bridge.ami_events import AmiEvent, Booted
from ami_bridge.ami_reading import read_event
from ami_bridge.call_tracker import CallTracker
from ami_bridge.event_queue import EventQueue
from ami_bridge.line_recordings import AmiLineRecordings
from ami_bridge.placing import Placing
from ami_bridge.queue_control import AmiQueueControl
from ami_bridge.queue_exits import QueueExits
from ami_bridge.queue_members import QueueMembers
from ami_bridge.queue_membership import AmiQueueMembership
from ami_bridge.queue_places import QueuePlaces
from ami_bridge.recorded_lines import RecordedLines
from ami_bridge.resync import Resync
from ami_bridge.snapshot import Snapshot
from ami_bridge.transfers import AmiTransfers
from ami_bridge.unrecorded import Unrecorded
from calls import crash_points
from calls.bus import EventBus
from calls.errors import Unavailable
from calls.events import AmiLost, AmiRestored, CallbackRequested, CallEnded
from calls.ports import CallJournal
from config.settings import AmiSettings

log = logging.getLogger(__name__)

#: Events applied before other tasks have their turn.
_BATCH = 200
_RETRY_S = 2.0
#: However often callers' numbers tear messages apart, Asterisk is asked anew only so often.
_MEND_S = 5.0
#: Of an action whose module Asterisk has not loaded (main/manager.c, 22.10.1).
_NOT_LOADED = "Invalid/unknown command"


@dataclass(frozen=True, slots=True)
class AmiFigures:
    """For /metrics and /readyz."""

    state: LinkState
    last_byte_age_s: float | None
    client: AmiCounters
    events_waiting: int
    events_shed: int
    resyncs: int
    calls: int
    channels: int


class AmiBridge:
    """Follows Asterisk while entered (`async with`); away or not, entering never waits for it.

    `tracker` is for the AGI side, `queue_control`, `membership` and `transfers` for the desk,
    `places` and `exits` for who waits, `recordings` for who says what is recorded nowhere,
    `members` for `queue_routes`. `is_connected` is true once
    the live view is right, which is a resync after the login.

    Without a `journal` it only watches: beside another that keeps the records of this Asterisk.
    """

    def __init__(
        self,
        *,
        settings: AmiSettings,
        journal: CallJournal | None,
        bus: EventBus,
        tracker: CallTracker | None = None,
        placing: Placing | None = None,
        timing: AmiTiming | None = None,
        agents_context: str = "switchboard-agents",
        settle_s: float = 1.0,
        queue_size: int = 10_000,
    ) -> None:
        keeps_records = journal is not None
        journal = journal or Unrecorded()
        self._settings = settings
        self._bus = bus
        self.tracker = tracker or CallTracker(
            system=settings.system, journal=journal, bus=bus, placing=placing
        )
        self.tracker.doubted = self._on_torn
        self._queue = EventQueue(queue_size)
        self._hold = asyncio.Lock()
        self._due = asyncio.Event()
        self._in_step = False
        self._told_lost = False
        self._resyncs = 0
        #: The login whose Asterisk was looked at.
        self._checked = 0
        self._found: tuple[str, ...] = ()
        self._shed_before = 0
        self._mending: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self.client = AmiClient(
            settings=settings,
            on_event=self._on_event,
            on_up=self._on_up,
            on_down=self._on_down,
            on_torn=self._on_torn,
            timing=timing,
        )
        self.queue_control = AmiQueueControl(client=self.client)
        self.transfers = AmiTransfers(
            client=self.client, tracker=self.tracker, context=agents_context
        )
        self.members = QueueMembers()
        self.membership = AmiQueueMembership(
            client=self.client, members=self.members, in_step=lambda: self.is_connected
        )
        self.recordings = AmiLineRecordings(
            client=self.client, others=self.tracker.channel_names_of
        )
        self._recorded = RecordedLines(tracker=self.tracker)
        self.places = QueuePlaces(system=settings.system)
        self.exits = QueueExits(
            client=self.client,
            system=settings.system,
            places=self.places,
            in_step=lambda: self.is_connected,
        )
        self._resync = Resync(
            client=self.client,
            tracker=self.tracker,
            journal=journal,
            bus=bus,
            hold=self._hold,
            replay=self._replay,
            on_snapshot=self._seen,
            settle_s=settle_s,
            traces=keeps_records,
        )

        bus.subscribe("ami:callbacks", self._note_callback, CallbackRequested)
        bus.subscribe("ami:recordings", self._note_end, CallEnded)

    @property
    def is_connected(self) -> bool:
        return self.client.is_connected and self._in_step

    @property
    def state(self) -> LinkState:
        return self.client.state

    @property
    def doubts(self) -> tuple[str, ...]:
        """What a person should know of this Asterisk and of our rights there."""
        version = self.client.doubt
        return (version, *self._found) if version else self._found

    def figures(self) -> AmiFigures:
        return AmiFigures(
            state=self.client.state,
            last_byte_age_s=self.client.last_byte_age_s,
            client=self.client.counters,
            events_waiting=len(self._queue),
            events_shed=self._queue.shed,
            resyncs=self._resyncs,
            calls=len(self.tracker.calls),
            channels=len(self.tracker.channels),
        )

    def counters(self) -> dict[str, float]:
        """For /metrics."""
        figures = self.figures()
        client = figures.client
        return {
            "ami_connected": float(self.is_connected),
            "ami_last_byte_age_seconds": figures.last_byte_age_s or 0.0,
            "ami_logins_total": client.logins,
            "ami_logins_refused_total": client.refused,
            "ami_connections_lost_total": client.lost,
            "ami_events_total": client.events,
            "ami_malformed_messages_total": client.malformed,
            "ami_action_timeouts_total": client.timeouts,
            "ami_events_waiting": figures.events_waiting,
            "ami_events_shed_total": figures.events_shed,
            "ami_resyncs_total": figures.resyncs,
            "ami_lines_to_unmute": self.recordings.waiting,
            "calls_live": figures.calls,
            "channels_live": figures.channels,
        }

    @property
    def tasks(self) -> tuple[asyncio.Task[None], ...]:
        """To be watched: none of them ends while entered, but by a fault of ours."""
        return () if self._task is None else (self._task,)

    async def _note_callback(self, event: CallbackRequested) -> None:
        if event.call_id.system == self.tracker.system:
            self.tracker.callback_requested(event.call_id)

    async def _note_end(self, event: CallEnded) -> None:
        self.recordings.over(event.call_id)

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self.run(), name="ami")
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.recordings.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        if self._mending is not None:
            self._mending.cancel()
        await self.exits.close()
        await self.tracker.settle()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.client.run(), name="ami:client")
            group.create_task(self._follow(), name="ami:follow")
            group.create_task(self._keep_in_step(), name="ami:resync")

    def _on_event(self, name: bytes, block: bytes) -> None:
        event = read_event(name, block)
        if event is None:
            return
        if isinstance(event, Booted):
            self._due.set()
        elif not self._queue.put(event):
            self.client.drop("more events than can be read")

    def _on_up(self) -> None:
        self._due.set()

    def _on_down(self, reason: str) -> None:
        self._in_step = self.tracker.followed = False
        self.places.lost()
        self._recorded.lost()
        self._due.clear()
        if not self._told_lost:
            self._told_lost = True
            self._bus.publish(AmiLost(self.tracker.now(), reason))

    def _on_torn(self) -> None:
        """What was not believed may have been true."""
        if self._mending is None:
            log.warning("an AMI message was not believed; the live view is asked for anew")
            self._mending = asyncio.get_running_loop().call_later(_MEND_S, self._mend)

    def _mend(self) -> None:
        self._mending = None
        self._due.set()

    async def _follow(self) -> None:
        while True:
            await self._queue.wait()
            async with self._hold:
                for _ in range(_BATCH):
                    event = self._queue.pop()
                    if event is None:
                        break
                    self._apply(event)
            if self._queue.shed != self._shed_before:
                self._shed_before = self._queue.shed
                log.warning("AMI events were shed, the live view is asked for anew")
                self._due.set()
            await asyncio.sleep(0)

    def _replay(self) -> None:
        while (event := self._queue.pop()) is not None:
            self._apply(event)

    def _apply(self, event: AmiEvent) -> None:
        self.places.apply(event)
        self.exits.apply(event)
        self.members.apply(event)
        self.tracker.apply(event)
        self._recorded.apply(event)
        crash_points.reached("ami.event_applied")

    def _seen(self, seen: Snapshot) -> None:
        self.members.replace(seen.members)
        self.places.replace(seen.waiting, seen.linkedid_of)
        self.exits.replace(seen.waiting, seen.linkedid_of)

    async def _keep_in_step(self) -> None:
        """After a login, when events were shed, and regularly."""
        wait_s = self._settings.resync_every_s
        while True:
            try:
                async with asyncio.timeout(wait_s):
                    await self._due.wait()
            except TimeoutError:
                pass
            self._due.clear()
            wait_s = self._settings.resync_every_s
            if self.client.is_connected and not await self._resync_once():
                wait_s = min(wait_s, _RETRY_S)
            await self._check_once()

    async def _check_once(self) -> None:
        """After each login, once calls are followed."""
        login = self.client.counters.logins
        if not self.is_connected or self._checked == login:
            return
        try:
            found = await self_check.look(self.client)
        except Unavailable:
            return
        self._checked = login
        for doubt in found:
            if doubt not in self._found:
                log.warning("AMI: %s", doubt)
        self._found = found

    async def _resync_once(self) -> bool:
        """False where it should be tried again soon."""
        closed, is_whole = 0, True
        try:
            closed = await self._resync.run()
        except Unavailable as error:
            log.warning("AMI resync not finished: %s", error)
            return False
        except ActionRefused as error:
            # AMI listens before app_queue is there; its FullyBooted then brings us here again.
            is_whole = _NOT_LOADED not in str(error)
            log.error("AMI resync refused, calls may stay open: %s", error)
        self._resyncs += 1
        if self.client.is_connected:
            self._in_step = self.tracker.followed = True
            if self._told_lost and is_whole:
                self._told_lost = False
                self._bus.publish(AmiRestored(self.tracker.now(), closed))
        return True
