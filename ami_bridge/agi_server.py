"""Accepts Asterisk's FastAGI connections: one owned task per call, and the fallback for the rest.

Whatever fails here, the socket closes without SWB_DONE and the dialplan serves the caller.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from ami_bridge import dialplan
from ami_bridge.agi_channel import AgiChannel
from ami_bridge.agi_commands import CommandDeadlines
from ami_bridge.agi_connection import AgiConnection
from ami_bridge.agi_peers import AgiPeers
from ami_bridge.agi_request import AgiRequest
from ami_bridge.agi_waiting import WaitingPeers
from ami_bridge.prompt_delays import PromptDelays
from calls import crash_points
from calls.bus import EventBus
from calls.call import Call, CallId, CallOutcome
from calls.clocks import Clock, steady
from calls.errors import CallerHungUp, ChannelBroken, Misconfigured
from calls.events import CallArrived, DialogFailed
from calls.ports import CallChannel, CallJournal
from config.neighbours import Neighbours
from config.settings import AgiSettings

log = logging.getLogger(__name__)

#: A dialog whose caller left has this long to end by itself (CallerHungUp out of its command).
_LEAVE_S = 0.05
_BACKLOG = 1024
#: How a call ends that we handed over to these.
_LEFT_FOR = {
    dialplan.ROUTE_VOICEMAIL: CallOutcome.VOICEMAIL,
    dialplan.ROUTE_TARGET: CallOutcome.TRANSFERRED,
}
#: How late a deadline of a connection may be noticed.
_SWEEP_S = 0.1
#: As the server stops: a request follows its connection within milliseconds.
_LAST_REQUESTS_S = 0.5


Handler = Callable[[CallChannel], Awaitable[None]]


class DialogWatcher(Protocol):
    """Who must know which calls are with us. Implemented by `ami_bridge.call_tracker`."""

    def dialog_started(self, call_id: CallId, now: Clock | None = None) -> None:
        """`now`: the call's clock since it arrived."""
        ...

    def dialog_ended(
        self,
        call_id: CallId,
        *,
        hung_up: bool,
        queued: bool,
        left_for: CallOutcome | None = None,
    ) -> None:
        """`hung_up`: the caller left. `queued`: the caller goes on, to a queue of our choice or
        the fallback's, or `left_for` a mailbox or a transfer. Neither: we sent the caller away.
        Both: one of the two, we cannot tell."""
        ...


@dataclass(slots=True)
class AgiCounters:
    """For /metrics. `waiting` and `live` are levels, the others only grow."""

    #: Connections whose request is not whole yet.
    waiting: int = 0
    #: Calls being served.
    live: int = 0
    #: Calls ever served.
    total: int = 0
    #: Calls sent to the fallback because `max_sessions` were live.
    refused: int = 0
    #: Connections that never sent a FastAGI request.
    bad: int = 0
    #: Calls whose dialog failed; the fallback has them.
    failed: int = 0
    #: Calls whose caller left in the dialog, and the longest that one of their dialogs went on.
    left: int = 0
    worst_leave_s: float = 0.0


@dataclass(slots=True, eq=False)
class _Session:
    connection: AgiConnection
    task: asyncio.Task[None] | None = None
    #: The call is in the journal: from now on the task may be cancelled.
    journaled: bool = False
    #: Of the loop's clock, once the caller has gone.
    left_at: float | None = None


