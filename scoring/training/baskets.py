"""Who owned what on a past day, what goes together, and what each product was: for offers."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scoring.association_counts import ANYTHING, MAX_ASKED, AssociationCounts
from scoring.buying_rates import chance_within
from scoring.features.catalogue import Catalogue, ProductTraits
from scoring.features.offer_rows import OfferTraits
from scoring.features.purchase_features import (
    AMOUNT,
    CATEGORY,
    CUSTOMER,
    DAY,
    PRODUCT,
    QUANTITY,
    finite,
)

Floats = NDArray[np.float64]

#: Products that are offered: those of the rulebook, and the most bought ones up to so many.
MAX_OFFERED = 60
RECENT_DAYS = 90
_FIRST = "first"


@dataclass(frozen=True, slots=True)
class Shelf:
    """What counting knew on one day. `chances` (of a first purchase within the horizon) has a row
    for each product given, a column for each offered one, and first of all those of who owns
    nothing that goes with it."""

    offered: tuple[str, ...]
    catalogue: Catalogue
    givens: dict[str, int]
    chances: Floats

    def associations(self, owned: Collection[str]) -> Floats:
        """By offered product: as `scoring.propensities` counts while a phone rings."""
        known = [self.givens[each] for each in sorted(owned)[:MAX_ASKED] if each in self.givens]
        found: Floats = self.chances[[0, *known]].max(axis=0)
        return found

    def traits(self, owned: Collection[str], which: Sequence[int]) -> list[OfferTraits]:
        chances = self.associations(owned)
        return self.catalogue.traits(
            [(self.offered[number], float(chances[number])) for number in which]
        )


class Baskets:
    """From purchases that name products; `offered` are those of the rulebook."""

    def __init__(
        self, purchases: pl.DataFrame, offered: Collection[str] = (), *, horizon_days: int
    ) -> None:
        named = purchases.filter(pl.col(PRODUCT).is_not_null() & (finite(AMOUNT).fill_null(0) >= 0))
        self._named = named
        self._offered = frozenset(offered)
        self._horizon_days = horizon_days
        self._firsts = named.group_by(CUSTOMER, PRODUCT).agg(pl.col(DAY).min().alias(_FIRST))

    def owned_at(self, day: date) -> dict[str, frozenset[str]]:
        """By contact, what was bought up to `day`."""
        return _sets(self._firsts.filter(pl.col(_FIRST) <= day))

    def bought_within(self, day: date, horizon_days: int) -> dict[str, frozenset[str]]:
        """By contact, what was bought for the first time in the horizon after `day`."""
        until = day + timedelta(days=horizon_days)
        return _sets(self._firsts.filter((pl.col(_FIRST) > day) & (pl.col(_FIRST) <= until)))

    def shelf_at(self, day: date) -> Shelf:
        """Nothing after `day` is looked at."""
        counts = AssociationCounts(day)
        firsts = self._firsts.filter(pl.col(_FIRST) <= day)
        lists = firsts.group_by(CUSTOMER).agg(pl.col(PRODUCT), pl.col(_FIRST)).sort(CUSTOMER)
        for _, products, days in lists.iter_rows():
            counts.add(dict(zip(map(str, products), days, strict=True)))
        found = list(counts.associations())
        everybody = {each.product: each.share for each in found if each.given == ANYTHING}
        catalogue, offered = self._catalogue(day, everybody)
        columns = {product: number for number, product in enumerate(offered)}
        givens = {each.given for each in found if each.given != ANYTHING}
        places = {given: number for number, given in enumerate(sorted(givens), start=1)}
        chances = np.zeros((len(places) + 1, len(offered)))
        for each in found:
            if each.product in columns:
                place = places.get(each.given, 0), columns[each.product]
                chances[place] = chance_within(each.rate, self._horizon_days)
        return Shelf(offered, catalogue, places, chances)

    def _catalogue(
        self, day: date, everybody: dict[str, float]
    ) -> tuple[Catalogue, tuple[str, ...]]:
        known = self._named.filter(pl.col(DAY) <= day)
        pieces = finite(QUANTITY)
        each = finite(AMOUNT) / pl.when(pieces > 0).then(pieces).otherwise(1.0)
        told = known.group_by(PRODUCT).agg(
            pl.col(CATEGORY).drop_nulls().mode().sort().first().fill_null("").alias(CATEGORY),
            each.median().alias("price"),
        )
        latest = known.filter(pl.col(DAY) > day - timedelta(days=RECENT_DAYS))
        buyers = known[CUSTOMER].n_unique()
        lately = {
            str(row[0]): float(row[1]) / max(buyers, 1)
            for row in latest.group_by(PRODUCT).agg(pl.col(CUSTOMER).n_unique()).iter_rows()
        }
        traits = {
            str(product): ProductTraits(
                category or "",
                math.nan if price is None else float(price),
                everybody.get(str(product), math.nan),
                lately.get(str(product), 0.0),
            )
            for product, category, price in told.iter_rows()
        }
        ranked = sorted(traits, key=lambda name: (-everybody.get(name, 0.0), name))
        first = [name for name in ranked if name in self._offered]
        others = [name for name in ranked if name not in self._offered]
        offered = tuple((first + others)[: max(MAX_OFFERED, len(first))])
        return Catalogue({name: traits[name] for name in [*first, *others]}), offered


def _sets(rows: pl.DataFrame) -> dict[str, frozenset[str]]:
    grouped = rows.group_by(CUSTOMER).agg(pl.col(PRODUCT))
    return {str(who): frozenset(map(str, products)) for who, products in grouped.iter_rows()}
