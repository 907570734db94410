"""A contact's earlier calls, as counters that each call moves by one step. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from pydantic import ConfigDict

from scoring.features.schema import CALL_HALF_LIVES, OUTCOME_CLASSES, RARE_HALF_LIFE
from scoring.features.seen import CallSeen

DAY_S = 86_400.0
REPEAT_DAYS = 7
#: Nobody waits longer; what says so is a broken clock.
MAX_WAIT_S = 7 * DAY_S
NAN = math.nan
#: Hang-ups, zero-outs, offers heard, accepted, refused.
_RARE = 5
_HALF_LIVES = (*CALL_HALF_LIVES, *[RARE_HALF_LIFE] * _RARE)


def _weights() -> list[float]:
    return [0.0] * len(_HALF_LIVES)


@dataclass(frozen=True, slots=True)
class OfferChange:
    """One more, or one less, of each; times decide how much it has faded by now."""

    heard_at: datetime
    answered_at: datetime
    heard: int = 0
    accepted: int = 0
    refused: int = 0


@dataclass(slots=True)
class CallCounts:
    """Times are seconds since 1970. Calls may come in any order."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(allow_inf_nan=False, extra="forbid")

    calls: int = 0
    last_at: float = 0.0
    #: Of the call before the last.
    previous_at: float | None = None
    last_ended: str = ""
    last_wait_s: float | None = None
    longest_wait_s: float | None = None
    #: As they were at `last_at`: calls by half-life, then hang-ups, zero-outs and offers.
    weights: list[float] = field(default_factory=_weights)
    offered_at: float | None = None

    def add(self, seen: CallSeen) -> None:
        at, wait_s = seen.at.timestamp(), _waited(seen.wait_s)
        if not self.calls or at >= self.last_at:
            if self.calls:
                self.weights = _faded(self.weights, at - self.last_at)
                self.previous_at = self.last_at
            self.last_at, self.last_ended, self.last_wait_s = at, seen.ended, wait_s
        else:
            self.previous_at = max(at, self.previous_at or at)
        self.calls += 1
        if wait_s is not None:
            self.longest_wait_s = max(wait_s, self.longest_wait_s or 0.0)
        self._count(
            at,
            [
                *[1.0] * len(CALL_HALF_LIVES),
                float(seen.ended == "abandoned"),
                float(seen.zero_outs),
                float(seen.offers_heard),
                float(seen.offers_accepted),
                float(seen.offers_refused),
            ],
        )
        if seen.offers_heard:
            self.offered_at = max(at, self.offered_at or at)

    def change_offers(self, change: OfferChange) -> None:
        """Told of an offer when its call had been counted already."""
        heard, answered = _weights(), _weights()
        heard[-3] = float(change.heard)
        answered[-2], answered[-1] = float(change.accepted), float(change.refused)
        self._count(change.heard_at.timestamp(), heard)
        self._count(change.answered_at.timestamp(), answered)
        self.weights = [max(0.0, weight) for weight in self.weights]
        if change.heard > 0:
            at = change.heard_at.timestamp()
            self.offered_at = max(at, self.offered_at or at)

    def _count(self, at: float, counted: list[float]) -> None:
        late = _faded(counted, self.last_at - at)
        self.weights = [one + other for one, other in zip(self.weights, late, strict=True)]

    def values_at(self, now: datetime) -> list[float]:
        """In the order of `schema.CALL_NAMES`; should the clock have gone back, as at the last
        call."""
        at = max(now.timestamp(), self.last_at)
        seven, thirty, ninety, hang_ups, zero_outs, *offers = _faded(
            self.weights, at - self.last_at
        )
        if not self.calls:
            return [0.0, 0.0, 0.0, NAN, *[0.0] * len(OUTCOME_CLASSES), NAN, NAN, 0.0, 0.0, 0.0,
                    *offers, NAN]  # fmt: skip
        repeats = (
            self.previous_at is not None and self.last_at - self.previous_at <= REPEAT_DAYS * DAY_S
        )
        return [
            seven,
            thirty,
            ninety,
            (at - self.last_at) / DAY_S,
            *(float(self.last_ended == each) for each in OUTCOME_CLASSES),
            NAN if self.longest_wait_s is None else self.longest_wait_s,
            NAN if self.last_wait_s is None else self.last_wait_s,
            hang_ups,
            float(repeats),
            zero_outs,
            *offers,
            NAN if self.offered_at is None else (at - self.offered_at) / DAY_S,
        ]


def _faded(weights: list[float], seconds: float) -> list[float]:
    if seconds <= 0:
        return weights
    days = seconds / DAY_S
    return [
        weight * 0.5 ** (days / half_life) if weight else weight
        for weight, half_life in zip(weights, _HALF_LIVES, strict=True)
    ]


def _waited(wait_s: float | None) -> float | None:
    if wait_s is None or not math.isfinite(wait_s):
        return None
    return min(max(wait_s, 0.0), MAX_WAIT_S)
