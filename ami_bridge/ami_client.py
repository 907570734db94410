"""The AMI client: logs in and stays logged in, asks with deadlines, hands events on.

Three ways to be away, told apart: the network (tried again at once, then ever slower up to 5 s),
a refused login (never hammered: a ban would follow; up to 5 min), a half-open connection (found by
a ping of our own).
"""

from __future__ import annotations

import asyncio
import enum
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from ami_bridge.ami_protocol import MendedManager, MendedProtocol, Question
from ami_bridge.ami_wire import Headers, UnsafeAction
from ami_bridge.backoff import BackOff
from calls.errors import DeadlineExceeded, SwitchboardError, Unavailable
from config.settings import AmiSettings

log = logging.getLogger(__name__)

#: Of AMI's version the first number (include/asterisk/manager.h `AMI_VERSION`): 22 says 11, 18 said
#: 7. Before 2, which is Asterisk 12, a manager's events had other names and no linked id.
_READ_SINCE, _TRIED_SINCE = 2, 7
#: What it says to everything, a right secret too, while it ends (main/manager.c `authenticate` and
#: `process_message`, 22.10.1); it goes on telling how each call ends.
_SHUTS_DOWN = "Asterisk is shutting down"


class ActionRefused(SwitchboardError):
    """Asterisk answered an action with an error; the message is Asterisk's."""


class LoginRefused(SwitchboardError):
    """Asterisk does not know this user or this secret, or the secret cannot be sent at all."""


class LinkState(enum.StrEnum):
    AWAY = "away"
    #: Asterisk was reached and no login came of it: a person must mend the secret.
    REFUSED = "refused"
    CONNECTED = "connected"


@dataclass(frozen=True, slots=True)
class AmiTiming:
    """Delays and deadlines, in seconds."""

    connect_s: float = 3.0
    #: Asterisk answers a wrong secret after one second.
    login_s: float = 6.0
    action_s: float = 5.0
    retry_s: tuple[float, ...] = (0.05, 0.25, 0.5, 1.0, 2.0, 4.0, 5.0)
    refused_s: tuple[float, ...] = (5.0, 30.0, 300.0)
    #: A connection that lasted this long starts the delays anew.
    steady_s: float = 10.0


@dataclass(slots=True)
class AmiCounters:
    """For /metrics; all only grow."""

    logins: int = 0
    refused: int = 0
    lost: int = 0
    events: int = 0
    malformed: int = 0
    timeouts: int = 0


