"""What is believed of each offer in each segment, from how often it was heard and accepted. Pure.

A segment is drawn towards the offer's rate in all segments, an offer towards the house's, the house
towards what cold offers usually get: who has heard little says little.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

#: A caller of whom no segment is known.
UNKNOWN = "unknown"
#: Hearings that an offer's rate counts as in each segment, and the house's in each offer.
STRENGTH = 20.0
#: What callers accept of cold offers, where nothing is known of the house.
COLD = 0.02
#: Hearings that it counts as in the house.
HOUSE_STRENGTH = 50.0
#: Draws kept of each belief: a chance is known to about a hundredth of itself and never wrong, for
#: it is the share of these very draws that is played.
DRAWS = 1_024

Draws = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Heard:
    """Never anything but finite numbers with 0 <= accepted <= heard."""

    heard: float = 0.0
    accepted: float = 0.0

    @classmethod
    def of(cls, heard: float, accepted: float) -> Heard:
        """What cannot be counted counts as nothing; who accepted has heard it."""
        accepted, heard = _counted(accepted), _counted(heard)
        return cls(max(heard, accepted), accepted)

    def __add__(self, other: Heard) -> Heard:
        return Heard(self.heard + other.heard, self.accepted + other.accepted)

    def rate(self, towards: float, strength: float) -> float:
        return (self.accepted + strength * towards) / (self.heard + strength)


_NOTHING = Heard()
#: Beyond it a count is an error; sums of it are still exact.
_MOST = 1e9
#: Below it no Beta can be drawn from.
_LEAST = 1e-3


def _counted(value: float) -> float:
    return min(float(value), _MOST) if math.isfinite(value) and value > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Posterior:
    """Beta(accepting, declining)."""

    accepting: float
    declining: float
    counted: Heard

    @property
    def mean(self) -> float:
        return self.accepting / (self.accepting + self.declining)


class Posteriors:
    """Frozen once made; what nobody has heard yet is believed to be as the house."""

    def __init__(self, counts: Iterable[tuple[str, str, Heard]] = ()) -> None:
        """By segment and offer; the same pair may come again."""
        cells: defaultdict[tuple[str, str], Heard] = defaultdict(Heard)
        offers: defaultdict[str, Heard] = defaultdict(Heard)
        for segment, offer, heard in counts:
            cells[segment, offer] += heard
            offers[offer] += heard
        house = sum(offers.values(), start=_NOTHING)
        self.cells: Mapping[tuple[str, str], Heard] = MappingProxyType(dict(cells))
        self.offers: Mapping[str, Heard] = MappingProxyType(dict(offers))
        self.heard = house.heard
        self.house = house.rate(COLD, HOUSE_STRENGTH)
        self._draws: dict[tuple[str, str], Draws] = {}

    @property
    def segments(self) -> tuple[str, ...]:
        """Those in which something was heard."""
        return tuple(sorted({segment for segment, _ in self.cells}))

    def single(self, offer: str) -> float:
        """The offer's rate in all segments together."""
        return self.offers.get(offer, _NOTHING).rate(self.house, STRENGTH)

    def of(self, segment: str, offer: str) -> Posterior:
        counted = self.cells.get((segment, offer), _NOTHING)
        towards = STRENGTH * self.single(offer)
        declined = counted.heard - counted.accepted
        declining = max(declined + STRENGTH - towards, _LEAST)
        return Posterior(max(counted.accepted + towards, _LEAST), declining, counted)

    def draws(self, segment: str, offer: str) -> Draws:
        """DRAWS numbers from the belief, the same ones for the same counts on every node."""
        found = self._draws.get((segment, offer))
        if found is None:
            posterior = self.of(segment, offer)
            random = np.random.default_rng(_seed(segment, offer))
            drawn = random.beta(posterior.accepting, posterior.declining, DRAWS)
            found = self._draws[segment, offer] = drawn.astype(np.float32)
        return found

    def prepare(self, segments: Iterable[str], offers: Iterable[str]) -> None:
        """Draws them all, so that no call has to."""
        wanted = sorted({*offers, *self.offers})
        for segment in sorted({*segments, *(segment for segment, _ in self.cells)}):
            for offer in wanted:
                self.draws(segment, offer)


def _seed(segment: str, offer: str) -> int:
    name = f"switchboard-thompson-1:{segment}:{offer}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(name).digest()[:8], "big")
