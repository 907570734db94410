"""From the one best offer for everybody up to one for each caller, as far as it is proven.

`best_single`  the offer that is worth most to all, always
`thompson`     as often as it may well be the best one for callers of this segment
`personal`     the model's propensity times value, but for a share of calls that explore

The chance of a call picks one row out of the draws that were made of every belief; the best of that
row is made. So the share of rows that an offer wins is exactly its selection probability, and an
offer that falls away changes nothing for calls that would not have heard it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from calls.offer_choice import (
    BEST_SINGLE,
    PERSONAL,
    STATIC,
    THOMPSON,
    OfferCandidate,
    OfferChoice,
    surely,
)
from calls.segments import Segments
from scoring.policy.posteriors import DRAWS, UNKNOWN, Posteriors
from scoring.segmenting.segment_names import segment_zh

SegmentBy = Literal["tier", "lifecycle"]

#: Sets of offers whose winners are remembered: nearly all callers may hear one of a few sets.
MAX_REMEMBERED = 2_000

_Key = tuple[str, tuple[tuple[str, float], ...]]


@dataclass(frozen=True, slots=True)
class _Race:
    """Who wins each row of draws, by place, and the share that each wins."""

    winners: NDArray[np.int16]
    shares: tuple[float, ...]


class Ladder:
    """Implements `calls.ports.OfferPolicy`; what it answers never changes."""

    def __init__(
        self,
        posteriors: Posteriors,
        *,
        policy: str = THOMPSON,
        explore: float = 0.1,
        segment_by: SegmentBy = "tier",
    ) -> None:
        """`explore` is the share of calls in which `personal` draws like `thompson`."""
        self.posteriors = posteriors
        self.policy = policy
        self._explore = explore
        self._segment_by: SegmentBy = segment_by
        self._races: dict[_Key, _Race] = {}

    def choose(
        self,
        candidates: Sequence[OfferCandidate],
        *,
        segments: Segments | None,
        draw: float,
        policy: str | None = None,
    ) -> OfferChoice:
        if not self.posteriors.heard:
            return surely(STATIC, {one.offer: one.worth for one in candidates})
        if not candidates:
            return OfferChoice(policy or self.policy, None)
        segment = segment_of(segments, self._segment_by)
        match policy or self.policy:
            case "best_single":
                return self._best_single(candidates)
            case "personal":
                return self._personal(candidates, segment, draw)
            case _:
                return self._thompson(candidates, segment, draw)

    def _best_single(self, candidates: Sequence[OfferCandidate]) -> OfferChoice:
        scores = {one.offer: self.posteriors.single(one.offer) * one.value for one in candidates}
        chosen = surely(BEST_SINGLE, scores).chosen
        assert chosen is not None
        counted = self.posteriors.offers.get(chosen)
        of_all = f"{counted.accepted:g} of {counted.heard:g}" if counted else "none yet"
        why = f"the best single offer: {of_all} who heard it accepted it"
        of_zh = (
            f"听过的{counted.heard:g}人中{counted.accepted:g}人接受" if counted else "尚无人接受"
        )
        return surely(BEST_SINGLE, scores, (why,), (f"整体最佳的推荐：{of_zh}",))

    def _thompson(
        self, candidates: Sequence[OfferCandidate], segment: str, draw: float
    ) -> OfferChoice:
        race = self._race(candidates, segment)
        place = int(race.winners[_row(draw)])
        names = [one.offer for one in candidates]
        posteriors = [self.posteriors.of(segment, name) for name in names]
        scores = {
            one.offer: posterior.mean * one.value
            for one, posterior in zip(candidates, posteriors, strict=True)
        }
        counted = posteriors[place].counted
        share = _in_100(race.shares[place])
        why = (
            f"drawn at a chance of {share} in 100: {counted.accepted:g} of "
            f"{counted.heard:g} callers of the segment {segment} who heard it accepted it"
        )
        why_zh = (
            f"以{share}%的机会抽中：同组（{segment_zh(segment)}）听过的{counted.heard:g}位来电者中，"
            f"{counted.accepted:g}位接受"
        )
        probabilities = dict(zip(names, race.shares, strict=True))
        return OfferChoice(THOMPSON, names[place], probabilities, scores, (why,), (why_zh,))

    def _personal(
        self, candidates: Sequence[OfferCandidate], segment: str, draw: float
    ) -> OfferChoice:
        scores = {one.offer: one.worth for one in candidates}
        greedy = surely(PERSONAL, scores)
        explored = self._race(candidates, segment)
        share = self._explore
        probabilities = {
            one.offer: share * won + (1 - share) * greedy.probabilities[one.offer]
            for one, won in zip(candidates, explored.shares, strict=True)
        }
        if draw >= share:
            return OfferChoice(PERSONAL, greedy.chosen, probabilities, scores)
        place = int(explored.winners[_row(draw / share)])
        why = f"one of {100 * share:g} in 100 calls that try what is learned of others"
        why_zh = f"每100次来电有{100 * share:g}次尝试从其他来电者学到的推荐"
        chosen = candidates[place].offer
        return OfferChoice(PERSONAL, chosen, probabilities, scores, (why,), (why_zh,))

    def shares(self, candidates: Sequence[OfferCandidate], segment: str) -> dict[str, float]:
        """By offer: how often `thompson` draws it for callers of the segment who may hear all."""
        if not candidates:
            return {}
        race = self._race(candidates, segment)
        return dict(zip((one.offer for one in candidates), race.shares, strict=True))

    def _race(self, candidates: Sequence[OfferCandidate], segment: str) -> _Race:
        key = (segment, tuple((one.offer, one.value) for one in candidates))
        found = self._races.get(key)
        if found is None:
            if len(self._races) >= MAX_REMEMBERED:
                self._races.clear()
            found = self._races[key] = self._run(candidates, segment)
        return found

    def _run(self, candidates: Sequence[OfferCandidate], segment: str) -> _Race:
        rows = np.stack([self.posteriors.draws(segment, one.offer) for one in candidates])
        rows *= np.array([one.value for one in candidates], dtype=np.float32)[:, None]
        winners = rows.argmax(axis=0)
        wins = np.bincount(winners, minlength=len(candidates))
        return _Race(winners.astype(np.int16), tuple((wins / DRAWS).tolist()))


def segment_of(segments: Segments | None, by: SegmentBy) -> str:
    if segments is None:
        return UNKNOWN
    return (segments.tier if by == "tier" else segments.lifecycle).value


def _in_100(share: float) -> str:
    return f"{float(f'{100 * share:.2g}'):g}"


def _row(draw: float) -> int:
    return min(max(int(draw * DRAWS), 0), DRAWS - 1)
