"""What a contact bought, as counters that each purchase moves by one step. Pure.

The numbers mean what `scoring.features.purchase_features` computes from the whole history; equal to
the last place of a float32, as tests prove.
"""

from __future__ import annotations

import hashlib
import math
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import date
from typing import ClassVar

from pydantic import ConfigDict

from calls.contact_features import CategoryHistory
from scoring.features.schema import PURCHASE_HALF_LIVES
from scoring.features.seen import PurchaseSeen

NAN = math.nan
#: Amounts beyond are a typing error or an overflow.
MAX_AMOUNT = 1e12
MAX_QUANTITY = 1e9
#: Products of one contact that are told apart.
MAX_PRODUCTS = 200
#: Categories of one contact; a further one puts the rarest to `OTHER`.
MAX_CATEGORIES = 40
MAX_CATEGORY_NAME = 64
OTHER = "other"


def _weights() -> list[float]:
    return [0.0] * len(PURCHASE_HALF_LIVES)


def faded(weights: list[float], days: float) -> list[float]:
    """After so many days."""
    if days <= 0:
        return weights
    return [
        weight * 0.5 ** (days / half_life)
        for weight, half_life in zip(weights, PURCHASE_HALF_LIVES, strict=True)
    ]


@dataclass(slots=True)
class PurchaseCounts:
    """Days are `date.toordinal()`. Purchases come oldest first; a visit told late counts to the
    last one, so that nothing ever has a negative age."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(allow_inf_nan=False, extra="forbid")

    visits: int = 0
    first_day: int = 0
    last_day: int = 0
    #: How many gaps had so many days: of n different ones the sum is n²/2 at least, so they are
    #: few in any lifetime (270 in a hundred years).
    gaps: dict[int, int] = field(default_factory=dict)
    last_gap: int = 0
    bought: float = 0.0
    visit_amount: float = 0.0
    first_amount: float = 0.0
    largest_amount: float = 0.0
    #: As they were on `last_day`.
    visit_weights: list[float] = field(default_factory=_weights)
    spend: float = 0.0
    returns: int = 0
    returned: float = 0.0
    #: The newest day of any line, returns too, and the weights as they were then.
    money_day: int = 0
    spend_weights: list[float] = field(default_factory=_weights)
    lines: int = 0
    #: Short hashes.
    products: set[str] = field(default_factory=set)
    pieces: float = 0.0
    lines_with_pieces: int = 0
    first_pieces: float | None = None
    #: By name: lines, and the last day.
    categories: dict[str, tuple[int, int]] = field(default_factory=dict)
    #: Not counted from purchases: as the CRM told with them; None: it does not tell.
    open_cases: int | None = None
    open_orders: int | None = None
    unpaid: int | None = None

    def add(self, seen: PurchaseSeen) -> None:
        day, amount = seen.day.toordinal(), clean(seen.amount, MAX_AMOUNT) or 0.0
        self._pay(day, amount)
        if amount < 0:
            self.returns += 1
            self.returned -= amount
            return
        self.bought += amount
        self._visit(day, amount)
        self.lines += 1
        self._goods(seen)

    def _pay(self, day: int, amount: float) -> None:
        if day > self.money_day:
            if self.money_day:
                self.spend_weights = faded(self.spend_weights, day - self.money_day)
            self.money_day = day
        late = self.money_day - day
        self.spend += amount
        for place, half_life in enumerate(PURCHASE_HALF_LIVES):
            self.spend_weights[place] += amount * 0.5 ** (late / half_life) if late else amount

    def _visit(self, day: int, amount: float) -> None:
        if self.visits and day <= self.last_day:
            self.visit_amount += amount
        else:
            if self.visits:
                gap = day - self.last_day
                self.gaps[gap] = self.gaps.get(gap, 0) + 1
                self.last_gap = gap
                self.visit_weights = faded(self.visit_weights, gap)
            else:
                self.first_day = day
            self.visits += 1
            self.last_day = day
            self.visit_amount = amount
            self.visit_weights = [weight + 1.0 for weight in self.visit_weights]
        self.largest_amount = max(self.largest_amount, self.visit_amount)
        if self.visits == 1:
            self.first_amount = self.visit_amount

    def _goods(self, seen: PurchaseSeen) -> None:
        if seen.product and len(self.products) < MAX_PRODUCTS:
            self.products.add(_short(seen.product))
        pieces = clean(seen.quantity, MAX_QUANTITY)
        if self.lines == 1:
            self.first_pieces = pieces
        if pieces is not None:
            self.pieces += pieces
            self.lines_with_pieces += 1
        if seen.category:
            self._count(seen.category[:MAX_CATEGORY_NAME])

    def _count(self, name: str) -> None:
        lines, day = self.categories.get(name, (0, 0))
        self.categories[name] = (lines + 1, max(day, self.last_day))
        if len(self.categories) > MAX_CATEGORIES:
            self._merge_rarest()
            if len(self.categories) > MAX_CATEGORIES:
                self._merge_rarest()  # the first made room for `OTHER` alone

    def _merge_rarest(self) -> None:
        rarest = min(
            (each for each in self.categories if each != OTHER),
            key=lambda each: (*self.categories[each], each),
        )
        lines, day = self.categories.pop(rarest)
        others, other_day = self.categories.get(OTHER, (0, 0))
        self.categories[OTHER] = (others + lines, max(day, other_day))

    def values_at(self, today: date) -> list[float]:
        """In the order of `schema.PURCHASE_NAMES`; never a negative age, should the clock have
        gone back."""
        day = max(today.toordinal(), self.last_day, self.money_day)
        return [*self._rhythm(day), *self._money(day), *self._goods_now()]

    def categories_at(self, today: date) -> dict[str, CategoryHistory]:
        whole = sum(lines for lines, _ in self.categories.values())
        return {
            name: CategoryHistory(lines / whole, float(max(0, today.toordinal() - day)))
            for name, (lines, day) in self.categories.items()
        }

    def _rhythm(self, day: int) -> list[float]:
        if not self.visits:
            return [0.0, *[NAN] * 11, *_weights(), NAN, 0.0]
        recency, tenure = day - self.last_day, day - self.first_day
        mean_gap = (tenure - recency) / (self.visits - 1) if self.visits > 1 else NAN
        median, spread, longest = _of_gaps(self.gaps)
        return [
            float(self.visits),
            float(recency),
            float(tenure),
            mean_gap,
            median,
            spread,
            longest,
            float(self.last_gap) if self.gaps else NAN,
            self.bought / self.visits,
            self.largest_amount,
            self.visit_amount,
            self.first_amount,
            *faded(self.visit_weights, recency),
            recency / max(mean_gap, 1.0) if self.visits > 1 else NAN,
            self.visits / (tenure + 30),
        ]

    def _money(self, day: int) -> list[float]:
        share = min(max(self.returned / max(self.bought, 1e-9), 0.0), 10.0)
        weights = faded(self.spend_weights, day - self.money_day)
        return [self.spend, float(self.returns), self.returned, *weights, share]

    def _goods_now(self) -> list[float]:
        counted = self.lines_with_pieces
        return [
            float(self.lines),
            float(len(self.products)),
            self.pieces,
            self.pieces / counted if counted else NAN,
            NAN if self.first_pieces is None else self.first_pieces,
        ]


def clean(number: float | None, most: float) -> float | None:
    """None for what is no number, infinity too; cut off at `most` to both sides."""
    if number is None or not math.isfinite(number):
        return None
    return min(max(number, -most), most)


def _short(product: str) -> str:
    digest = hashlib.blake2b(product.encode(errors="replace"), digest_size=6).digest()
    return b64encode(digest).decode()


def _of_gaps(gaps: dict[int, int]) -> tuple[float, float, float]:
    """Median, standard deviation of a sample, largest."""
    count = sum(gaps.values())
    if not count:
        return NAN, NAN, NAN
    ordered = sorted(gaps.items())
    mean = sum(gap * times for gap, times in ordered) / count
    spread = NAN
    if count > 1:
        squares = sum(times * (gap - mean) ** 2 for gap, times in ordered)
        spread = math.sqrt(squares / (count - 1))
    median = (_nth(ordered, (count - 1) // 2) + _nth(ordered, count // 2)) / 2
    return median, spread, float(ordered[-1][0])


def _nth(ordered: list[tuple[int, int]], place: int) -> int:
    for gap, times in ordered:
        place -= times
        if place < 0:
            return gap
    return ordered[-1][0]
