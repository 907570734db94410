"""panoramisk 1.4's AMI classes with what they lack put in front of them.

Kept of panoramisk: its Manager opens the connection and names the actions, its AMIProtocol matches
answers to them, its Action collects the answers. Mended, by the file and line of panoramisk 1.4:

- ami_protocol.py `data_received` decodes each TCP chunk with errors ignored, so that a letter split
  between two chunks is lost, keeps an endless message for ever, and reads every event into a
  dictionary before anybody wants it: `data_received` here frames first and decodes afterwards;
- actions.py `Action.__str__` lets CR and LF through: `send` here writes with `encode_action`;
- ami_protocol.py `close` keeps unanswered actions and manager.py `send_awaiting_actions` sends them
  again after a reconnect (two calls out of one Originate): here they fail, and nothing is re-sent;
- manager.py `connection_made` and `connection_lost` log in and reconnect for ever at a fixed pace,
  also after a refusal, and `ping` never looks for the answer: `ami_client` does these;
- actions.py `Action.multi` and `completed` guess by the words of a message: `Question` is told
  whether it waits for a list, which Asterisk 12 and later ends with `EventList: Complete`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any, Protocol

from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.manager import Manager
from panoramisk.message import Message

from ami_bridge.ami_actions import refuse_unlisted
from ami_bridge.ami_reading import event_name
from ami_bridge.ami_seams import Seams, names_its_readers
from ami_bridge.ami_wire import Framer, Headers, UnsafeAction, WireBroken, encode_action, parse
from calls.errors import Unavailable

log = logging.getLogger(__name__)

#: Actions that may wait for their answer at once, and messages one answer may have.
MAX_PENDING = 1_000
MAX_ANSWER = 100_000


class Listener(Protocol):
    """What the connection tells its owner; both must return at once."""

    def received(self, name: bytes, block: bytes) -> None:
        """An event that answers no action."""
        ...

    def torn(self) -> None:
        """Something was left out that may have been an event, because of what a caller sent."""
        ...

    def lost(self, reason: str) -> None: ...


class Question(Action):  # type: ignore[misc]
    """An action that knows what its answer looks like. `future` gets a list of Headers: the
    response, then the listed events without the closing one."""

    def __init__(self, name: str, headers: Iterable[tuple[str, str]], *, lists: bool) -> None:
        super().__init__({"Action": name})
        self.name = name
        self.headers = tuple(headers)
        self.lists = lists

    def encoded(self) -> bytes:
        """Raises UnsafeAction."""
        refuse_unlisted(self.name, self.headers)
        return encode_action(self.name, (("ActionID", self["ActionID"]), *self.headers))

    def add_message(self, message: Message) -> bool:
        """True once the answer is whole."""
        headers: Headers = message.headers
        if self.future.done():
            return True
        if "Response" in headers and "Event" not in headers:
            self.responses.append(headers)
            more = self.lists and headers["Response"] == "Success"
        elif headers.get("EventList") == "Complete" or len(self.responses) >= MAX_ANSWER:
            more = False
        else:
            self.responses.append(headers)
            more = True
        if not more:
            self.future.set_result(self.responses)
        return not more


class Answer(Message):  # type: ignore[misc]
    """A message that answers an action; `headers` is what `parse` made of it."""

    def __init__(self, headers: Headers) -> None:
        super().__init__(headers)
        self.headers = headers


class MendedProtocol(AMIProtocol):  # type: ignore[misc]
    """One connection. Reading only cuts and hands over; a peer that breaks the rules is dropped."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._framer = Framer()
        self._seams = Seams()
        self.closed = False
        self._shuts_down = False
        self.responses: dict[str, Question] = {}
        self.last_byte_at = 0.0
        #: Messages that were neither event nor response, or not Asterisk's own.
        self.malformed = 0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._clock = asyncio.get_running_loop().time
        self.last_byte_at = self._clock()

    def send(self, data: Question, as_list: bool | None = None) -> asyncio.Future[list[Headers]]:
        """Raises UnsafeAction before a byte is written, Unavailable where it cannot be sent."""
        encoded = data.encoded()
        if self.closed or self.transport.is_closing():
            raise Unavailable("the AMI connection is gone")
        if len(self.responses) >= MAX_PENDING:
            raise Unavailable("too many AMI actions wait for their answer")
        self.responses[data.id] = data
        self.transport.write(encoded)
        future: asyncio.Future[list[Headers]] = data.future
        return future

    def forget(self, action: Question) -> None:
        """Its answer, should it come after all, is dropped."""
        self.responses.pop(action.id, None)

    def data_received(self, data: bytes) -> None:
        self.last_byte_at = self._clock()
        try:
            blocks = self._framer.feed(data)
        except WireBroken as error:
            self.drop(str(error))
            return
        self.version = self._framer.version
        for block in blocks:
            self._take(block.lstrip(b"\r\n"))

    def _take(self, block: bytes) -> None:
        if not names_its_readers(block):
            self._take_answer(block)
        elif not self._seams.is_genuine(block):
            self._not_believed()
        elif block.startswith(b"Event: Shutdown\r\n"):
            # Not the last word (seen with 22.10.1): of calls it cuts off, hang-ups may follow.
            self._shuts_down = True
        else:
            self._listener.received(event_name(block) or b"", block)

    def _take_answer(self, block: bytes) -> None:
        """To a question of ours, to one that nobody waits for any more, or to none at all."""
        if self._seams.is_rest(block):
            self._not_believed()
            return
        headers = parse(block)
        if headers.get("ActionID") in self.responses:
            self.handle_message(Answer(headers))

    def _not_believed(self) -> None:
        self.malformed += 1
        self._listener.torn()

    def drop(self, reason: str) -> None:
        """Ends the connection without waiting for the peer, which may be half open."""
        if not self.closed:
            self.closed = True
            self.transport.abort()
            self._fail(reason)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if self._shuts_down:
            self._fail("Asterisk shuts down")
        else:
            self._fail("the connection ended" if exc is None else f"the connection broke: {exc}")

    def close(self) -> None:
        self.drop("closed by us")

    def _fail(self, reason: str) -> None:
        pending, self.responses = self.responses, {}
        for action in pending.values():
            if not action.future.done():
                action.future.set_exception(Unavailable(f"the AMI connection is gone: {reason}"))
        self._listener.lost(reason)


class MendedManager(Manager):  # type: ignore[misc]
    """Opens one connection at a time and never a second by itself."""

    def __init__(self, *, host: str, port: int, listener: Listener) -> None:
        super().__init__(
            host=host,
            port=port,
            loop=asyncio.get_running_loop(),
            protocol_factory=lambda: MendedProtocol(listener),
            log=log,
        )

    def connection_made(self, f: asyncio.Future[tuple[Any, MendedProtocol]]) -> None:
        if not f.cancelled() and f.exception() is None:
            _, self.protocol = f.result()
            self.protocol.factory = self

    async def open(self, deadline_s: float) -> MendedProtocol:
        """Raises OSError or TimeoutError."""
        async with asyncio.timeout(deadline_s):
            _, protocol = await self.connect()
        assert isinstance(protocol, MendedProtocol)
        return protocol

    async def send_awaiting_actions(self, *_: object) -> None:
        """panoramisk would re-send here what was not answered before; we never do."""


__all__ = ["Answer", "Listener", "MendedManager", "MendedProtocol", "Question", "UnsafeAction"]
