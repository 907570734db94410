"""Webhooks between us and other systems: those we call, and those that call us."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, field_validator

from config.clear_text import REFUSED, may_be_clear
from config.section import Section

HookName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
HookUrl = Annotated[
    str, StringConstraints(pattern=r"^https?://[^\s/?#@]+(/[^\s#]*)?$", max_length=500)
]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,60}$")]
HookEvent = Literal["call.ended", "lead.created", "task.created"]
SignedPart = Literal["timestamp", ".", "method", "url", "body"]


class WebhookOut(Section):
    """A system that is told what happens."""

    name: HookName
    """Our name for it."""
    url: HookUrl
    """Where it listens: https, or http at an address of a private network or on this machine. A
    name that leads into a private network is refused; write the address."""
    secret_file: Path
    """A file with the secret that signs what is sent."""
    events: tuple[HookEvent, ...] = Field(("call.ended", "lead.created", "task.created"))
    """What it is told of."""

    @field_validator("url")
    @classmethod
    def _is_safe(cls, url: str) -> str:
        parts = urlsplit(url)
        if not may_be_clear(parts.scheme, parts.hostname or "", names=False):
            raise ValueError(REFUSED)
        return url


class WebhookIn(Section):
    """A system that tells us of changes, at `POST /hooks/crm/NAME`."""

    name: HookName
    """Last part of its address."""
    secret_file: Path
    """A file with the secret that it signs with (HMAC-SHA256)."""
    header: HeaderName = "X-Signature"
    """The header with the signature."""
    style: Literal["plain", "t_v1"] = "plain"
    """plain: the signature, after `prefix`; t_v1: `t=UNIX,v1=HEX` over `t.body`, as we sign."""
    prefix: str = Field("", max_length=20)
    """What stands before a plain signature, like `sha256=`."""
    encoding: Literal["hex", "base64"] = "hex"
    """How a plain signature is written."""
    signed: tuple[SignedPart, ...] = ("body",)
    """What a plain signature is over, one after the other."""
    timestamp_header: HeaderName | None = None
    """The header with Unix time, in seconds or milliseconds; older than five minutes is refused."""
    event_id_header: HeaderName | None = None
    """The header with the event's id; without it what was signed is the id. Known ones of the
    last ten minutes are refused."""
