"""Offers that callers heard, in the order of time, cut into what is learned from and tested on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Self

import numpy as np

from scoring.training.baskets import Baskets, Shelf
from scoring.training.offer_sets import OfferSet, heard_set
from scoring.training.past import Past
from scoring.training.replay import replayed

#: Fewer heard, or accepted, before a test block: what was bought is judged instead.
LEAST_HEARD, LEAST_ACCEPTED = 300, 30
#: Test blocks of so large a share each, from the end.
_SHARE, _BLOCKS = 0.2, 2
#: Counting is looked at as it was on the first day of each of so many days.
_SHELF_DAYS = 30


@dataclass(frozen=True, slots=True)
class Heard:
    """`days` of each row of `all`, ascending."""

    all: OfferSet
    days: list[date]

    @classmethod
    def of(cls, past: Past, baskets: Baskets, product_of: Mapping[str, str]) -> Self:
        shelves: dict[date, Shelf] = {}

        def shelf_of(day: date) -> Shelf:
            # As it was at the beginning of the period: never later than the call.
            first = date.fromordinal(day.toordinal() - day.toordinal() % _SHELF_DAYS - 1)
            if first not in shelves:
                shelves[first] = baskets.shelf_at(first)
            return shelves[first]

        with_offers = [ring for ring in replayed(past) if ring.call.offers]
        return cls(*heard_set(with_offers, shelf_of, product_of))

    def blocks(self) -> list[tuple[date, OfferSet, OfferSet]]:
        """The first day, what was heard on earlier days, and the block itself; the latest first.
        None where too few were heard."""
        days = np.array([day.toordinal() for day in self.days])
        found = []
        for number in range(_BLOCKS):
            ends = [1 - _SHARE * number, 1 - _SHARE * (number + 1)]
            if not len(days):
                break
            until, since = (
                days[min(int(share * len(days)), len(days) - 1)] + (share >= 1) for share in ends
            )
            before = self.all.part(days < since)
            block = self.all.part((days >= since) & (days < until))
            enough = len(before) >= LEAST_HEARD and len(block)
            if not enough or before.truth.sum() < LEAST_ACCEPTED:
                break
            found.append((date.fromordinal(int(since)), before, block))
        return found
