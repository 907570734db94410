"""Where pops go beside the desktop: webhooks, and addresses that the desktop opens."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, StringConstraints, field_validator, model_validator

from config.pop_address import PopAddress, literal_host
from config.section import Section
from config.this_machine import is_this_machine
from config.webhook_settings import HookName

HostName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.:-]{1,253}$")]
QueueName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
PopEvent = Literal["pop.offer", "pop.update", "pop.claim", "pop.wrapup", "pop.close"]


class PopWebhook(Section):
    """A system that is sent the frames of agents' desktops."""

    name: HookName
    """Our name for it."""
    url: str = Field(max_length=500)
    """Where it listens: https, or http on this machine. Its host stands in `pops.hosts`."""
    secret: SecretStr = SecretStr("")
    """Signs what is sent (HMAC-SHA256)."""
    secret_file: Path | None = None
    """A file that holds the secret; wins over `secret`, and is read for each delivery."""
    events: tuple[PopEvent, ...] = Field(
        ("pop.offer", "pop.update", "pop.claim", "pop.wrapup", "pop.close"), min_length=1
    )
    """Which frames."""
    queues: tuple[QueueName, ...] = ()
    """Calls of these queues only; none: of all."""
    private_network: bool = False
    """The name of its host may lead into a private network."""

    @field_validator("url")
    @classmethod
    def _is_safe(cls, url: str) -> str:
        check_address(url)
        return url

    @model_validator(mode="after")
    def _is_signed(self) -> Self:
        if self.secret_file is None and not self.secret.get_secret_value():
            raise ValueError(f"webhook {self.name}: set secret_file (or secret), it signs pops")
        return self


class PopUrl(Section):
    """An address that the desktop opens for a caller."""

    url: str = Field(max_length=1_000)
    """With fields like `{number}` or `--A--phone_number--B--` behind its host."""
    open: Literal["auto", "click"] = "click"
    """auto: by itself when the agent answers; click: by a button."""
    queues: tuple[QueueName, ...] = ()
    """For calls of these queues; none: for those that no other names."""
    callers: Literal["any", "known", "unknown"] = "any"
    """known: only where it is one contact; unknown: only where the CRM knows none, or several."""

    @field_validator("url")
    @classmethod
    def _can_be_filled(cls, url: str) -> str:
        check_address(PopAddress.parsed(url).example())
        return url


class PopsSettings(Section):
    """See docs/screenpop-api.md."""

    hosts: tuple[HostName, ...] = ()
    """Hosts that webhooks of pops and opened addresses may lead to, like `crm.example.com`."""
    webhooks: tuple[PopWebhook, ...] = ()
    """Systems that are sent the frames of agents' desktops: a list of `name`, `url`,
    `secret_file`, `events` and `queues`. Signed, and sent again until it is taken."""
    webhook_attempts_h: int = Field(24, ge=1, le=720)
    """Hours after which a frame that a webhook did not take is left for a person."""
    addresses: tuple[PopUrl, ...] = ()
    """Addresses that the desktop opens: a list of `url` (`https://crm.example.com/?phone={number}`),
    `open` (auto, click), `queues` and `callers` (any, known, unknown)."""

    @model_validator(mode="after")
    def _hosts_are_allowed(self) -> Self:
        allowed = {host.lower().rstrip(".").strip("[]") for host in self.hosts}
        for what, url in (
            *((f"pops.webhooks: {hook.name}", hook.url) for hook in self.webhooks),
            *((f"pops.addresses: {one.url[:60]}", one.url) for one in self.addresses),
        ):
            host = literal_host(url)
            if host not in allowed:
                raise ValueError(f"{what}: its host {host} is not in pops.hosts")
        names = [hook.name for hook in self.webhooks]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"pops.webhooks: two are called {name}")
        return self


def check_address(url: str) -> None:
    """Raises ValueError for what is no web address, holds a password, or would go unencrypted over
    a network."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"'url' cannot be read: {url!r}") from None
    if not host or parts.scheme not in ("http", "https") or not url.isprintable() or " " in url:
        raise ValueError(f"'url' must be written like https://crm.example.com/path, not {url!r}")
    if "@" in parts.netloc:
        raise ValueError("'url' must hold no user and no password")
    if parts.scheme == "http" and not is_this_machine(host):
        raise ValueError(f"'url' must be https: http is for this machine only, not {host}")
