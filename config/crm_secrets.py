"""Secrets of CRMs that everybody knows: refused for a CRM on another machine, told of on this one,
where somebody tries things out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from config.crm_settings import HttpCrm, SqlSettings
from config.known_secrets import is_known
from config.settings import Settings
from config.this_machine import is_this_machine


@dataclass(frozen=True, slots=True)
class KnownSecret:
    section: str
    key: str
    #: Whoever may use it must be on this machine already.
    is_here: bool

    @property
    def told(self) -> str:
        return (
            f"{self.section}.{self.key} is one that everybody knows: have the CRM take another, "
            "which it must have before it is on another machine"
        )


def known_secrets(settings: Settings) -> Iterator[KnownSecret]:
    """What CRMs' webhooks are believed by is ours, and looked at elsewhere."""
    for section, values in settings:
        if isinstance(values, SqlSettings):
            yield from _of_address(section, values.url.get_secret_value())
        if not isinstance(values, HttpCrm):
            continue
        theirs = [(key, value) for key, value in values if not key.startswith("webhook_")]
        addresses = [value for key, value in theirs if key.endswith("url") and value]
        is_here = all(is_this_machine(urlsplit(one).hostname or "") for one in addresses)
        for key, value in theirs:
            if isinstance(value, SecretStr) and is_known(value.get_secret_value()):
                yield KnownSecret(section, key, is_here)


def _of_address(section: str, address: str) -> Iterator[KnownSecret]:
    try:
        parts = urlsplit(address)
        host, password = parts.hostname, unquote(parts.password or "")
    except ValueError:
        return  # no address, as whoever connects will say
    if is_known(password):
        # Without a host it is a socket in the file system.
        yield KnownSecret(section, "url", not host or is_this_machine(host))
