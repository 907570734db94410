"""HTTP to systems that people name, in settings and rulebooks, with no way into our own network."""

from __future__ import annotations

import socket
from abc import abstractmethod

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from config.clear_text import REFUSED, is_public

CONNECTIONS = 50


class NotPublic(OSError):
    """The name leads to private or loopback addresses only."""


class NotPrivate(OSError):
    """The name leads to public addresses only, where nothing goes without TLS."""


class _Sifted(AbstractResolver):
    """Of the addresses that a name leads to, those that may be asked."""

    def __init__(self) -> None:
        self._names = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return self._sifted(host, await self._names.resolve(host, port, family))

    async def close(self) -> None:
        await self._names.close()

    @abstractmethod
    def _sifted(self, host: str, found: list[ResolveResult]) -> list[ResolveResult]:
        """Raises an OSError of its own where none is left."""


class PublicAddresses(_Sifted):
    """A name that somebody points at our own network reaches nothing: private and loopback
    addresses count only where the administrator wrote the address itself, or `localhost`."""

    def _sifted(self, host: str, found: list[ResolveResult]) -> list[ResolveResult]:
        if host.lower().rstrip(".") == "localhost":
            return found
        public = [one for one in found if is_public(one["host"])]
        if not public:
            raise NotPublic("the name leads to no public address")
        return public


class PrivateAddresses(_Sifted):
    """For http without TLS: whatever the name leads to beyond our networks is not asked."""

    def _sifted(self, host: str, found: list[ResolveResult]) -> list[ResolveResult]:
        private = [one for one in found if not is_public(one["host"])]
        if not private:
            raise NotPrivate("the name leads to a public address")
        return private


def resolver_for(scheme: str) -> AbstractResolver:
    """For systems that the administrator names, on premises or not."""
    return PrivateAddresses() if scheme == "http" else aiohttp.ThreadedResolver()


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
    cause = getattr(error, "os_error", None)
    if isinstance(cause, NotPublic):
        return "the name of its host leads into a private network; there, allow its address"
    if isinstance(cause, NotPrivate):
        return REFUSED
    return type(error).__name__
