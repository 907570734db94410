"""Who asks, where a proxy asks for them: the limits of log-ins count by address."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

#: More hops than that nobody has; what stands before them is not looked at.
_MOST_HOPS = 20

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def behind(trusted: Sequence[str]) -> Middleware:
    """`request.remote` is the client of the proxies at `trusted` addresses and networks."""
    client = client_of(trusted)

    @web.middleware
    async def told(request: web.Request, handler: Handler) -> web.StreamResponse:
        before = request.remote
        asked = client(before, request.headers.getall("X-Forwarded-For", ()))
        if asked is not None and asked != before:
            request = request.clone(remote=asked)
        return await handler(request)

    return told


def client_of(trusted: Sequence[str]) -> Callable[[str | None, Sequence[str]], str | None]:
    """Of who connects and of their X-Forwarded-For: the last address in it that is no proxy of
    ours. What stands further left was written by whoever that is, and is believed of nobody."""
    is_ours = _within(trusted)

    def client(remote: str | None, headers: Sequence[str]) -> str | None:
        asked = _address(remote or "")
        if asked is None or not is_ours(asked):
            return remote
        hops = ",".join(headers).split(",")
        for hop in reversed(hops[-_MOST_HOPS:]):
            before = _address(hop.strip())
            if before is None:
                break
            asked = before
            if not is_ours(asked):
                break
        return str(asked)

    return client


def are_proxies(trusted: Sequence[str]) -> Callable[[str], bool]:
    """Of an address: whether one of ours connects from there."""
    is_ours = _within(trusted)

    def is_proxy(remote: str) -> bool:
        address = _address(remote)
        return address is not None and is_ours(address)

    return is_proxy


def _within(trusted: Sequence[str]) -> Callable[[_Address], bool]:
    networks = [ipaddress.ip_network(text) for text in trusted]
    return lambda address: any(address in network for network in networks)


def _address(text: str) -> _Address | None:
    """Without a port, with which some proxies write it; `::ffff:10.0.0.1` is 10.0.0.1."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        ip = ipaddress.ip_address(text)
    except ValueError:
        return None
    return ip.ipv4_mapped or ip if ip.version == 6 else ip
