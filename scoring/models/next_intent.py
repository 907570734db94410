"""What a caller will choose, from what they chose before and what others choose. Pure.

One row per call and choice, so that any number of intents is learned by one model: own choices that
fade with time, the last one, when each was last made, and what all callers choose at this hour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from scoring.models.boosting import Boosted, Boosting, Matrix, train

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

HALF_LIVES_DAYS = (3.0, 30.0, 365.0)
#: How many own choices outweigh what everybody chooses; as in `scoring.propensities`.
PRIOR_STRENGTH = 2.0
#: Calls of strangers are so many of the others' too: shown without their history.
MASKED_SHARE = 0.15
#: Choices of the house fade too.
HOUSE_HALF_LIFE_DAYS = 14.0
NOBODY = -1
#: Ways a call can end that are told apart, the most frequent first.
OUTCOMES = 4
#: Intents that the model knows by name, the most frequent first; the others by their numbers.
NAMED_INTENTS = 12

NAMES = (
    "own_share",
    *(f"own_{days:g}d" for days in HALF_LIVES_DAYS),
    "own_calls",
    "is_last",
    "is_last_but_one",
    "days_since_choice",
    "days_since_call",
    "run_length",
    "house_share",
    "hour_share",
    "weekday_share",
    "own_differing",
    "is_known",
    "last_wait",
    *(f"last_outcome_{place}" for place in range(OUTCOMES)),
    *(f"intent_{place}" for place in range(NAMED_INTENTS)),
)
_SHAPE = Boosting(
    trees=100, depth=4, learning_rate=0.06, least_weight=20, l2=10, column_share=0.7, row_share=0.7
)


@dataclass(frozen=True, slots=True)
class Calls:
    """In the order of time. `callers` are numbers, NOBODY where the caller is not known; `choices`
    are places in the list of intents, -1 for one that was never seen in training."""

    callers: Whole
    days: Floats
    choices: Whole
    hours: Whole
    weekdays: Whole
    #: How each ended (-1: not said) and how long was waited (NaN: not said). Only the caller's
    #: earlier calls are looked at.
    outcomes: Whole
    waits: Floats

    def __len__(self) -> int:
        return len(self.choices)


@dataclass(frozen=True, slots=True)
class IntentRows:
    """`rows` has a row for each call and intent; `smoothed` is each call's counting forecast;
    `earlier` how many calls the caller made before."""

    rows: Matrix
    smoothed: Floats
    earlier: Whole


@dataclass(slots=True)
class _Own:
    intents: int
    last: int = -1
    last_but_one: int = -1
    last_day: float = 0.0
    calls: int = 0
    run: int = 0
    outcome: int = -1
    wait: float = float("nan")
    faded: Floats = field(init=False)
    at: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.faded = np.zeros((len(HALF_LIVES_DAYS), self.intents))
        self.at = np.full(self.intents, np.nan)

    def seen_on(self, day: float) -> Floats:
        age = max(0.0, day - self.last_day)
        left = 0.5 ** (age / np.array(HALF_LIVES_DAYS))
        return np.asarray(self.faded * left[:, None])

    def add(self, choice: int, day: float, outcome: int, wait: float) -> None:
        self.outcome, self.wait = outcome, wait
        self.faded = self.seen_on(day)
        self.faded[:, choice] += 1
        self.run = self.run + 1 if choice == self.last else 1
        self.last_but_one, self.last = self.last, choice
        self.last_day, self.at[choice] = day, day
        self.calls += 1


class _House:
    """What all choose: of late, by hour, by weekday; drawn towards an even share by one call."""

    def __init__(self, intents: int) -> None:
        self._all = np.full(intents, 1.0 / intents)
        self._hours = np.zeros((24, intents))
        self._weekdays = np.zeros((8, intents))
        self._day = 0.0

    def shares(self, day: float, hour: int, weekday: int) -> tuple[Floats, Floats, Floats]:
        everybody = self._all / self._all.sum()
        return (
            everybody,
            _drawn(self._hours[hour], everybody, 20.0),
            _drawn(self._weekdays[weekday], everybody, 20.0),
        )

    def add(self, choice: int, day: float, hour: int, weekday: int) -> None:
        self._all *= 0.5 ** (max(0.0, day - self._day) / HOUSE_HALF_LIFE_DAYS)
        self._day = max(self._day, day)
        for counts in (self._all, self._hours[hour], self._weekdays[weekday]):
            counts[choice] += 1


def rows_of(calls: Calls, intents: int, *, masked: Sequence[bool] | None = None) -> IntentRows:
    """What was known as each call came in; `masked` calls are shown as a stranger's."""
    people: dict[int, _Own] = {}
    # Whom nobody knows calls for other things than customers do.
    houses = {True: _House(intents), False: _House(intents)}
    stranger = _Own(intents)
    rows = np.zeros((len(calls), intents, len(NAMES)), dtype=np.float32)
    smoothed = np.zeros((len(calls), intents))
    earlier = np.zeros(len(calls), dtype=np.int64)
    for number in range(len(calls)):
        caller, day = int(calls.callers[number]), float(calls.days[number])
        hour, weekday = int(calls.hours[number]), int(calls.weekdays[number])
        own = people.get(caller, stranger) if caller != NOBODY else stranger
        earlier[number] = own.calls
        if masked is not None and masked[number]:
            own = stranger
        house = houses[caller != NOBODY]
        shares = house.shares(day, hour, weekday)
        faded = own.seen_on(day)
        smoothed[number] = _drawn(faded[1], shares[0], PRIOR_STRENGTH)
        _fill(
            rows[number],
            own,
            day=day,
            faded=faded,
            smoothed=smoothed[number],
            shares=shares,
        )
        rows[number, :, NAMES.index("is_known")] = caller != NOBODY
        choice = int(calls.choices[number])
        if choice < 0:
            continue
        house.add(choice, day, hour, weekday)
        if caller != NOBODY:
            people.setdefault(caller, _Own(intents)).add(
                choice, day, int(calls.outcomes[number]), float(calls.waits[number])
            )
    return IntentRows(rows.reshape(-1, len(NAMES)), smoothed, earlier)


