"""Stops asking a CRM that does not answer, so that no caller waits for it. Pure: told the time.

closed      asked; opens after `failures` failures in a row, or when half of the last were slow
open        not asked by anybody until `quiet_s` are over
half open   one probe of our own, which is no caller, decides
"""

from __future__ import annotations

import enum
from collections import deque
from dataclasses import dataclass


class BreakerState(enum.StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class BreakerLimits:
    failures: int = 5
    #: Failures longer ago count no more.
    within_s: float = 10.0
    #: An answer that takes longer is slow.
    slow_s: float = 0.8
    #: So many of the last answers are looked at; half of them slow are too many.
    looked_at: int = 10
    quiet_s: float = 15.0


class Breaker:
    """One for each CRM and operation. Times are seconds of any one steady clock."""

    def __init__(self, limits: BreakerLimits | None = None) -> None:
        self._limits = limits or BreakerLimits()
        self._failures: deque[float] = deque(maxlen=self._limits.failures)
        self._slow: deque[bool] = deque(maxlen=self._limits.looked_at)
        self._open_until: float | None = None
        #: How often it has opened.
        self.openings = 0

    @property
    def slow_s(self) -> float:
        return self._limits.slow_s

    def state(self, at: float) -> BreakerState:
        if self._open_until is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if at < self._open_until else BreakerState.HALF_OPEN

    def lets_pass(self, at: float) -> bool:
        """Whether a caller's question may go to the CRM."""
        return self.state(at) is BreakerState.CLOSED

    def answered(self, at: float) -> None:
        """The CRM said something sensible in time, even if that it knows nobody."""
        if self._open_until is not None:
            return  # asked before it opened: the probe decides
        self._failures.clear()
        self._note_pace(at, is_slow=False)

    def failed(self, at: float) -> None:
        """No answer, a broken one, or none within `slow_s` yet: told once for each question."""
        if self._open_until is not None:
            return
        self._failures.append(at)
        full = len(self._failures) == self._limits.failures
        if full and at - self._failures[0] <= self._limits.within_s:
            self._open(at, self._limits.quiet_s)
        else:
            self._note_pace(at, is_slow=True)

    def refused(self, at: float, *, quiet_s: float | None = None) -> None:
        """Wrong credentials, or a limit reached (`quiet_s`: for so long): opens at once."""
        if self._open_until is None:
            self._open(at, self._limits.quiet_s if quiet_s is None else quiet_s)

    def probed(self, at: float, *, good: bool, quiet_s: float | None = None) -> None:
        """What came of the one question that was allowed while half open."""
        if good:
            self._open_until = None
            self._failures.clear()
            self._slow.clear()
        else:
            self._open_until = at + (self._limits.quiet_s if quiet_s is None else quiet_s)

    def _note_pace(self, at: float, *, is_slow: bool) -> None:
        self._slow.append(is_slow)
        looked_at = self._limits.looked_at
        if len(self._slow) == looked_at and sum(self._slow) * 2 >= looked_at:
            self._open(at, self._limits.quiet_s)

    def _open(self, at: float, quiet_s: float) -> None:
        self._open_until = at + quiet_s
        self._failures.clear()
        self._slow.clear()
        self.openings += 1
