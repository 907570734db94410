"""How often the gate has been asked, and how sure it has to be the next time. Pure.

Who looks every night with an interval of 95 % deploys something useless sooner or later. So the 5 %
are spent over all looks together: the k-th one has `0.05 * 6 / (pi^2 * k^2)` of them, which sums up
to 0.05 however many come, and needs no plan of how many there will be.

A look is a run of the gate that could deploy:

- A run with too few calls, or whose choices were tried too seldom, is none and spends nothing: it
  ends before any gain is asked for. How many calls there are does not tell which choice is better.
- A run on a day (UTC) that has had its look is none either. It shows its figures under that look's
  number, but cannot deploy: else whoever asks ten times a day has ten chances for the price of one.
- Nor is a run while personal is in use: there is nothing to deploy. It can only undo, and then the
  counting goes on where it was.

Looks are never forgotten, not even when offers, values or models change: the 5 % are for the life
of the house.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

DEPLOY, FALL_BACK = "deploy", "fall_back"
#: Chance that something useless is ever deployed, at most.
ALPHA = 0.05
#: Among a judgement's figures.
LOOK, SPENT = "look", "alpha"


@dataclass(frozen=True, slots=True)
class KeptJudgement:
    at: datetime
    decision: str
    because: str
    figures: Mapping[str, Any]

    @property
    def look(self) -> int | None:
        """None: it was no look, nor part of one."""
        number = self.figures.get(LOOK)
        return number if isinstance(number, int) and number > 0 else None

    @property
    def is_older_kind(self) -> bool:
        """Made while every night still had the whole 5 %."""
        return LOOK not in self.figures and "SNIPS" in self.figures


@dataclass(frozen=True, slots=True)
class Look:
    """`may_deploy`: nobody has looked yet today. `in_use`: personal is, since the look `number`."""

    number: int = 1
    may_deploy: bool = True
    in_use: bool = False

    @property
    def alpha(self) -> float:
        return alpha_of(self.number)

    @property
    def told(self) -> str:
        return f"look {self.number}, alpha {self.alpha:.2g}"


def alpha_of(number: int) -> float:
    return ALPHA * 6 / (math.pi * number) ** 2


def next_look(kept: Sequence[KeptJudgement], now: datetime) -> Look:
    """`kept` are all, the newest one last. What was deployed by the older kind has to pass anew."""
    looks = [one for one in kept if one.look is not None]
    made = max((one.look or 0 for one in looks), default=0)
    made = max(made, sum(one.is_older_kind for one in kept))
    newest = next((one for one in reversed(kept) if one.at <= latest(now)), None)
    if newest is not None and newest.decision == DEPLOY and newest.look is not None:
        return Look(newest.look, may_deploy=False, in_use=True)
    today = [one.look or 0 for one in looks if _day(one.at) == _day(now)]
    if today:
        return Look(max(today), may_deploy=False)
    return Look(made + 1)


def latest(now: datetime) -> datetime:
    """What is dated later was judged by a wrong clock, and must not rule until that day comes. Its
    look stays spent."""
    return now + timedelta(days=1)


def _day(at: datetime) -> object:
    return at.astimezone(UTC).date()