class AgiServer:
    """`handler` is run once per call with its channel and is cancelled when the caller hangs up.

    `withdrawn` is run, in the same way, for a caller who left the queue by the key they were
    offered (`queue_exits`): the same call, so it neither arrives nor is journaled again. Without
    it such callers go to the fallback's queue. Calls are of the Asterisk `system`, or of whichever
    of `more_systems` says that it asks. `near` says who may ask; without it this machine alone.
    """

    def __init__(
        self,
        *,
        settings: AgiSettings,
        system: str,
        more_systems: Collection[str] = (),
        near: Neighbours | None = None,
        journal: CallJournal,
        bus: EventBus,
        calls: DialogWatcher,
        handler: Handler,
        withdrawn: Handler | None = None,
        journal_deadline_s: float = 2.0,
        deadlines: CommandDeadlines | None = None,
        prompt_delays: PromptDelays | None = None,
    ) -> None:
        self._settings = settings
        self._system = system
        self._systems = {system, *more_systems}
        self._journal = journal
        self._bus = bus
        self._calls = calls
        self._handlers = {dialplan.SCRIPT_INBOUND: handler, "": handler}
        if withdrawn is not None:
            self._handlers[dialplan.SCRIPT_WITHDRAWN] = withdrawn
        self._journal_deadline_s = journal_deadline_s
        self._deadlines = deadlines or CommandDeadlines(backstop_s=settings.backstop_s)
        self._prompt_delays = prompt_delays
        self._server: asyncio.Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._waiting = WaitingPeers()
        self.peers = AgiPeers(near or Neighbours())
        self._sessions: dict[AgiConnection, _Session] = {}
        self.counters = AgiCounters()

    @property
    def port(self) -> int:
        """The port bound; differs from the settings where they say 0. 0 while stopped."""
        if self._server is None or not self._server.sockets:
            return 0
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Raises OSError where the address cannot be had, and Misconfigured where it is every
        address and no other machine may ask."""
        self._loop = loop = asyncio.get_running_loop()
        settings = self._settings

        def connection() -> AgiConnection:
            return AgiConnection(
                owner=self, loop=loop, header_deadline_s=settings.header_deadline_s
            )

        server = await loop.create_server(
            connection, settings.host, settings.port, backlog=_BACKLOG, start_serving=False
        )
        # However it was written: "", "0" and "::" are every address, too.
        everywhere = any(_is_every_address(one) for one in server.sockets)
        if everywhere and not self.peers.elsewhere:
            server.close()
            raise Misconfigured(
                f"agi.host: {settings.host!r} is every address of this machine, and no Asterisk "
                "elsewhere is named: set agi.host to 127.0.0.1, or to the one address that "
                "Asterisk asks, or name Asterisk in ami.host or web.asterisks"
            )
        self._server = server
        await server.start_serving()
        self._sweep(loop)

    async def stop(self, grace_s: float) -> None:
        """Accepts nobody more: Asterisk asks the next server at once. Who has come has `grace_s` to
        end the dialog, then their callers get the fallback."""
        if self._server is None:
            return
        self._server.close()
        if grace_s > 0:
            await self._hear_out()
        await self.peers.stop()
        for connection in list(self._waiting):
            connection.close()
        tasks = self._tasks()
        if tasks and grace_s > 0:
            await asyncio.wait(tasks, timeout=grace_s)
        for session in list(self._sessions.values()):
            session.connection.fail("the server stops")
            if session.task is not None:
                session.task.cancel()
        await asyncio.gather(*self._tasks(), return_exceptions=True)
        self._server = None
        if self._sweeper is not None:
            self._sweeper.cancel()

    async def _hear_out(self) -> None:
        """Asterisk asks no other server once this one has taken the connection."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_REQUESTS_S):
                while self._waiting:
                    await asyncio.sleep(0.01)

    def connected(self, connection: AgiConnection) -> bool | None:
        """A flood of silent peers must not keep Asterisk out: they give way to each other."""
        if self._server is None or not self._server.is_serving():
            return False
        may = self.peers.may_ask(connection)
        if may is False:
            return False
        crash_points.reached("agi.accepted")
        if len(self._waiting) >= self._settings.max_sessions:
            first = self._waiting.first_to_go()
            self._forget_waiting(first)
            self.counters.bad += 1
            first.close()
        self._waiting.add(connection)
        self.counters.waiting = len(self._waiting)
        return may

    def refused(self, connection: AgiConnection, reason: str) -> None:
        self.counters.bad += 1
        log.debug("agi: a connection refused: %s", reason)

    def requested(self, connection: AgiConnection, request: AgiRequest) -> None:
        self._forget_waiting(connection)
        crash_points.reached("agi.requested")
        if request.script not in self._handlers:
            self.counters.bad += 1
            log.warning("agi: the dialplan asks for a script that is none of ours")
            connection.close()
            return
        system = request.query.get(dialplan.ASKED_BY, self._system)
        if system not in self._systems:
            self.counters.bad += 1
            log.error("agi: an Asterisk asks that is none of ours: add it to nodes.asterisks")
            connection.close()
            return
        if len(self._sessions) >= self._settings.max_sessions:
            self.counters.refused += 1
            log.warning("agi: the limit of live calls is reached, one more left to the fallback")
            connection.close()
            return
        now = steady()
        call = request.as_call(system=system, arrived_at=now())
        session = self._sessions[connection] = _Session(connection)
        self.counters.total += 1
        self.counters.live = len(self._sessions)
        session.task = asyncio.create_task(
            self._serve(session, request, call, now), name=f"agi:{call.id}"
        )
        session.task.add_done_callback(partial(self._served, connection))

    def gone(self, connection: AgiConnection) -> None:
        session = self._sessions.get(connection)
        if session is None or self._loop is None:
            return
        session.left_at = self._loop.time()
        if session.journaled:
            self._loop.call_later(_LEAVE_S, self._cancel, connection)

    def closed(self, connection: AgiConnection) -> None:
        self.peers.forget(connection)
        self._forget_waiting(connection)

    async def _serve(self, session: _Session, request: AgiRequest, call: Call, now: Clock) -> None:
        again = request.script == dialplan.SCRIPT_WITHDRAWN
        if not again and not await self._journal_call(call):
            return
        session.journaled = True
        channel = AgiChannel(
            call=call,
            connection=session.connection,
            deadlines=self._deadlines,
            prompt_delays=None if again else self._prompt_delays,
            recordings=request.recordings,
            now=now,
        )
        self._calls.dialog_started(call.id, None if again else now)
        if not again:
            self._bus.publish(CallArrived(call.id, call.arrived_at, call))
        await self._converse(session.connection, channel, self._handlers[request.script])

    def _served(self, connection: AgiConnection, _task: asyncio.Task[None]) -> None:
        connection.close()
        session = self._sessions.pop(connection)
        self.counters.live = len(self._sessions)
        if session.left_at is not None and self._loop is not None:
            self.counters.left += 1
            took_s = self._loop.time() - session.left_at
            self.counters.worst_leave_s = max(self.counters.worst_leave_s, took_s)

    async def _journal_call(self, call: Call) -> bool:
        """Not cut short by a hang-up: a row half known would be a call nobody ends."""
        try:
            async with asyncio.timeout(self._journal_deadline_s):
                await self._journal.open_call(call)
        except Exception:
            self.counters.failed += 1
            log.exception("agi: call %s could not be journaled, left to the fallback", call.id)
            return False
        return True

    async def _converse(
        self, connection: AgiConnection, channel: AgiChannel, handler: Handler
    ) -> None:
        call = channel.call
        try:
            # Who left while the call was journaled gets no dialog.
            if not (connection.hung_up or connection.broken):
                await handler(channel)
                if channel.completed is None:
                    self._failed(call, "its dialog ended without a route")
        except CallerHungUp:
            log.debug("agi: call %s: the caller hung up", call.id)
        except ChannelBroken as error:
            self._failed(call, str(error))
        except asyncio.CancelledError:
            if not (connection.hung_up or connection.broken):
                raise
        except Exception as error:
            self.counters.failed += 1
            log.exception("agi: call %s failed, left to the fallback", call.id)
            self._bus.publish(DialogFailed(call.id, channel.now(), type(error).__name__))
        finally:
            self._dialog_ended(channel)

    def _dialog_ended(self, channel: AgiChannel) -> None:
        left_for = _LEFT_FOR.get(channel.completed or "")
        if channel.hung_up:
            queued, left_for = channel.backstop_passed, None
        else:
            queued = channel.completed != dialplan.ROUTE_HANGUP
        self._calls.dialog_ended(
            channel.call.id, hung_up=channel.hung_up, queued=queued, left_for=left_for
        )

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for connection in [*self._waiting, *self._sessions]:
            if connection.expires_at <= now:
                connection.expire()
        self._sweeper = loop.call_later(_SWEEP_S, self._sweep, loop)

    def _failed(self, call: Call, reason: str) -> None:
        self.counters.failed += 1
        log.warning("agi: call %s left to the fallback: %s", call.id, reason)

    def _cancel(self, connection: AgiConnection) -> None:
        session = self._sessions.get(connection)
        if session is not None and session.task is not None:
            session.task.cancel()

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [session.task for session in self._sessions.values() if session.task is not None]

    def _forget_waiting(self, connection: AgiConnection) -> None:
        self._waiting.discard(connection)
        self.counters.waiting = len(self._waiting)


def _is_every_address(bound: socket.socket) -> bool:
    return ipaddress.ip_address(bound.getsockname()[0].partition("%")[0]).is_unspecified
