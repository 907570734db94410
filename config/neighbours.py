"""Who is near by network address: Asterisk, and whoever watches this server."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Self

from config.settings import Settings

log = logging.getLogger(__name__)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: A name is looked up for a stranger, so often at most: containers move.
LOOK_UP_EVERY_S = 10.0
LOOK_UP_DEADLINE_S = 1.0


class Neighbours:
    """This machine is everybody's neighbour. `hosts` are names or addresses of
    Asterisks, and of processes that ask in their place."""

    def __init__(
        self,
        *,
        watchers: Iterable[str] = (),
        asterisks: Iterable[str] = (),
        hosts: Sequence[str] = (),
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._watchers = [ipaddress.ip_network(one) for one in watchers]
        self._asterisks = [ipaddress.ip_network(one) for one in asterisks]
        self._asterisks += [ipaddress.ip_network(one) for one in hosts if _address(one)]
        self._names = [one for one in hosts if not _address(one)]
        self._now = now
        self._found: set[Address] = set()
        self._looked_at = float("-inf")
        self._looking = asyncio.Lock()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(
            watchers=settings.web.watchers,
            asterisks=settings.web.asterisks,
            hosts=[*(one.host for one in settings.asterisks), *settings.nodes.trusted],
        )

    def watches(self, asker: str | None) -> bool:
        address = _address(asker)
        return address is not None and (address.is_loopback or _within(address, self._watchers))

    async def is_asterisk(self, asker: str | None) -> bool:
        address = _address(asker)
        if address is None:
            return False
        if address.is_loopback or _within(address, self._asterisks) or address in self._found:
            return True
        return bool(self._names) and address in await self._looked_up()

    async def _looked_up(self) -> set[Address]:
        # Who asks meanwhile waits for the same answer.
        async with self._looking:
            if self._now() - self._looked_at >= LOOK_UP_EVERY_S:
                self._looked_at = self._now()
                await self._look_up()
            return self._found

    async def _look_up(self) -> None:
        """What a name led to last counts while nobody answers."""
        loop = asyncio.get_running_loop()
        found: set[Address] = set()
        try:
            async with asyncio.timeout(LOOK_UP_DEADLINE_S):
                for name in self._names:
                    answers = await loop.getaddrinfo(name, None)
                    found |= {one for *_, at in answers if (one := _address(str(at[0])))}
        except (OSError, TimeoutError) as error:
            log.warning("web: Asterisk's name was not looked up (%s)", type(error).__name__)
            return
        self._found = found


def _address(text: str | None) -> Address | None:
    """An IPv4 address in IPv6's clothes is that IPv4 address."""
    try:
        address = ipaddress.ip_address((text or "").partition("%")[0].strip())
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)
