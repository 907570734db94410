"""From the one best offer for everybody up to one for each caller, as far as it is proven.

`best_single`  the offer that is worth most to all, always
`thompson`     as often as it may well be the best one for callers of this segment
`personal`     the model's propensity times value

The last two leave a share of all calls in which each offer that the caller may hear is as likely as
any other: what had no chance could never be judged, and would never be found better than believed.
Of `n` offers each has `(1 - share) * policy's + share / n`.

A call brings one chance between 0 and 1. Below the share it makes the offer of the highest hash of
chance and name. Above it, it picks one row out of the draws that were made of every belief, and the
best of that row is made. So the share of rows that an offer wins is exactly its probability among
these calls, and in all of them an offer that falls away changes nothing for calls that would not
have heard it.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
#: `thompson` tries by itself what is not known well; so much and no more it tries of all alike.
MOST_TRIED = 0.05

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
        """`explore` is the share of calls that try every offer alike, of `thompson` at most
        MOST_TRIED."""
        self.posteriors = posteriors
        self.policy = policy
        self._tried_by_personal = explore
        self._tried_by_thompson = min(explore, MOST_TRIED)
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
                return self._personal(candidates, draw)
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
        tried, race = self._tried_by_thompson, self._race(candidates, segment)
        names = [one.offer for one in candidates]
        posteriors = [self.posteriors.of(segment, name) for name in names]
        scores = {
            one.offer: posterior.mean * one.value
            for one, posterior in zip(candidates, posteriors, strict=True)
        }
        probabilities = _mixed(tried, dict(zip(names, race.shares, strict=True)))
        if draw < tried:
            return _any(OfferChoice(THOMPSON, None, probabilities, scores), tried, draw)
        place = int(race.winners[_row((draw - tried) / (1 - tried))])
        counted = posteriors[place].counted
        share = _in_100(probabilities[names[place]])
        why = (
            f"drawn at a chance of {share} in 100: {counted.accepted:g} of "
            f"{counted.heard:g} callers of the segment {segment} who heard it accepted it"
        )
        why_zh = (
            f"以{share}%的机会抽中：同组（{segment_zh(segment)}）听过的{counted.heard:g}位来电者中，"
            f"{counted.accepted:g}位接受"
        )
        return OfferChoice(THOMPSON, names[place], probabilities, scores, (why,), (why_zh,))

    def _personal(self, candidates: Sequence[OfferCandidate], draw: float) -> OfferChoice:
        tried = self._tried_by_personal
        greedy = surely(PERSONAL, {one.offer: one.worth for one in candidates})
        mixed = replace(greedy, probabilities=_mixed(tried, greedy.probabilities))
        return _any(mixed, tried, draw) if draw < tried else mixed

    def shares(self, candidates: Sequence[OfferCandidate], segment: str) -> dict[str, float]:
        """By offer: how often `thompson` makes it to callers of the segment who may hear all."""
        if not candidates:
            return {}
        race = self._race(candidates, segment)
        names = (one.offer for one in candidates)
        return _mixed(self._tried_by_thompson, dict(zip(names, race.shares, strict=True)))

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


def _mixed(tried: float, chances: Mapping[str, float]) -> dict[str, float]:
    each = tried / len(chances)
    return {name: (1 - tried) * chance + each for name, chance in chances.items()}


def _any(choice: OfferChoice, tried: float, draw: float) -> OfferChoice:
    """One of all, whatever is believed of it."""
    call = struct.pack("<d", draw)
    chosen = max(choice.probabilities, key=lambda name: _hash(call, name))
    share, of_all = _in_100(choice.probabilities[chosen]), _in_100(tried)
    why = (
        f"drawn at a chance of {share} in 100: in {of_all} of 100 calls every offer is tried alike"
    )
    why_zh = f"以{share}%的机会抽中：每100次来电有{of_all}次对所有推荐一视同仁地尝试"
    return replace(choice, chosen=chosen, because=(why,), because_zh=(why_zh,))


def _hash(call: bytes, name: str) -> bytes:
    encoded = name.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(encoded, key=call, digest_size=8).digest()


def segment_of(segments: Segments | None, by: SegmentBy) -> str:
    if segments is None:
        return UNKNOWN
    return (segments.tier if by == "tier" else segments.lifecycle).value


def _in_100(share: float) -> str:
    return f"{float(f'{100 * share:.2g}'):g}"


def _row(draw: float) -> int:
    return min(max(int(draw * DRAWS), 0), DRAWS - 1)
