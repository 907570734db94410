"""Who buys what together: shares, drawn towards what everybody buys where few are counted, and what
they say of the days to come. Pure.

The share of owners of `a` who own `b` is (both + k * of all) / (owners + k), as if k more owners
behaved like everybody. Who owns it some day says nothing of when: so a product's rate (of
`scoring.buying_rates`) is dealt out to those who do not own it yet by how much larger the share of
their likeliest product is than everybody's, such that its mean over them stays what it is.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from random import Random

from scoring.buying_rates import BuyingRates

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
#: Of one contact, products that are looked at for what goes with them, in the order of their codes.
MAX_ASKED = 200
#: Customers drawn to see how rates are dealt out.
_SAMPLE = 1_000

#: Stands for "whatever they own": its shares are those of all buyers.
ANYTHING = ""


@dataclass(frozen=True, slots=True)
class Association:
    """Of the `owners` of `given`, `share` own `product` too. `rate`: first purchases per day of who
    does not own `product`, and owns nothing that goes with it better than `given`."""

    given: str
    product: str
    share: float
    owners: int
    rate: float


class AssociationCounts:
    """Fed with one contact's products at a time. The same contacts in the same order give the same
    numbers."""

    def __init__(self, until: date, *, max_pairs: int = MAX_PAIRS) -> None:
        self._until = until
        self._buyers = 0
        self._owners: Counter[str] = Counter()
        self._together: Counter[tuple[str, str]] = Counter()
        self._max_pairs = max_pairs
        self._rates = BuyingRates(until)
        self._random = Random(7)
        self._sample: list[list[str]] = []

    def add(self, firsts: Mapping[str, date]) -> None:
        """By product: the day on which it was first bought; what is dated after `until` is left
        out."""
        firsts = {product: day for product, day in firsts.items() if day <= self._until}
        if not firsts:
            return
        self._buyers += 1
        self._owners.update(firsts.keys())
        self._rates.add(firsts)
        products = sorted(firsts)
        self._draw(products)
        if len(products) <= MAX_OWNED:
            self._together.update(combinations(products, 2))
        if len(self._together) > self._max_pairs:
            self._drop_rarest()

    def _draw(self, products: list[str]) -> None:
        """Each contact stays in the sample at the same chance."""
        if len(self._sample) < _SAMPLE:
            self._sample.append(products)
        elif (place := self._random.randrange(self._buyers)) < _SAMPLE:
            self._sample[place] = products

    def _drop_rarest(self) -> None:
        rarest = min(self._together.values())
        kept = {pair: count for pair, count in self._together.items() if count > rarest}
        self._together = Counter(kept)

    def associations(self) -> Iterator[Association]:
        """Of all buyers first; then of each product, the likeliest first."""
        kept = self._kept()
        rates = self._dealt_out(kept)
        for product, owners in sorted(self._owners.items()):
            share = owners / self._buyers
            yield Association(ANYTHING, product, share, self._buyers, rates[product])
        for given, shares in kept.items():
            for product, share in shares.items():
                rate = rates[product] * share / self._of_all(product)
                yield Association(given, product, share, self._owners[given], rate)

    def _kept(self) -> dict[str, dict[str, float]]:
        """By given, by product: the shares that are worth keeping."""
        both: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
        for (one, other), count in self._together.items():
            if count >= LEAST_TOGETHER:
                both[one].append((other, count))
                both[other].append((one, count))
        found = {}
        for given, others in sorted(both.items()):
            owners = self._owners[given]
            shares = [(product, self._share(count, owners, product)) for product, count in others]
            found[given] = dict(sorted(shares, key=lambda each: (-each[1], each[0]))[:KEPT])
        return found

    def _dealt_out(self, kept: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
        """By product: the rate of who owns nothing that goes with it."""
        above: defaultdict[str, float] = defaultdict(float)
        owners: Counter[str] = Counter()
        for owned in self._sample:
            owners.update(owned)
            best: dict[str, float] = {}
            for given in owned[:MAX_ASKED]:
                for product, share in kept.get(given, {}).items():
                    if share > best.get(product, 0.0):
                        best[product] = share
            for product in owned:
                best.pop(product, None)
            for product, share in best.items():
                above[product] += max(share / self._of_all(product) - 1.0, 0.0)
        return {
            product: rate / (1.0 + above[product] / max(len(self._sample) - owners[product], 1))
            for product, rate in self._rates.rates().items()
        }

    def _of_all(self, product: str) -> float:
        return self._owners[product] / self._buyers

    def _share(self, together: int, owners: int, product: str) -> float:
        return (together + STRENGTH * self._of_all(product)) / (owners + STRENGTH)