class AmiClient:
    """`on_event(name, block)` gets every event as bytes and must return at once; `on_up()` is
    called after each login, `on_down(reason)` when a connection or a try to have one ends, and
    `on_torn()` for each message that is not believed (`ami_seams`)."""

    def __init__(
        self,
        *,
        settings: AmiSettings,
        on_event: Callable[[bytes, bytes], None],
        on_up: Callable[[], None] = lambda: None,
        on_down: Callable[[str], None] = lambda _: None,
        on_torn: Callable[[], None] = lambda: None,
        timing: AmiTiming | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._settings = settings
        self._on_event = on_event
        self._on_up = on_up
        self._on_down = on_down
        self._on_torn = on_torn
        self.timing = timing or AmiTiming()
        self._pause = pause
        self.state = LinkState.AWAY
        self.counters = AmiCounters()
        #: While it says no, nothing is asked that might change anything.
        self.may_act: Callable[[], bool] = lambda: True
        #: AMI version of the Asterisk last spoken to.
        self.version: str | None = None
        #: What a person should know of that Asterisk; empty where it is one we know.
        self.doubt = ""
        self._protocol: MendedProtocol | None = None
        self._over: asyncio.Future[str] | None = None

    @property
    def is_connected(self) -> bool:
        return self.state is LinkState.CONNECTED

    @property
    def last_byte_age_s(self) -> float | None:
        """Seconds since Asterisk last sent anything; None while not connected."""
        if self._protocol is None:
            return None
        return asyncio.get_running_loop().time() - self._protocol.last_byte_at

    async def run(self) -> None:
        """Connects again and again until cancelled."""
        network, refused = BackOff(self.timing.retry_s), BackOff(self.timing.refused_s)
        while True:
            began = asyncio.get_running_loop().time()
            try:
                reason = await self._one_connection()
                refused.reset()
                if asyncio.get_running_loop().time() - began >= self.timing.steady_s:
                    network.reset()
                delay, self.state = network.next_s(), LinkState.AWAY
            except LoginRefused as error:
                self.counters.refused += 1
                log.error("AMI login refused (%s): check ami.username and ami.secret", error)
                reason, delay, self.state = str(error), refused.next_s(), LinkState.REFUSED
            except (OSError, TimeoutError, Unavailable) as error:
                reason = f"{type(error).__name__}: {error}"
                if network.tries == 0:
                    log.warning(
                        "AMI away (%s): is Asterisk up, and are ami.host, ami.port and "
                        "ami.secret_file right? Trying on",
                        reason,
                    )
                delay, self.state = network.next_s(), LinkState.AWAY
            self._on_down(reason)
            await self._pause(delay)

    async def _one_connection(self) -> str:
        """Lives through one connection; returns why it ended."""
        over = self._over = asyncio.get_running_loop().create_future()
        manager = MendedManager(host=self._settings.host, port=self._settings.port, listener=self)
        protocol = await manager.open(self.timing.connect_s)
        try:
            await self._log_in(protocol)
            assert protocol.version is not None  # it greets before it answers
            self._look_at_version(protocol.version)
            self._protocol = protocol
            self.state = LinkState.CONNECTED
            self.counters.logins += 1
            log.info("AMI connected, protocol version %s", protocol.version)
            self._on_up()
            await self._watch(protocol)
            reason: str = await over
            self.counters.lost += 1
            log.warning("AMI lost: %s", reason)
            return reason
        finally:
            self._protocol = None
            self.counters.malformed += protocol.malformed
            protocol.drop("closed by us")

    def _look_at_version(self, version: str) -> None:
        """Raises Unavailable where its events are none of those we read."""
        major, new = int(version.partition(".")[0]), version != self.version
        self.version = version
        self.doubt = ""
        if major < _TRIED_SINCE:
            self.doubt = f"AMI {version} is of an Asterisk before 18: use 20 or later"
        if major < _READ_SINCE:
            raise Unavailable(self.doubt)
        if self.doubt and new:
            log.warning("%s; calls are followed as well as it tells of them", self.doubt)

    async def _log_in(self, protocol: MendedProtocol) -> None:
        try:
            user, secret = self._settings.username, self._secret()
            await self._exchange(
                protocol,
                Question("Login", (("Username", user), ("Secret", secret)), lists=False),
                self.timing.login_s,
            )
        except (ActionRefused, UnsafeAction) as error:
            if _SHUTS_DOWN in str(error):
                raise Unavailable(str(error)) from error
            raise LoginRefused(str(error)) from error
        except UnicodeDecodeError as error:
            raise LoginRefused("the file of the AMI secret is no text") from error

    def _secret(self) -> str:
        """Read for each login, as a secret may be changed while we run."""
        if self._settings.secret_file is not None:
            return self._settings.secret_file.read_text(encoding="utf-8").strip()
        return self._settings.secret.get_secret_value()

    async def _watch(self, protocol: MendedProtocol) -> None:
        """Returns once the connection is over, which a peer that went silent is after a ping's
        deadline. A peer that is only slow to answer, but sends, has three of them."""
        every_s, deadline_s = self._settings.ping_every_s, self._settings.ping_deadline_s
        over = self._over
        assert over is not None
        unanswered = 0
        while not over.done():
            await asyncio.wait((over,), timeout=every_s)
            if over.done():
                return
            asked_at = asyncio.get_running_loop().time()
            try:
                await self._exchange(protocol, Question("Ping", (), lists=False), deadline_s)
                unanswered = 0
            except DeadlineExceeded:
                unanswered += 1
                if protocol.last_byte_at < asked_at or unanswered >= 3:
                    protocol.drop("no answer to a ping")
            except ActionRefused as refused:
                unanswered = 0
                if _SHUTS_DOWN not in str(refused):
                    protocol.drop("ping failed")
            except Unavailable:
                protocol.drop("ping failed")

    def received(self, name: bytes, block: bytes) -> None:
        self.counters.events += 1
        self._on_event(name, block)

    def torn(self) -> None:
        self._on_torn()

    def lost(self, reason: str) -> None:
        if self._over is not None and not self._over.done():
            self._over.set_result(reason)

    def drop(self, reason: str) -> None:
        """Gives the connection up; `run` makes another."""
        if self._protocol is not None:
            self._protocol.drop(reason)

    async def ask(
        self, action: str, headers: Sequence[tuple[str, str]] = (), *, deadline_s: float = 0.0
    ) -> Headers:
        """The response. Raises ActionRefused, DeadlineExceeded (nobody knows whether it was done;
        it is not sent again), Unavailable while not connected or not to act, and UnsafeAction."""
        if not self.may_act():
            raise Unavailable("it is not certain that Asterisk is ours to ask")
        return (await self._ask(action, headers, lists=False, deadline_s=deadline_s))[0]

    async def ask_list(
        self, action: str, headers: Sequence[tuple[str, str]] = (), *, deadline_s: float = 0.0
    ) -> list[Headers]:
        """The events listed in answer, without the response and the closing event."""
        return (await self._ask(action, headers, lists=True, deadline_s=deadline_s))[1:]

    async def _ask(
        self, action: str, headers: Sequence[tuple[str, str]], *, lists: bool, deadline_s: float
    ) -> list[Headers]:
        if self._protocol is None:
            raise Unavailable("no AMI connection")
        question = Question(action, headers, lists=lists)
        return await self._exchange(self._protocol, question, deadline_s or self.timing.action_s)

    async def _exchange(
        self, protocol: MendedProtocol, question: Question, deadline_s: float
    ) -> list[Headers]:
        try:
            async with asyncio.timeout(deadline_s):
                answer = await protocol.send(question)
        except TimeoutError as error:
            self.counters.timeouts += 1
            raise DeadlineExceeded(f"AMI {question.name} was not answered in time") from error
        finally:
            protocol.forget(question)
        if answer[0].get("Response") != "Success":
            raise ActionRefused(f"AMI {question.name}: {answer[0].get('Message', 'refused')}")
        return answer
