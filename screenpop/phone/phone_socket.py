"""One phone: its websocket to the browser and the one to Asterisk, which end together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from aiohttp import ClientError, ClientWebSocketResponse, WSMsgType, web

from screenpop.agents.log_in import Seat
from screenpop.counters import DeskCounters
from screenpop.desk.rate_limit import TokenBucket
from screenpop.dialling.guard import NotDialled
from screenpop.phone.placed_calls import PlacedCalls, refusal
from screenpop.phone.sip_frames import NotSip, NotTheirs, OwnFrames

log = logging.getLogger(__name__)

#: What Asterisk 22 takes in one frame (MAXIMUM_FRAME_SIZE of res_http_websocket).
MAX_MESSAGE_BYTES = 65_535
#: A call is some ten messages.
MESSAGES_PER_S = 20.0
MESSAGES_BURST = 200.0
PING_EVERY_S = 20.0
#: A side that does not take a message for so long is given up.
SEND_DEADLINE_S = 5.0
CLOSE_DEADLINE_S = 1.0


class PhoneCode:
    """Why a phone's websocket was closed (RFC 6455 leaves 4000 to 4999 to applications)."""

    GOING_AWAY = 1001
    #: What the browser sent is no SIP.
    NOT_SIP = 4400
    #: The session ended or was logged out.
    LOGGED_OUT = 4401
    #: The browser spoke as somebody else.
    NOT_THEIRS = 4403
    #: A side did not take its messages.
    TOO_SLOW = 4408
    #: This agent has as many phones open as we allow.
    TOO_MANY = 4409
    #: Too many messages.
    MISBEHAVED = 4429
    #: Asterisk did not take the connection, or ended it.
    NO_ASTERISK = 4502


class PhoneSocket:
    """`run` returns when both sides are closed, whoever closed first. `placed` is asked before
    Asterisk dials; without it everything is dialled. `on_refused` tells the agent why not."""

    def __init__(
        self,
        seat: Seat,
        counters: DeskCounters,
        *,
        placed: PlacedCalls | None = None,
        on_refused: Callable[[NotDialled], None] = lambda why: None,
    ) -> None:
        self.seat = seat
        self._placed = placed
        self._on_refused = on_refused
        self._counters = counters
        self._browser = web.WebSocketResponse(
            protocols=("sip",),
            heartbeat=PING_EVERY_S,
            max_msg_size=MAX_MESSAGE_BYTES,
            timeout=CLOSE_DEADLINE_S,
            compress=False,
        )
        self._own = OwnFrames(seat.login)
        now = asyncio.get_running_loop().time()
        self._allowed = TokenBucket.full(MESSAGES_PER_S, MESSAGES_BURST, now)
        self._dropped = asyncio.Event()
        self._code = 1000
        self._reason = ""

    def drop(self, code: int, reason: str) -> None:
        """The first reason stands."""
        if not self._dropped.is_set():
            self._code, self._reason = code, reason
            self._dropped.set()

    async def open(self, request: web.Request) -> None:
        await self._browser.prepare(request)

    async def run(
        self, request: web.Request, connect: Callable[[], Awaitable[ClientWebSocketResponse]]
    ) -> web.WebSocketResponse:
        try:
            await _first_ends(self._carry(connect), self._wait_dropped(), name="phone")
        finally:
            if self._placed is not None:
                self._placed.close()
            await self._close(request)
        return self._browser

    async def _wait_dropped(self) -> None:
        await self._dropped.wait()

    async def _carry(self, connect: Callable[[], Awaitable[ClientWebSocketResponse]]) -> None:
        """`connect` raises ClientError, OSError or TimeoutError where Asterisk does not answer."""
        try:
            asterisk = await connect()
        except (ClientError, OSError, TimeoutError) as error:
            log.warning("phone: Asterisk does not take a connection (%s)", type(error).__name__)
            self._counters.phones_unreached.inc()
            return self.drop(PhoneCode.NO_ASTERISK, "Asterisk does not answer")
        try:
            await _first_ends(self._up(asterisk), self._down(asterisk), name="phone:carry")
        except (ConnectionError, ClientError):
            self.drop(PhoneCode.NO_ASTERISK, "the connection broke")
        finally:
            await _let_go(asterisk)
        return None

    async def _up(self, asterisk: ClientWebSocketResponse) -> None:
        now = asyncio.get_running_loop().time
        async for message in self._browser:
            if message.type is WSMsgType.ERROR:
                # Too long, for one; aiohttp has said so to the browser already. Or its network.
                return None
            if not self._allowed.take(now()):
                return self._refuse(PhoneCode.MISBEHAVED, "too many messages")
            try:
                answer = await self._looked_at(message.data)
            except NotSip as wrong:
                return self._refuse(PhoneCode.NOT_SIP, f"not SIP: {wrong}")
            except NotTheirs as wrong:
                return self._refuse(PhoneCode.NOT_THEIRS, str(wrong))
            if answer is None:
                await self._pass_on(message.type, message.data, asterisk)
            else:
                await self._pass_on(WSMsgType.TEXT, answer, self._browser)
        return None

    async def _looked_at(self, frame: str | bytes) -> str | None:
        """None for what goes on to Asterisk, or what the browser is answered instead. Raises
        NotSip and NotTheirs."""
        request = self._own.check(frame)
        if request is None or self._placed is None:
            return None
        try:
            await self._placed.ask(request)
        except NotDialled as why:
            self._on_refused(why)
            return refusal(request, why)
        return None

    async def _down(self, asterisk: ClientWebSocketResponse) -> None:
        async for message in asterisk:
            if message.type is WSMsgType.ERROR:
                break
            if self._placed is not None:
                self._placed.hear(message.data)
            await self._pass_on(message.type, message.data, self._browser)
        self._counters.phones_unreached.inc()
        self.drop(PhoneCode.NO_ASTERISK, "Asterisk ended the connection")

    async def _pass_on(
        self,
        kind: WSMsgType,
        data: Any,
        side: web.WebSocketResponse | ClientWebSocketResponse,
    ) -> None:
        try:
            async with asyncio.timeout(SEND_DEADLINE_S):
                if kind is WSMsgType.TEXT:
                    await side.send_str(data)
                else:
                    await side.send_bytes(data)
        except TimeoutError:
            self.drop(PhoneCode.TOO_SLOW, "messages not taken")

    def _refuse(self, code: int, reason: str) -> None:
        self._counters.phones_refused.inc()
        self.drop(code, reason)

    async def _close(self, request: web.Request) -> None:
        """A peer that takes nothing cannot be told goodbye: then the connection is cut."""
        try:
            async with asyncio.timeout(CLOSE_DEADLINE_S):
                await self._browser.close(code=self._code, message=self._reason.encode()[:120])
        except (TimeoutError, ConnectionError):
            if request.transport is not None:
                request.transport.abort()


async def _let_go(asterisk: ClientWebSocketResponse) -> None:
    """aiohttp (3.14) waits anew after each message that comes instead of the goodbye; broken off,
    it closes the connection."""
    with contextlib.suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(CLOSE_DEADLINE_S):
            await asterisk.close()


async def _first_ends(*works: Coroutine[Any, Any, None], name: str) -> None:
    """The first to end ends the others; what went wrong in one of them is raised."""
    tasks = [asyncio.create_task(work, name=name) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
