"""Where http without TLS may lead: to this machine and into private networks, nowhere else."""

from __future__ import annotations

import ipaddress

REFUSED = (
    "http without TLS is for this machine and private networks alone: write https, or the address "
    "of a proxy of yours that speaks TLS to it"
)


def is_public(address: str) -> bool:
    """Raises ValueError for what is no address. `::ffff:127.0.0.1` is 127.0.0.1 by another name."""
    ip = ipaddress.ip_address(address)
    return ((ip.ipv4_mapped if ip.version == 6 else None) or ip).is_global


def may_be_clear(scheme: str, host: str, *, names: bool) -> bool:
    """`names`: whether a name may stand there, of which only the connection shows where it leads;
    `localhost` is this machine."""
    host = host.lower().rstrip(".").strip("[]")
    if scheme.lower() != "http" or host == "localhost":
        return True
    try:
        return not is_public(host)
    except ValueError:
        return names
