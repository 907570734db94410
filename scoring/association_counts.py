"""Who buys what together: shares, drawn towards what everybody buys where few are counted. Pure.

The share of owners of `a` who own `b` is (both + k * of all) / (owners + k), as if k more owners
behaved like everybody.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

#: k above.
STRENGTH = 20.0
#: Fewer who own both say nothing.
LEAST_TOGETHER = 3
#: Of each product, the most likely others that are kept.
KEPT = 50
#: Somebody who buys more different products is a trader, whose basket says nothing of a person's.
MAX_OWNED = 100
#: Pairs held at once; beyond, those seen least are dropped.
MAX_PAIRS = 2_000_000

#: Stands for "whatever they own": its shares are those of all buyers.
ANYTHING = ""


@dataclass(frozen=True, slots=True)
class Association:
    """Of the `owners` of `given`, `share` own `product` too."""

    given: str
    product: str
    share: float
    owners: int


class AssociationCounts:
    """Fed with one contact's products at a time."""

    def __init__(self, *, max_pairs: int = MAX_PAIRS) -> None:
        self._buyers = 0
        self._owners: Counter[str] = Counter()
        self._together: Counter[tuple[str, str]] = Counter()
        self._max_pairs = max_pairs

    def add(self, products: frozenset[str]) -> None:
        if not products:
            return
        self._buyers += 1
        self._owners.update(products)
        if len(products) <= MAX_OWNED:
            self._together.update(combinations(sorted(products), 2))
        if len(self._together) > self._max_pairs:
            self._drop_rarest()

    def _drop_rarest(self) -> None:
        rarest = min(self._together.values())
        kept = {pair: count for pair, count in self._together.items() if count > rarest}
        self._together = Counter(kept)

    def associations(self) -> Iterator[Association]:
        """Of all buyers first; then of each product, the likeliest first."""
        for product, owners in sorted(self._owners.items()):
            yield Association(ANYTHING, product, owners / self._buyers, self._buyers)
        both: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
        for (one, other), count in self._together.items():
            if count >= LEAST_TOGETHER:
                both[one].append((other, count))
                both[other].append((one, count))
        for given, others in sorted(both.items()):
            owners = self._owners[given]
            found = [
                Association(given, product, self._share(count, owners, product), owners)
                for product, count in others
            ]
            yield from sorted(found, key=lambda each: (-each.share, each.product))[:KEPT]

    def _share(self, together: int, owners: int, product: str) -> float:
        of_all = self._owners[product] / self._buyers
        return (together + STRENGTH * of_all) / (owners + STRENGTH)
