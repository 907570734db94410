"""One FastAGI socket: a header under a deadline, then one command in flight at a time."""

from __future__ import annotations

import asyncio
import math
from typing import Protocol, cast

from ami_bridge.agi_protocol import CODE_DEAD_CHANNEL, HANGUP, ProtocolViolation, Reply, ReplyParser
from ami_bridge.agi_request import HEADER_START, MAX_HEADER_BYTES, AgiRequest, MalformedRequest
from calls import crash_points
from calls.errors import CallerHungUp, ChannelBroken

_HEADER_END = b"\n\n"


class ConnectionOwner(Protocol):
    """Whom a connection tells. Called from the loop, in this order, each at most once."""

    def connected(self, connection: AgiConnection) -> bool | None:
        """False: the connection closes without a word. None: `admit` will be told; what it says
        meanwhile is not looked at."""
        ...

    def requested(self, connection: AgiConnection, request: AgiRequest) -> None: ...

    def refused(self, connection: AgiConnection, reason: str) -> None:
        """The peer never sent a whole request; the socket is closed already."""
        ...

    def gone(self, connection: AgiConnection) -> None:
        """The caller or Asterisk went away while the dialog was on."""
        ...

    def closed(self, connection: AgiConnection) -> None: ...


class AgiConnection(asyncio.Protocol):
    """`hung_up` is true once the caller has gone, `broken` once the socket can carry no command.

    A protocol, not streams: a hang-up is seen while nobody reads. Its owner looks at `expires_at`
    (the loop's time, infinite while we owe the next word) and calls `expire`: a timer for each
    command would cost as much as the command.
    """

    __slots__ = (
        "_closing",
        "_header",
        "_held",
        "_loop",
        "_owner",
        "_parser",
        "_transport",
        "_waiting",
        "broken",
        "connected_at",
        "expires_at",
        "hung_up",
        "local",
        "peer",
    )

    def __init__(
        self, *, owner: ConnectionOwner, loop: asyncio.AbstractEventLoop, header_deadline_s: float
    ) -> None:
        self._owner = owner
        self._loop = loop
        #: None once the request is read.
        self._header: bytes | None = b""
        self._parser = ReplyParser()
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Reply] | None = None
        self._closing = False
        self.connected_at = loop.time()
        self.expires_at = self.connected_at + header_deadline_s
        self.hung_up = False
        self.broken = False
        #: Whether nobody has said yet that it may ask.
        self._held = False
        #: Addresses of the other end and of this one.
        self.peer = self.local = ""

    async def command(self, line: bytes, *, deadline_s: float) -> Reply:
        """Raises CallerHungUp, or ChannelBroken where no reply comes in time or none can."""
        if self.hung_up:
            raise CallerHungUp
        if self._transport is None or self.broken or self._closing:
            raise ChannelBroken("the AGI connection is closed")
        if self._waiting is not None:
            raise ChannelBroken("a second command while one is in flight")
        waiting: asyncio.Future[Reply] = self._loop.create_future()
        self._waiting = waiting
        self.expires_at = self._loop.time() + deadline_s
        crash_points.reached("agi.command_due")
        self._transport.write(line)
        crash_points.reached("agi.command_sent")
        try:
            reply = await waiting
        except asyncio.CancelledError:
            if waiting.done() and not waiting.cancelled():
                waiting.exception()  # nobody else will fetch it
            # Its reply is still to come: the next command would take it for its own.
            self.fail("a command was abandoned")
            raise
        finally:
            self.expires_at = math.inf
            self._waiting = None
        if reply.code == CODE_DEAD_CHANNEL:
            self._hang_up()
            raise CallerHungUp
        return reply

    def close(self) -> None:
        """Sends what is written and closes; what the peer still says is no news."""
        self._closing = True
        if self._transport is not None:
            self._transport.close()

    def fail(self, reason: str) -> None:
        """Gives the caller to the dialplan's fallback: the socket closes without SWB_DONE."""
        if self._closing or self.broken:
            return
        self.broken = True
        if self._transport is not None:
            self._transport.abort()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ChannelBroken(reason))
        if self._header is None:
            self._owner.gone(self)

    def expire(self) -> None:
        if self._header is not None:
            self._refuse("no whole request in time")
        else:
            self.fail("no reply in time")

    def admit(self, *, may: bool) -> None:
        """What was held is looked at, or the connection closes."""
        if self._closing or not self._held:
            return
        self._held = False
        if may:
            self._read_header(b"")
            return
        self._closing = True
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # create_server's promise; uvloop's transports are no subclasses, so nothing is asserted.
        self._transport = cast("asyncio.Transport", transport)
        self.peer = str((transport.get_extra_info("peername") or ("",))[0])
        self.local = str((transport.get_extra_info("sockname") or ("",))[0])
        may = self._owner.connected(self)
        self._held = may is None
        if may is False:
            self._closing = True
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._closing or self.broken:
            return
        if self._header is not None:
            self._read_header(data)
        else:
            self._read_replies(data)

    def eof_received(self) -> bool:
        self._peer_left()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._peer_left()
        self._transport = None
        self._owner.closed(self)

    def _read_header(self, data: bytes) -> None:
        self._header = block = (self._header or b"") + data
        if self._held:
            if len(block) > MAX_HEADER_BYTES:
                self._refuse("much is said by who may not ask yet")
            return
        if not block.startswith(HEADER_START[: len(block)]):
            self._refuse("not FastAGI")
            return
        head, end, rest = block.partition(_HEADER_END)
        if not end:
            if len(block) > MAX_HEADER_BYTES:
                self._refuse("the request is too long")
            return
        try:
            request = AgiRequest.parse(head)
        except MalformedRequest as error:
            self._refuse(str(error))
            return
        self._header = None
        self.expires_at = math.inf
        self._owner.requested(self, request)
        if rest and not self._closing:
            self._read_replies(rest)

    def _read_replies(self, data: bytes) -> None:
        try:
            messages = self._parser.feed(data)
        except ProtocolViolation as violation:
            self.fail(str(violation))
            return
        for message in messages:
            if message is HANGUP:
                self._hang_up()
            elif isinstance(message, Reply):
                self._answer(message)
        if self._parser.is_within_reply and not self._is_awaited:
            self._answered_nothing()  # its end would be the next command's reply

    @property
    def _is_awaited(self) -> bool:
        return self._waiting is not None and not self._waiting.done()

    def _answer(self, reply: Reply) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(reply)
        else:
            self._answered_nothing()

    def _answered_nothing(self) -> None:
        if not self.hung_up:  # after a hang-up the abandoned command's own reply may follow
            self.fail("a reply to nothing")

    def _hang_up(self) -> None:
        if self.hung_up:
            return
        self.hung_up = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(CallerHungUp())
        self._owner.gone(self)

    def _peer_left(self) -> None:
        if self._closing or self.hung_up:
            return
        if self._header is not None:
            self._refuse("the peer left before its request was whole")
        else:
            self.fail("Asterisk closed the connection")

    def _refuse(self, reason: str) -> None:
        if self._closing:
            return
        self._closing = True
        if self._transport is not None:
            self._transport.abort()
        self._owner.refused(self, reason)
