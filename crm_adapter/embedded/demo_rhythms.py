"""When people buy: each at a pace of their own, more before the holidays, and some stop."""

from __future__ import annotations

import enum
import random
from bisect import bisect_left
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate

#: January first; the months before the holidays are busy, summer is quiet.
_SEASON = (0.9, 0.9, 1.0, 1.0, 1.0, 0.9, 0.75, 0.75, 1.0, 1.1, 1.5, 1.7)
_WEEKEND = 1.3
HISTORY_DAYS = 3 * 365


class Habit(enum.Enum):
    """How a contact came, bought and perhaps went."""

    PROSPECT = "prospect"
    ONCE = "once"
    NEWCOMER = "newcomer"
    REGULAR = "regular"
    HEAVY = "heavy"
    LAPSED = "lapsed"
    WON_BACK = "won back"


_SHARES = {
    Habit.PROSPECT: 0.08,
    Habit.ONCE: 0.10,
    Habit.NEWCOMER: 0.08,
    Habit.REGULAR: 0.42,
    Habit.HEAVY: 0.06,
    Habit.LAPSED: 0.22,
    Habit.WON_BACK: 0.04,
}


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Days before today: `since` the first purchase, `until` the last; `pause` is an absence of
    that many days before the last two purchases."""

    count: int
    since: int
    until: int
    pause: int = 0


def draw_habit(rng: random.Random) -> Habit:
    return rng.choices(list(_SHARES), list(_SHARES.values()))[0]


def draw_weight(habit: Habit, rng: random.Random) -> float:
    """How much of all purchases this contact makes, against the others; 0 for a count of its own
    (see `draw_rhythm`)."""
    spread = rng.lognormvariate(0, 0.5)
    weights = {Habit.REGULAR: 1.0, Habit.HEAVY: 4.0, Habit.LAPSED: 0.7, Habit.WON_BACK: 0.9}
    return spread * weights.get(habit, 0.0)


def few_purchases(habit: Habit, rng: random.Random) -> int:
    """Of those who bought next to nothing."""
    drawn = rng.randint(1, 3)
    return {Habit.ONCE: 1, Habit.NEWCOMER: drawn}.get(habit, 0)


def draw_rhythm(habit: Habit, count: int, rng: random.Random) -> Rhythm:
    if habit is Habit.ONCE:
        only = rng.randint(30, HISTORY_DAYS)
        return Rhythm(count, only, only)
    if habit is Habit.NEWCOMER:
        first = rng.randint(8, 80)
        return Rhythm(count, first, rng.randint(1, first) if count > 1 else first)
    since = rng.randint(HISTORY_DAYS // 3, HISTORY_DAYS)
    gap = since / max(count, 1)
    if habit is Habit.LAPSED:
        until = int(min(since * 0.8, max(90, gap * rng.uniform(2.5, 12))))
        return Rhythm(count, since, until)
    until = max(1, int(gap * rng.uniform(0.02, 1.3)))
    if habit is Habit.WON_BACK:
        return Rhythm(count, since, min(until, 25), pause=int(max(150, gap * 8)))
    return Rhythm(count, since, min(until, since))


class Calendar:
    """Turns even paces into dates with seasons and weekends."""

    def __init__(self, today: date) -> None:
        self._first = today - timedelta(days=HISTORY_DAYS)
        days = (self._first + timedelta(days=n) for n in range(HISTORY_DAYS))
        busy = (_SEASON[d.month - 1] * (_WEEKEND if d.weekday() >= 5 else 1.0) for d in days)
        #: How busy all days up to this one were together; one entry for each day.
        self._busy_until = list(accumulate(busy))

    def days_of(self, rhythm: Rhythm, rng: random.Random) -> list[date]:
        """`rhythm.count` days, oldest first, the first and the last as the rhythm says."""
        if rhythm.count == 0:
            return []
        first, last = HISTORY_DAYS - rhythm.since, HISTORY_DAYS - rhythm.until
        steps = list(accumulate(rng.gammavariate(8, 1) for _ in range(rhythm.count - 1)))
        places = [0.0, *(step / steps[-1] for step in steps)]
        indexes = [self._at(first, last, place) for place in places]
        if rhythm.pause:
            indexes = _with_pause(indexes, rhythm.pause)
        return [self._first + timedelta(days=index) for index in indexes]

    def _at(self, first: int, last: int, place: float) -> int:
        """The day by which `place` (0 to 1) of the business between the two days was done."""
        low, high = self._busy_until[max(first, 0)], self._busy_until[last]
        found = bisect_left(self._busy_until, low + (high - low) * place)
        return min(max(found, first, 0), last)


def _with_pause(indexes: list[int], pause: int) -> list[int]:
    """The last two visits stay; everything earlier moves back, as far as the history goes."""
    split = max(1, len(indexes) - 2)
    return [max(0, index - pause) for index in indexes[:split]] + indexes[split:]
