"""All softphones that are open, and the way to Asterisk that they share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from types import TracebackType
from typing import Self

from aiohttp import (
    ClientSession,
    ClientTimeout,
    ClientWebSocketResponse,
    ClientWSTimeout,
    DummyCookieJar,
    TCPConnector,
)

from calls.agents import Softphone
from config.settings import SoftphoneSettings
from screenpop.agents.log_in import Seat, outage_named
from screenpop.agents.softphones import softphone_of
from screenpop.counters import DeskCounters
from screenpop.desk.protocol import ServerMessage
from screenpop.dialling.guard import DiallingGuard, NotDialled
from screenpop.dialling.told import notice_of
from screenpop.phone.phone_socket import (
    CLOSE_DEADLINE_S,
    MAX_MESSAGE_BYTES,
    PING_EVERY_S,
    PhoneCode,
    PhoneSocket,
)
from screenpop.phone.placed_calls import PlacedCalls
from storage.database import Database

#: One tab registers; a few more are those that just lost their turn or their network.
MAX_PHONES_PER_AGENT = 4


class Phones:
    """Enter it before a phone is opened. `tell` sends an agent a frame."""

    def __init__(
        self,
        *,
        database: Database,
        settings: SoftphoneSettings,
        counters: DeskCounters,
        guard: DiallingGuard,
        tell: Callable[[str, ServerMessage], None],
    ) -> None:
        self.settings = settings
        self.counters = counters
        self._guard = guard
        self._tell = tell
        self._database = database
        self._open: set[PhoneSocket] = set()
        self._http: ClientSession | None = None

    async def __aenter__(self) -> Self:
        # Without limits: a phone each, and aiohttp would let the 101st wait.
        self._http = ClientSession(
            connector=TCPConnector(limit=0),
            timeout=ClientTimeout(total=None),
            cookie_jar=DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close_all()
        if self._http is not None:
            await self._http.close()

    async def account(self, login: str) -> Softphone | None:
        """None: this agent has none, or nobody has. Raises Unavailable."""
        if self.settings.asterisk_ws is None:
            return None
        with outage_named():
            return await softphone_of(self._database, login)

    async def connect(self) -> ClientWebSocketResponse:
        """A connection of its own to Asterisk. Raises ClientError, OSError or TimeoutError."""
        if self._http is None or self.settings.asterisk_ws is None:
            raise ConnectionError("no way to Asterisk is set")
        async with asyncio.timeout(self.settings.connect_deadline_s):
            return await self._http.ws_connect(
                self.settings.asterisk_ws,
                protocols=("sip",),
                heartbeat=PING_EVERY_S,
                max_msg_size=MAX_MESSAGE_BYTES,
                timeout=ClientWSTimeout(ws_close=CLOSE_DEADLINE_S),
            )

    def phone(self, seat: Seat) -> PhoneSocket:
        """A new one, of this agent; it may ring and is asked for what it dials."""

        def refused(why: NotDialled) -> None:
            self._tell(seat.login, notice_of(why))

        placed = PlacedCalls(seat.login, self._guard)
        return PhoneSocket(seat, self.counters, placed=placed, on_refused=refused)

    def attach(self, phone: PhoneSocket) -> bool:
        """False: this agent has too many."""
        login = phone.seat.login
        if sum(one.seat.login == login for one in self._open) >= MAX_PHONES_PER_AGENT:
            return False
        self._open.add(phone)
        self.counters.phones.inc()
        return True

    def detach(self, phone: PhoneSocket) -> None:
        if phone in self._open:
            self._open.discard(phone)
            self.counters.phones.dec()

    def is_open(self, login: str) -> bool:
        """Whether this agent's page has a way to Asterisk; nothing rings a softphone without."""
        return any(phone.seat.login == login for phone in self._open)

    def sessions(self) -> set[str]:
        """Those with a phone open."""
        return {phone.seat.session for phone in self._open}

    def close_sessions(self, ended: Collection[str]) -> None:
        for phone in self._open:
            if phone.seat.session in ended:
                phone.drop(PhoneCode.LOGGED_OUT, "the log-in ended")

    def close_all(self) -> None:
        for phone in self._open:
            phone.drop(PhoneCode.GOING_AWAY, "the server stops")
