"""What the demo's people buy: everybody has a taste, machines come first, then what they eat up."""

from __future__ import annotations

import random
from dataclasses import dataclass

from crm_adapter.embedded.demo_catalogue import BY_CATEGORY, BY_CODE, Product

#: Of the purchases after the first; the rest goes to the favourites.
_OTHER_SHELVES = {"accessories": 0.10, "care": 0.14, "service": 0.03, "grinders": 0.02}


@dataclass(frozen=True, slots=True)
class Taste:
    favourites: tuple[Product, ...]
    starts_with: Product


class Baskets:
    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def taste(self) -> Taste:
        shelf = "tea" if self._rng.random() < 0.25 else "beans"
        favourites = self._rng.sample(BY_CATEGORY[shelf], self._rng.randint(1, 3))
        machine = self._rng.choices(BY_CATEGORY["machines"], (30, 14, 4, 8, 2, 25, 30))[0]
        return Taste(tuple(favourites), BY_CODE["kettle"] if shelf == "tea" else machine)

    def draw(self, taste: Taste, *, is_first: bool) -> tuple[Product, int]:
        if is_first and self._rng.random() < 0.6:
            return taste.starts_with, 1
        drawn = self._rng.random()
        for shelf, share in _OTHER_SHELVES.items():
            if drawn < share:
                return self._rng.choice(BY_CATEGORY[shelf]), 1
            drawn -= share
        return self._rng.choice(taste.favourites), self._rng.choice((1, 1, 1, 2, 2, 3))
