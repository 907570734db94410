"""How long until a new offer is learned: calls that never were, against the policy that is served.

    python -m benchmarks.scoring.offer_learning

Old offers have been heard 2,000 times each. A new one joins; callers of one segment accept it at a
rate of its own. Told: after how many calls of theirs that may hear an offer it is made in 8 of 10
of them (where it is better), or in fewer than 1 of 10 (where it is worse). Figures are medians of
RUNS, with where 8 of 10 of them lie.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from calls.offer_choice import OfferCandidate
from scoring.policy.ladder import Ladder
from scoring.policy.posteriors import UNKNOWN, Heard, Posteriors

RUNS = 20
MOST_CALLS = 8_000
#: The server reads the ledger every five minutes: so many calls are served by the same beliefs.
CALLS_AT_ONCE = 20
HEARD_BEFORE = 2_000.0
NEW = "new"


@dataclass(frozen=True, slots=True)
class World:
    """Acceptance rates: of the old offers (all of them alike) and of the new one."""

    old: int
    old_rate: float
    new_rate: float


WORLDS = (
    World(1, 0.10, 0.20),
    World(1, 0.10, 0.15),
    World(1, 0.10, 0.12),
    World(1, 0.10, 0.05),
    World(4, 0.10, 0.20),
    World(4, 0.10, 0.15),
    World(4, 0.10, 0.05),
    World(1, 0.03, 0.06),
)


def calls_until_learned(world: World, seed: int) -> int:
    """MOST_CALLS where it was not by then."""
    random = np.random.default_rng(seed)
    rates = {f"old {n}": world.old_rate for n in range(world.old)} | {NEW: world.new_rate}
    heard = {name: HEARD_BEFORE for name in rates if name != NEW} | {NEW: 0.0}
    accepted = {name: count * world.old_rate for name, count in heard.items()}
    candidates = [OfferCandidate(name) for name in rates]
    for calls in range(0, MOST_CALLS, CALLS_AT_ONCE):
        counts = [(UNKNOWN, name, Heard.of(heard[name], accepted[name])) for name in rates]
        shares = _shares(Ladder(Posteriors(counts)), candidates)
        if _is_learned(world, shares[NEW]):
            return calls
        names = list(rates)
        made = Counter(random.choice(names, CALLS_AT_ONCE, p=[shares[name] for name in names]))
        for name, count in made.items():
            heard[name] += count
            accepted[name] += random.binomial(count, rates[name])
    return MOST_CALLS


def _shares(ladder: Ladder, candidates: list[OfferCandidate]) -> Mapping[str, float]:
    return ladder.choose(candidates, segments=None, draw=0.5).probabilities


def _is_learned(world: World, share: float) -> bool:
    return share > 0.8 if world.new_rate > world.old_rate else share < 0.1


def measured() -> Iterator[tuple[World, int, int, int]]:
    for world in WORLDS:
        calls = [calls_until_learned(world, seed) for seed in range(RUNS)]
        low, middle, high = np.quantile(calls, (0.1, 0.5, 0.9))
        yield world, int(low), int(middle), int(high)


def main() -> None:
    table = Table("offers before", "they are accepted by", "the new one by", "calls until learned")
    for world, low, middle, high in measured():
        table.add_row(
            str(world.old),
            f"{world.old_rate:.0%}",
            f"{world.new_rate:.0%}",
            f"{middle:,} ({low:,} to {high:,})",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
