"""HTTP to systems that people name, in settings and rulebooks, with no way into our own network."""

from __future__ import annotations

import ipaddress
import socket

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

CONNECTIONS = 50


class NotPublic(OSError):
    """The name leads to private or loopback addresses only."""


class PublicAddresses(AbstractResolver):
    """A name that somebody points at our own network reaches nothing: private and loopback
    addresses count only where the administrator wrote the address itself, or `localhost`."""

    def __init__(self) -> None:
        self._names = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._names.resolve(host, port, family)
        if host.lower().rstrip(".") == "localhost":
            return found
        public = [one for one in found if _is_public(one["host"])]
        if not public:
            raise NotPublic("the name leads to no public address")
        return public

    async def close(self) -> None:
        await self._names.close()


def careful_session(*, private: bool = False) -> aiohttp.ClientSession:
    """No proxies and no passwords from the environment; no cookies; nothing unpacked, so that what
    is small on the wire is small here. `private`: names may lead into private networks too."""
    resolver = aiohttp.ThreadedResolver() if private else PublicAddresses()
    connector = aiohttp.TCPConnector(limit=CONNECTIONS, resolver=resolver, use_dns_cache=False)
    return aiohttp.ClientSession(
        connector=connector,
        trust_env=False,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
    )


def why(error: aiohttp.ClientError | OSError) -> str:
    """By type alone, but for what an administrator can mend."""
    if isinstance(getattr(error, "os_error", None), NotPublic):
        return "the name of its host leads into a private network; there, allow its address"
    return type(error).__name__


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address)
    # `::ffff:127.0.0.1` is 127.0.0.1 by another name.
    return ((ip.ipv4_mapped if ip.version == 6 else None) or ip).is_global
