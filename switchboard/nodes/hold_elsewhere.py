"""Hold programmes that another process has: Asterisk asks whichever it was told to ask, and is
answered by the one that talked with the caller."""

from __future__ import annotations

import logging
import re
from typing import Self

import aiohttp
from sqlalchemy.exc import SQLAlchemyError

from ivr.http_routes import FORWARDED
from switchboard.nodes.bounded_body import TooLarge, body_of
from switchboard.nodes.node_addresses import NodeAddresses

log = logging.getLogger(__name__)

#: Asterisk waits for this, and then plays the queue's own music.
DEADLINE_S = 1.5
LIMIT_BYTES = 256 * 1024
_CLASS = re.compile(r"hold-([0-9a-f]{12})-[0-9a-f]{32}")
_AWAY = (aiohttp.ClientError, SQLAlchemyError, OSError, TimeoutError, TooLarge)


class HoldElsewhere:
    """Implements `ivr.http_routes.OtherProcesses`; `async with`."""

    def __init__(self, addresses: NodeAddresses) -> None:
        self._addresses = addresses
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=DEADLINE_S)
        self._http = aiohttp.ClientSession(timeout=timeout, headers={FORWARDED: "1"})
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._http is not None:
            await self._http.close()

    async def hold_rows(self, path: str, music_class: str) -> str | None:
        named = _CLASS.fullmatch(music_class)
        if named is None or named[1] == self._addresses.node or self._http is None:
            return None
        try:
            address = await self._addresses.of(named[1])
            if address is None:
                return None
            async with self._http.post(
                address.rstrip("/") + path, data={"name": music_class}, allow_redirects=False
            ) as answer:
                answer.raise_for_status()
                body = await body_of(answer.content, limit=LIMIT_BYTES)
                return body.decode("ascii", "replace")
        except _AWAY as error:
            log.warning(
                "hold: another process did not say what a caller hears (%s)", type(error).__name__
            )
            return None
