"""What went over the wire, for an administrator's eyes: `switchboard crm test` prints it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

MASKED = "***"
#: More of an answer says nothing more.
LONGEST = 20_000


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, secrets masked. `status` is None where none came; `answer` then
    says why."""

    method: str
    url: str
    request: str
    status: int | None
    answer: str
    seconds: float


#: Told of each exchange; must not raise.
Trace = Callable[[Exchange], None]


def masked(text: str, secrets: Iterable[str]) -> str:
    """`text` without any of `secrets`, however they are part of it."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, MASKED)
    return text[:LONGEST]
