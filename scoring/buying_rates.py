"""How fast each product finds new owners among those who buy here. Pure.

A rate is first purchases per customer and day, of customers who bought something before and did not
own the product, in the last WINDOW_DAYS (or since it was first sold). Small numbers are drawn
towards the rate of all products, as if one first purchase more had been seen at that rate.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from datetime import date

#: Longer ago says little of now, and a shorter time is one season.
WINDOW_DAYS = 180
#: Where next to nothing is known: as if one of fifty customers had bought one product in a year.
_PRIOR_BOUGHT, _PRIOR_DAYS = 1.0, 50.0 * 365


def chance_within(rate: float, days: float) -> float:
    """Of at least one purchase, at `rate` per day."""
    return -math.expm1(-rate * days)


def chance_in_other_days(chance: float, *, days: float, wanted: float) -> float:
    """The same rate over another time: a chance within `days` as that within `wanted` days."""
    if days == wanted or not 0 < chance < 1:
        return chance
    return -math.expm1(math.log1p(-chance) * wanted / days)


class BuyingRates:
    """Fed with one contact's first purchases at a time, none of them after `until`."""

    def __init__(self, until: date) -> None:
        self._until = until.toordinal()
        self._begins = self._until - WINDOW_DAYS
        #: Customers by the day of their first purchase; what came before the window is its begin.
        self._came: Counter[int] = Counter()
        self._owned_days: Counter[str] = Counter()
        self._bought: Counter[str] = Counter()
        self._on_sale: dict[str, int] = {}

    def add(self, firsts: Mapping[str, date]) -> None:
        days = {product: day.toordinal() for product, day in firsts.items()}
        came = min(days.values())
        self._came[max(came, self._begins)] += 1
        for product, day in days.items():
            since = max(day, self._begins)
            self._owned_days[product] += self._until - since
            self._on_sale[product] = min(since, self._on_sale.get(product, since))
            # With the first purchase of all, somebody becomes a customer.
            if day > self._begins and day > came:
                self._bought[product] += 1

    def rates(self) -> dict[str, float]:
        """By product, above 0."""
        days = self._customer_days()
        seen = {
            product: days[on_sale - self._begins] - self._owned_days[product]
            for product, on_sale in self._on_sale.items()
        }
        bought = self._bought.total() + _PRIOR_BOUGHT
        mean = bought / (sum(seen.values()) + _PRIOR_DAYS)
        return {
            product: (self._bought[product] + 1.0) / (each + 1.0 / mean)
            for product, each in seen.items()
        }

    def _customer_days(self) -> list[int]:
        """From each day of the window on: days of all customers, each from their first purchase."""
        found = [0] * (WINDOW_DAYS + 1)
        customers = self._came.total()
        for place in range(WINDOW_DAYS - 1, -1, -1):
            customers -= self._came[self._begins + place + 1]
            found[place] = found[place + 1] + customers
        return found
