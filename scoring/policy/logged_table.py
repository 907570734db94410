"""Calls whose offer was drawn by chance, as columns: who might have heard what, what came of it.
Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calls.offer_choice import OfferCandidate
from scoring.models.off_policy import Logged

#: Calls that an offer's rate is drawn by towards that of all.
STRENGTH = 20.0
#: Our own policies leave no offer less, up to 25 that a caller may hear: nothing of theirs is cut
#: off. Rarer choices weigh no more than this, and count as not tried.
LEAST_CHANCE = 0.002

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
class LoggedTable:
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
    ) -> LoggedTable:
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

    def first(self, count: int) -> LoggedTable:
        """As it was after so many calls."""
        return LoggedTable(
            offers=self.offers,
            chances=self.chances[:count],
            worths=self.worths[:count],
            shown=self.shown[:count],
            outcomes=self.outcomes[:count],
            contacts=self.contacts[:count],
        )

    def as_logged(self) -> Logged:
        chances, rewards = self.chance_of(self.shown), _rewards(self)
        return Logged(self.shown, chances, self.outcomes, rewards, LEAST_CHANCE)

    def rates(self) -> Floats:
        """By offer what a call earns with it."""
        return _means(self, np.ones(len(self.shown), dtype=bool))


def _rewards(table: LoggedTable) -> Floats:
    """What is said of each offer's outcome, learned of other contacts: half of them for the other
    half."""
    half = table.contacts % 2 == 0
    rows = np.where(half[:, None], _means(table, ~half), _means(table, half))
    return np.asarray(rows)


def _means(table: LoggedTable, among: NDArray[np.bool_]) -> Floats:
    """By offer, each call weighed by how rarely it happens, drawn towards that of all offers."""
    weight = among / np.maximum(table.chance_of(table.shown), LEAST_CHANCE)
    count = len(table.offers)
    weights = np.bincount(table.shown, weight, minlength=count)
    earned = np.bincount(table.shown, weight * table.outcomes, minlength=count)
    total = float(weights.sum())
    overall = float(earned.sum()) / total if total else 0.0
    strength = STRENGTH * (total / max(int(among.sum()), 1) or 1.0)
    return np.asarray((earned + strength * overall) / (weights + strength))
