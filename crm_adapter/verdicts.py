"""What came of one delivery: for the entry, and as a sign of the other side's health."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from crm_adapter.adapter import (
    AmbiguousWrite,
    AuthFailed,
    Conflict,
    CrmError,
    RateLimited,
    Unavailable,
    Unsupported,
)


class Sign(enum.Enum):
    """What a delivery says of the other side."""

    #: It took the entry, or said what is wrong with it.
    LIVES = enum.auto()
    #: No answer, or one that it is broken.
    AWAY = enum.auto()
    #: It wants quiet, or does not believe us.
    REFUSES = enum.auto()
    #: Nothing: it was not asked, or the fault is ours.
    NONE = enum.auto()


@dataclass(frozen=True, slots=True)
class Verdict:
    """`state` of the entry from now on; the other side wants `pause_s` of quiet."""

    state: str
    sign: Sign
    result: str | None = None
    error: str | None = None
    pause_s: float = 0.0


def judge(error: CrmError) -> Verdict:
    if isinstance(error, Conflict) and error.existing is not None:
        return Verdict("done", Sign.LIVES, result=error.existing)
    why = told(error)
    if not error.retryable:
        is_ours = isinstance(error, Unsupported)
        return Verdict("dead", Sign.NONE if is_ours else Sign.LIVES, error=why)
    match error:
        case RateLimited():
            return Verdict("pending", Sign.REFUSES, error=why, pause_s=error.after_s or 0.0)
        case AuthFailed():
            return Verdict("pending", Sign.REFUSES, error=why)
        case Unavailable() | AmbiguousWrite():
            return Verdict("pending", Sign.AWAY, error=why)
    return Verdict("pending", Sign.NONE, error=why)


def told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
