"""What the server knows of a call from the browser, asked as a supervisor's page asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

from calls.errors import Unavailable

DEADLINE_S = 5.0
#: Of a row of the supervisor's board (supervisor/console/board.py).
_SHOWN = ("stage", "name", "tier", "menu", "chosen", "queue", "agents")

Told = dict[str, Any]


class CallWatch:
    """Enter it before it is asked. `console` answers a command of Asterisk's."""

    def __init__(
        self,
        *,
        base_url: str,
        login: str,
        password: str,
        http: aiohttp.ClientSession,
        console: Callable[[str], Awaitable[str]],
    ) -> None:
        self._base_url = base_url
        self._credentials = {"login": login, "password": password}
        self._http = http
        self._console = console

    async def of(self, user: str) -> Told | None:
        """The call of this SIP account; None: there is none, or the server has not heard of it yet.
        Raises Unavailable."""
        linkedid = newest_linkedid(await self._console("core show channels concise"), user)
        if linkedid is None:
            return None
        try:
            board = await self._board()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise Unavailable("the server does not answer") from error
        for row in board["calls"]:
            if row["id"].rpartition("/")[2] == linkedid:
                return {name: row[name] for name in _SHOWN}
        return None

    async def _board(self) -> Told:
        address = f"{self._base_url}/api/v1/supervisor/board"
        async with self._http.get(address) as answer:
            if answer.status == 200:
                board: Told = await answer.json()
                return board
        await log_in(self._http, self._base_url, self._credentials)
        async with self._http.get(address) as answer:
            answer.raise_for_status()
            again: Told = await answer.json()
            return again


async def log_in(http: aiohttp.ClientSession, base_url: str, credentials: Told) -> str:
    """The log-in's cookie as the server set it. Raises ClientError."""
    async with http.post(f"{base_url}/api/v1/session", json=credentials) as answer:
        answer.raise_for_status()
        return answer.headers["Set-Cookie"]


def newest_linkedid(channels: str, user: str) -> str | None:
    """Of the newest channel of `PJSIP/user`, in the words of `core show channels concise`; a call
    that came in has its own unique id as linkedid, the last field."""
    ids = [
        line.rsplit("!", 1)[-1].strip()
        for line in channels.splitlines()
        if line.startswith(f"PJSIP/{user}-")
    ]
    return max(ids, default=None, key=lambda one: tuple(map(int, one.split("."))))
