"""The past days at which models are trained and tested: what came later is never looked at. Pure.

A test block is a day and the horizon after it. Models of a block learn at earlier days whose own
horizons were over by then (the embargo): not one purchase is both learned from and tested on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from scoring.training.too_little import TooLittle

MAX_ORIGINS = 8
#: Test blocks, one after the other, as far as the history reaches.
MAX_BLOCKS = 3
#: Between days to learn at, as a share of the horizon.
_STEP = 1 / 3
_SHORTEST_STEP = 7
#: The days before the first day to learn at, as a share of the horizon.
_HISTORY = 1.0
_SHORTEST_HISTORY = 14


@dataclass(frozen=True, slots=True)
class Block:
    """Tested on what came in the horizon after `tested`; learned at `learned`, the latest first."""

    tested: date
    learned: tuple[date, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """`blocks` the latest first; `final`: the days that the model to keep learns at."""

    horizon_days: int
    blocks: tuple[Block, ...]
    final: tuple[date, ...]


def plan_of(first: date | None, until: date, horizon_days: int) -> Plan:
    """Raises TooLittle where the history holds not one block."""
    horizon = timedelta(days=horizon_days)
    blocks = []
    if first is not None:
        for number in range(MAX_BLOCKS):
            tested = until - horizon * (number + 1)
            learned = _learned(first, tested - horizon, horizon_days)
            if learned:
                blocks.append(Block(tested, learned))
    if first is None or not blocks:
        days = (until - first).days if first is not None else 0
        least = 2 * horizon_days + _history(horizon_days)
        raise TooLittle(
            f"{days} days of purchases: for a horizon of {horizon_days} days at least {least} are "
            "needed (--horizon may be shorter)"
        )
    return Plan(horizon_days, tuple(blocks), _learned(first, until - horizon, horizon_days))


def _learned(first: date, latest: date, horizon_days: int) -> tuple[date, ...]:
    step = max(_SHORTEST_STEP, round(horizon_days * _STEP))
    days = [latest - timedelta(days=step * number) for number in range(MAX_ORIGINS)]
    return tuple(day for day in days if (day - first).days >= _history(horizon_days))


def _history(horizon_days: int) -> int:
    return max(_SHORTEST_HISTORY, round(horizon_days * _HISTORY))


def embargoed(block: Block, horizon_days: int) -> bool:
    """Whether each horizon learned from was over on the day of the test."""
    horizon = timedelta(days=horizon_days)
    return all(day + horizon <= block.tested for day in block.learned)


def days_of(plan: Plan) -> Sequence[date]:
    """All, once each."""
    found = {*plan.final}
    for block in plan.blocks:
        found |= {block.tested, *block.learned}
    return sorted(found)
