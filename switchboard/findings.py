"""What an examination says of one thing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """`level` is ok, warning or error; `remedy` says what to do about it."""

    level: str
    what: str
    remedy: str = ""
