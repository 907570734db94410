"""What is asked of a CRM over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Request:
    """`address` is whole and encoded. `is_write` where it may change something there;
    `answers_secrets` where the answer holds a token, so that no trace shows it."""

    method: str
    address: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    data: bytes = field(default=b"", repr=False)
    is_write: bool = False
    answers_secrets: bool = False
