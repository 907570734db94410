"""What offers are learned from: rows of (contact, offer), each with what came of it.

`bought`: of what a contact did not own on a past day, what they bought within the horizon after it.
`heard`: offers that callers heard, and whether they accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from calls.contact_features import CategoryHistory, ContactFeatures
from calls.offers import OfferAnswer
from scoring.features.frames import categories_at, rows_at
from scoring.features.offer_rows import OFFER_COLUMNS, offer_rows
from scoring.features.purchase_features import CUSTOMER
from scoring.features.schema import NAMES, SCHEMA
from scoring.training.baskets import Baskets, Shelf
from scoring.training.past import Past
from scoring.training.replay import Ringing

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]
Bools = NDArray[np.bool_]

#: So many contacts are shown as strangers, that something is learned for those.
MASKED_SHARE = 0.15
#: Offers not taken, drawn for each contact and day; each stands for its share of all.
NEGATIVES = 8
MAX_CONTACTS = 4_000
_VISITS = NAMES.index("visits")


@dataclass(frozen=True, slots=True)
class OfferSet:
    """`weight`: how many rows each stands for. `masked`: shown as a stranger's."""

    rows: Matrix
    truth: Floats
    weight: Floats
    who: list[str]
    masked: Bools

    def __len__(self) -> int:
        return len(self.truth)

    def part(self, which: Bools) -> OfferSet:
        return OfferSet(
            self.rows[which],
            self.truth[which],
            self.weight[which],
            [name for name, kept in zip(self.who, which, strict=True) if kept],
            self.masked[which],
        )


def stacked(sets: list[OfferSet]) -> OfferSet:
    if not sets:
        nothing = np.zeros(0)
        rows = np.zeros((0, len(OFFER_COLUMNS)), dtype=np.float32)
        return OfferSet(rows, nothing, nothing, [], np.zeros(0, dtype=bool))
    return OfferSet(
        np.concatenate([each.rows for each in sets]),
        np.concatenate([each.truth for each in sets]),
        np.concatenate([each.weight for each in sets]),
        [name for each in sets for name in each.who],
        np.concatenate([each.masked for each in sets]),
    )


def bought_set(
    past: Past,
    calls: pl.DataFrame,
    baskets: Baskets,
    day: date,
    horizon_days: int,
    *,
    sampled: bool,
) -> OfferSet:
    """`sampled`: to learn from, with some of the offers not taken only; else all offers."""
    shelf = baskets.shelf_at(day)
    if not shelf.offered:
        return stacked([])
    random = np.random.default_rng(day.toordinal())
    row = rows_at(past.purchases, calls, day, past.matters).filter(pl.col("visits") > 0)
    if len(row) > MAX_CONTACTS:
        drawn = np.sort(random.choice(len(row), MAX_CONTACTS, replace=False))
        row = row[drawn]
    categories = _categories(past.purchases, day)
    owned, bought = baskets.owned_at(day), baskets.bought_within(day, horizon_days)
    values = row.select(NAMES).to_numpy()
    found = []
    for number, customer in enumerate(row[CUSTOMER]):
        one = _Contact(
            customer,
            ContactFeatures(SCHEMA, tuple(values[number].tolist()), categories.get(customer, {})),
            owned.get(customer, frozenset()),
            bought.get(customer, frozenset()),
            bool(random.random() < MASKED_SHARE),
        )
        each = _of_contact(one, shelf, random, sampled=sampled)
        if each is not None:
            found.append(each)
    return stacked(found)


@dataclass(frozen=True, slots=True)
class _Contact:
    name: str
    features: ContactFeatures
    owned: frozenset[str]
    bought: frozenset[str]
    masked: bool


def _of_contact(
    one: _Contact, shelf: Shelf, random: np.random.Generator, *, sampled: bool
) -> OfferSet | None:
    free = [number for number, name in enumerate(shelf.offered) if name not in one.owned]
    taken = [number for number in free if shelf.offered[number] in one.bought]
    left = [number for number in free if shelf.offered[number] not in one.bought]
    shown = left
    if sampled and len(left) > NEGATIVES:
        shown = sorted(random.choice(left, NEGATIVES, replace=False).tolist())
    which = [*taken, *shown]
    if not which:
        return None
    weight = np.ones(len(which))
    weight[len(taken) :] = len(left) / max(len(shown), 1)
    traits = shelf.traits(frozenset() if one.masked else one.owned, which)
    truth = np.zeros(len(which))
    truth[: len(taken)] = 1.0
    return OfferSet(
        offer_rows(None if one.masked else one.features, traits),
        truth,
        weight,
        [one.name] * len(which),
        np.full(len(which), one.masked),
    )


def heard_set(
    ringing: list[Ringing], shelf_of: Callable[[date], Shelf], product_of: Mapping[str, str]
) -> tuple[OfferSet, list[date]]:
    """With the day of each row. Offers that no product is known of any more are left out."""
    found: list[OfferSet] = []
    days: list[date] = []
    for ring in ringing:
        call = ring.call
        answered = {
            product_of[offer]: answer is OfferAnswer.ACCEPTED
            for offer, answer in call.answers.items()
            if offer in product_of
        }
        shelf = shelf_of(ring.day)
        which = [number for number, name in enumerate(shelf.offered) if name in answered]
        if not which:
            continue
        truth = np.array([float(answered[shelf.offered[number]]) for number in which])
        found.append(
            OfferSet(
                offer_rows(ring.features, shelf.traits(ring.owned, which)),
                truth,
                np.ones(len(which)),
                [str(call.contact or call.call_id)] * len(which),
                np.full(len(which), ring.features is None),
            )
        )
        days += [ring.day] * len(which)
    return stacked(found), days


def _categories(purchases: pl.DataFrame, day: date) -> dict[str, dict[str, CategoryHistory]]:
    found: dict[str, dict[str, CategoryHistory]] = {}
    for who, category, share, days in categories_at(purchases, day).iter_rows():
        found.setdefault(who, {})[category] = CategoryHistory(share, days)
    return found


def visits_in(rows: Matrix) -> Floats:
    """NaN of strangers."""
    return np.asarray(rows[:, _VISITS], dtype=np.float64)