def train_intents(found: IntentRows, choices: Whole, which: NDArray[np.bool_]) -> Boosted:
    """On the calls of `which` whose choice is known."""
    intents = found.smoothed.shape[1]
    kept = which & (choices >= 0)
    taken = np.repeat(kept, intents)
    truth = np.zeros((len(choices), intents))
    truth[kept, choices[kept]] = 1.0
    margin = _logit(found.smoothed)
    return train(
        _SHAPE,
        found.rows[taken],
        truth.reshape(-1)[taken],
        names=NAMES,
        margin=margin.reshape(-1)[taken],
    )


def chances(model: Boosted, found: IntentRows) -> Floats:
    """By call and intent; each call's add up to 1."""
    answers = model.answers(found.rows, margin=_logit(found.smoothed).reshape(-1))
    shaped = answers.reshape(found.smoothed.shape)
    return np.asarray(shaped / np.maximum(shaped.sum(axis=1, keepdims=True), 1e-12))


def positions(scores: Floats, choices: Whole) -> Floats:
    """Where the choice stands when intents are offered by their score, from 1; a choice that is
    not among them comes after all. Equal scores keep the intents' order."""
    order = np.argsort(-scores, axis=1, kind="stable")
    place = np.argmax(order == choices[:, None], axis=1) + 1.0
    return np.asarray(np.where(choices >= 0, place, scores.shape[1] + 1.0))


def _fill(
    rows: Matrix,
    own: _Own,
    *,
    day: float,
    faded: Floats,
    smoothed: Floats,
    shares: tuple[Floats, Floats, Floats],
) -> None:
    rows[:, 0] = smoothed
    rows[:, 1:4] = faded.T
    rows[:, 4] = own.calls
    if own.calls:
        rows[own.last, 5] = 1.0
        if own.last_but_one >= 0:
            rows[own.last_but_one, 6] = 1.0
        rows[:, 7] = day - own.at
        rows[:, 8] = day - own.last_day
        rows[own.last, 9] = own.run
    else:
        rows[:, 7:9] = np.nan
    rows[:, 10], rows[:, 11], rows[:, 12] = shares
    rows[:, 13] = np.isfinite(own.at).sum()
    rows[:, 15] = own.wait
    if own.outcome >= 0:
        rows[:, 16 + min(own.outcome, OUTCOMES - 1)] = 1.0
    named = np.arange(min(len(rows), NAMED_INTENTS))
    rows[named, 16 + OUTCOMES + named] = 1.0


def _drawn(counts: Floats, prior: Floats, strength: float) -> Floats:
    return np.asarray((counts + strength * prior) / (counts.sum() + strength))


def _logit(chance: Floats) -> Floats:
    sure = np.clip(chance, 1e-4, 1 - 1e-4)
    return np.asarray(np.log(sure / (1 - sure)))
