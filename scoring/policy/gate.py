"""Is the personal offer better than the one best offer for everybody? Asked of our own calls. Pure.

Only calls count whose offer was drawn with a chance that was kept, among two candidates or more.
What the personal choice and the best single offer would have earned in them is estimated twice
(SNIPS and doubly robust, `scoring.models.off_policy`); personal is used only where it is better by
both, at the lower end of their 95 % intervals, whole contacts drawn anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calls.offer_choice import OfferCandidate
from scoring.models.metrics import Interval, Resampling
from scoring.models.off_policy import Logged, doubly_robust, snips

DEPLOY, FALL_BACK = "deploy", "fall_back"
#: Below these nothing is claimed.
LEAST_CALLS, LEAST_ACCEPTED = 500, 30
#: Share of calls in which what each of the two would have chosen had a chance at all.
LEAST_SUPPORT = 0.9
#: The newest ones.
MAX_CALLS = 100_000
MAX_OFFERS = 200
#: Calls that an offer's rate is drawn by towards that of all.
STRENGTH = 20.0

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LoggedChoice:
    """One call: who might have heard what, with which chance, and what came of the chosen one."""

    contact: str
    #: By candidate: propensity as it was known then, and chance of being chosen.
    candidates: Mapping[str, tuple[float | None, float]]
    chosen: str
    accepted: bool

    @property
    def is_usable(self) -> bool:
        chances = [chance for _, chance in self.candidates.values()]
        sane = all(0 <= chance <= 1 for chance in chances)
        mine = self.candidates.get(self.chosen)
        return len(chances) >= 2 and sane and mine is not None and mine[1] > 0


@dataclass(frozen=True, slots=True)
class Judgement:
    decision: str
    because: str
    figures: Mapping[str, Any] = field(default_factory=dict)


def judge(calls: Sequence[LoggedChoice], values: Mapping[str, float]) -> Judgement:
    """`values` are the rulebook's by offer; 1 for what it does not hold any more."""
    usable = [one for one in calls if one.is_usable][-MAX_CALLS:]
    offers = sorted({name for one in usable for name in one.candidates})[:MAX_OFFERS]
    accepted = sum(one.accepted for one in usable)
    figures: dict[str, Any] = {
        "calls": len(usable),
        "accepted": accepted,
        "contacts": len({one.contact for one in usable}),
        "offers": len(offers),
    }
    if len(usable) < LEAST_CALLS or accepted < LEAST_ACCEPTED:
        because = (
            f"{len(usable)} calls whose offer was drawn by chance, {accepted} of them accepted: "
            f"nothing is claimed below {LEAST_CALLS} and {LEAST_ACCEPTED}"
        )
        return Judgement(FALL_BACK, because, figures)
    known = set(offers)
    table = _Table.of([one for one in usable if one.candidates.keys() <= known], offers, values)
    return _compared(table, figures)


@dataclass(frozen=True, slots=True)
class _Table:
    """By call and offer: the chance, below 0 where it was no candidate; and its worth."""

    offers: Sequence[str]
    chances: Floats
    worths: Floats
    shown: Whole
    outcomes: Floats
    contacts: Whole

    @classmethod
    def of(
        cls, calls: Sequence[LoggedChoice], offers: Sequence[str], values: Mapping[str, float]
    ) -> _Table:
        place = {name: number for number, name in enumerate(offers)}
        chances = np.full((len(calls), len(offers)), -1.0)
        worths = np.full((len(calls), len(offers)), -np.inf)
        for row, one in enumerate(calls):
            for name, (propensity, chance) in one.candidates.items():
                candidate = OfferCandidate(name, values.get(name, 1.0), propensity)
                chances[row, place[name]] = chance
                worths[row, place[name]] = candidate.worth
        earned = [values.get(one.chosen, 1.0) * one.accepted for one in calls]
        return cls(
            offers=offers,
            chances=chances,
            worths=worths,
            shown=np.array([place[one.chosen] for one in calls], dtype=np.int64),
            outcomes=np.array(earned, dtype=np.float64),
            contacts=np.unique([one.contact for one in calls], return_inverse=True)[1].reshape(-1),
        )

    def best_of(self, scores: Floats) -> Whole:
        """By call the candidate with the highest score; `scores` by offer, or by call and offer."""
        allowed = np.where(self.chances >= 0, np.broadcast_to(scores, self.chances.shape), -np.inf)
        return np.asarray(allowed.argmax(axis=1), dtype=np.int64)

    def chance_of(self, chosen: Whole) -> Floats:
        return np.asarray(self.chances[np.arange(len(chosen)), chosen])


def _compared(table: _Table, figures: dict[str, Any]) -> Judgement:
    logged = Logged(table.shown, table.chance_of(table.shown), table.outcomes, _rewards(table))
    ranks = _means(table, np.ones(len(table.shown), dtype=bool))
    personal, single = table.best_of(table.worths), table.best_of(ranks)
    both = (table.chance_of(personal) > 0) & (table.chance_of(single) > 0)
    resampling = Resampling(table.contacts)
    gains: dict[str, Interval] = {}
    for name, value in (("SNIPS", snips), ("DR", doubly_robust)):
        ours, theirs = partial(value, logged, personal), partial(value, logged, single)
        gains[name] = resampling.difference(ours, theirs)
        figures[name] = {
            "personal": _interval(resampling.interval(ours)),
            "best_single": _interval(resampling.interval(theirs)),
            "gain": _interval(gains[name]),
        }
    figures |= {
        "support": float(both.mean()),
        "differs": float((personal != single).mean()),
        "best_single": table.offers[int(np.argmax(ranks))],
    }
    return _decided(gains, float(both.mean()), figures)


def _decided(
    gains: Mapping[str, Interval], support: float, figures: Mapping[str, Any]
) -> Judgement:
    told = ", ".join(
        f"{name} {one.value:+.4g} a call ({one.low:+.4g} to {one.high:+.4g})"
        for name, one in gains.items()
    )
    if support < LEAST_SUPPORT:
        because = (
            f"in {support:.0%} of the calls only both choices had a chance: what was never tried "
            "cannot be judged"
        )
        return Judgement(FALL_BACK, because, figures)
    if all(one.low > 0 for one in gains.values()):
        return Judgement(DEPLOY, f"personal earns more than the best single offer: {told}", figures)
    because = f"not shown that personal earns more than the best single offer: {told}"
    return Judgement(FALL_BACK, because, figures)


def _rewards(table: _Table) -> Floats:
    """What is said of each offer's outcome, learned of other contacts: half of them for the other
    half."""
    half = table.contacts % 2 == 0
    rows = np.where(half[:, None], _means(table, ~half), _means(table, half))
    return np.asarray(rows)


def _means(table: _Table, among: NDArray[np.bool_]) -> Floats:
    """By offer, each call weighed by how rarely it happens, drawn towards that of all offers."""
    weight = among / np.maximum(table.chance_of(table.shown), 0.01)
    count = len(table.offers)
    weights = np.bincount(table.shown, weight, minlength=count)
    earned = np.bincount(table.shown, weight * table.outcomes, minlength=count)
    total = float(weights.sum())
    overall = float(earned.sum()) / total if total else 0.0
    strength = STRENGTH * (total / max(int(among.sum()), 1) or 1.0)
    return np.asarray((earned + strength * overall) / (weights + strength))


def _interval(one: Interval) -> dict[str, float | None]:
    """NaN is no JSON."""
    found = {"value": one.value, "low": one.low, "high": one.high}
    return {name: float(value) if np.isfinite(value) else None for name, value in found.items()}
