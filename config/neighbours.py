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
#: Where nobody answered.
LOOK_UP_AGAIN_S = 1.0
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
        self._found: dict[str, set[Address]] = {}
        self._look_again_at = float("-inf")
        self._looking = asyncio.Lock()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(
            watchers=settings.web.watchers,
            asterisks=settings.web.asterisks,
            hosts=[*(one.host for one in settings.asterisks), *settings.nodes.trusted],
        )

    @classmethod
    def calling(cls, settings: Settings) -> Self:
        """Asterisks alone: none of our processes asks by AGI."""
        hosts = [one.host for one in settings.asterisks]
        return cls(asterisks=settings.web.asterisks, hosts=hosts)

    @property
    def elsewhere(self) -> bool:
        """Whether an Asterisk is named that is not on this machine."""
        names = any(name.lower().rstrip(".") != "localhost" for name in self._names)
        return names or any(not network.is_loopback for network in self._asterisks)

    def watches(self, asker: str | None) -> bool:
        address = _address(asker)
        return address is not None and (address.is_loopback or _within(address, self._watchers))

    def is_asterisk_at_once(self, asker: str | None) -> bool | None:
        """None where names must be looked up first, which `is_asterisk` does."""
        address = _address(asker)
        if address is None:
            return False
        if address.is_loopback or _within(address, self._asterisks) or self._is_found(address):
            return True
        fresh = self._now() < self._look_again_at
        return None if self._names and not fresh else False

    async def is_asterisk(self, asker: str | None) -> bool:
        known = self.is_asterisk_at_once(asker)
        return await self._is_found_anew(asker) if known is None else known

    async def _is_found_anew(self, asker: str | None) -> bool:
        # Who asks meanwhile waits for the same answer.
        async with self._looking:
            if self._now() >= self._look_again_at:
                answered = await asyncio.gather(*map(self._look_up, self._names))
                wait_s = LOOK_UP_EVERY_S if all(answered) else LOOK_UP_AGAIN_S
                self._look_again_at = self._now() + wait_s
        address = _address(asker)
        return address is not None and self._is_found(address)

    def _is_found(self, address: Address) -> bool:
        return any(address in found for found in self._found.values())

    async def _look_up(self, name: str) -> bool:
        """What a name led to last counts while nobody answers."""
        try:
            async with asyncio.timeout(LOOK_UP_DEADLINE_S):
                answers = await asyncio.get_running_loop().getaddrinfo(name, None)
        except (OSError, TimeoutError, UnicodeError) as error:
            log.warning("%s was not looked up (%s)", name, type(error).__name__)
            return False
        self._found[name] = {one for *_, at in answers if (one := _address(str(at[0])))}
        return True


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
