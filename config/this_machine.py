"""Whether a host's name or address is of this machine alone."""

from __future__ import annotations

import ipaddress


def is_this_machine(host: str) -> bool:
    if host.rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
