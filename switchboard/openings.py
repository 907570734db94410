"""Settings that open something beyond what is shipped: told to the audit log at each start."""

from __future__ import annotations

from config.settings import Settings
from config.this_machine import is_this_machine


def openings(settings: Settings) -> list[str]:
    """As `SECTION.KEY: VALUE`; no secrets."""
    hosts = {
        "agi.host": settings.agi.host,
        "web.host": settings.web.host,
        "nodes.desk_host": settings.nodes.desk_host,
    }
    found = [f"{name}: {host}" for name, host in hosts.items() if not is_this_machine(host)]
    if not settings.privacy.mask_numbers:
        found.append("privacy.mask_numbers: false")
    for name, values in (
        ("web.allowed_origins", settings.web.allowed_origins),
        ("web.watchers", settings.web.watchers),
        ("web.asterisks", settings.web.asterisks),
        ("web.trusted_proxies", settings.web.trusted_proxies),
        ("nodes.trusted", [one for one in settings.nodes.trusted if not is_this_machine(one)]),
        ("oidc.issuer", [settings.oidc.issuer] if settings.oidc.issuer else ()),
        ("rulebook.webhook_hosts", settings.rulebook.webhook_hosts),
        ("dialling.countries", settings.dialling.countries),
        ("dialling.allow", settings.dialling.allow),
    ):
        if values:
            found.append(f"{name}: {', '.join(map(str, values))}")
    return found
