"""Settings that open something beyond what is shipped: told to the audit log at each start."""

from __future__ import annotations

import ipaddress

from config.settings import Settings


def openings(settings: Settings) -> list[str]:
    """As `SECTION.KEY: VALUE`; no secrets."""
    hosts = {
        "agi.host": settings.agi.host,
        "web.host": settings.web.host,
        "nodes.desk_host": settings.nodes.desk_host,
    }
    found = [f"{name}: {host}" for name, host in hosts.items() if not _is_loopback(host)]
    if not settings.privacy.mask_numbers:
        found.append("privacy.mask_numbers: false")
    for name, values in (
        ("web.allowed_origins", settings.web.allowed_origins),
        ("rulebook.webhook_hosts", settings.rulebook.webhook_hosts),
        ("dialling.countries", settings.dialling.countries),
        ("dialling.allow", settings.dialling.allow),
    ):
        if values:
            found.append(f"{name}: {', '.join(map(str, values))}")
    return found


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
