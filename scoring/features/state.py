"""All that is known of a contact in a few counters: each purchase and call is one step, and the row
of numbers is there at any moment, without the history. Pure: no database, no clock."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from calls.contact_features import ContactFeatures
from scoring.features.call_counts import CallCounts
from scoring.features.purchase_counts import MAX_CATEGORIES, MAX_PRODUCTS, PurchaseCounts
from scoring.features.schema import CRM_NAMES, PURCHASE_HALF_LIVES, PURCHASE_NAMES, SCHEMA
from scoring.features.seen import CallSeen, PurchaseSeen

#: Of one half as text; what tests make of the fullest is a third of it.
MAX_BYTES = 64 * 1024

_PURCHASES, _CALLS = TypeAdapter(PurchaseCounts), TypeAdapter(CallCounts)
_NAN = float("nan")
_UNKNOWN_BY_CRM = [_NAN] * len(CRM_NAMES)
_NO_PURCHASES = [_NAN] * len(PURCHASE_NAMES)
Half = TypeVar("Half", PurchaseCounts, CallCounts)


class BadState(ValueError):
    """The text is not what a state wrote. The message names no contact."""


class ContactState:
    """`purchases` of None: nobody has said yet what the contact bought, which is not the same as
    nothing; such columns are NaN. Calls that nobody told of were none."""

    __slots__ = ("calls", "purchases")

    def __init__(
        self, purchases: PurchaseCounts | None = None, calls: CallCounts | None = None
    ) -> None:
        self.purchases = purchases
        self.calls = calls or CallCounts()

    @classmethod
    def of(cls, purchases: str | None, calls: str | None) -> ContactState:
        """The halves as text, either missing. Raises BadState."""
        return cls(
            None if purchases is None else _read(_PURCHASES, purchases, _is_sound),
            None if calls is None else _read(_CALLS, calls, _are_sound),
        )

    def add_purchase(self, seen: PurchaseSeen) -> None:
        """In the order of time; whoever folds leaves out what lies in the future."""
        if self.purchases is None:
            self.purchases = PurchaseCounts()
        self.purchases.add(seen)

    def stand(self, open_cases: int | None, open_orders: int | None, unpaid: int | None) -> None:
        """How many were so when the CRM told of purchases; None: it does not tell."""
        if self.purchases is None:
            self.purchases = PurchaseCounts()
        self.purchases.open_cases, self.purchases.open_orders = open_cases, open_orders
        self.purchases.unpaid = unpaid

    def add_call(self, seen: CallSeen) -> None:
        self.calls.add(seen)

    def values_at(self, now: datetime) -> list[float]:
        """In the order of `schema.NAMES`; `now` is aware."""
        bought = (
            _NO_PURCHASES
            if self.purchases is None
            else self.purchases.values_at(now.astimezone(UTC).date())
        )
        return [*bought, *self.calls.values_at(now), *self._by_crm()]

    def _by_crm(self) -> list[float]:
        """In the order of `schema.CRM_NAMES`."""
        if self.purchases is None:
            return _UNKNOWN_BY_CRM
        half = self.purchases
        told = (half.open_cases, half.open_orders, half.unpaid)
        return [_NAN if count is None else float(count) for count in told]

    def row_at(self, now: datetime) -> NDArray[np.float32]:
        return np.array(self.values_at(now), dtype=np.float32)

    def features_at(self, now: datetime) -> ContactFeatures:
        categories = {}
        if self.purchases is not None:
            categories = self.purchases.categories_at(now.astimezone(UTC).date())
        values = tuple(self.row_at(now).tolist())
        return ContactFeatures(SCHEMA, values, MappingProxyType(categories))

    def purchases_text(self) -> str | None:
        return None if self.purchases is None else _PURCHASES.dump_json(self.purchases).decode()

    def calls_text(self) -> str:
        return _CALLS.dump_json(self.calls).decode()

    def dumps(self) -> str:
        return json.dumps({"purchases": self.purchases_text(), "calls": self.calls_text()})

    @classmethod
    def loads(cls, text: str) -> ContactState:
        """The reverse of `dumps`. Raises BadState."""
        if len(text) > 3 * MAX_BYTES:
            raise BadState("too long for a contact's state")
        try:
            halves = json.loads(text)
        except (ValueError, RecursionError):
            raise BadState("no JSON") from None
        is_one = isinstance(halves, dict) and halves.keys() == {"purchases", "calls"}
        if not is_one or not all(isinstance(each, str | None) for each in halves.values()):
            raise BadState("not the two halves of a state")
        return cls.of(halves["purchases"], halves["calls"])


def _read(kind: TypeAdapter[Half], text: str, is_sound: Callable[[Half], bool]) -> Half:
    if len(text) > MAX_BYTES:
        raise BadState("too long for a contact's state")
    try:
        half = kind.validate_json(text)
    except ValidationError as error:
        raise BadState(f"{error.error_count()} faults in a contact's state") from None
    if not is_sound(half):
        # No run of ours writes it, though every part has its type.
        raise BadState("impossible numbers in a contact's state")
    return half


def _is_sound(half: PurchaseCounts) -> bool:
    days = (half.first_day, half.last_day, half.money_day)
    told = (half.open_cases or 0, half.open_orders or 0, half.unpaid or 0)
    counts = (half.visits, half.lines, half.returns, half.lines_with_pieces, *days, *told)
    return (
        len(half.visit_weights) == len(half.spend_weights) == len(PURCHASE_HALF_LIVES)
        and len(half.categories) <= MAX_CATEGORIES
        and len(half.products) <= MAX_PRODUCTS
        and min(counts) >= 0
        and max(days) <= _LAST_DAY
        and half.first_day <= half.last_day
        and bool(half.visits) == bool(half.first_day)
        and all(gap > 0 and times > 0 for gap, times in half.gaps.items())
        and all(lines > 0 and 0 <= day <= _LAST_DAY for lines, day in half.categories.values())
    )


def _are_sound(half: CallCounts) -> bool:
    times = [at for at in (half.previous_at, half.offered_at) if at is not None]
    return (
        len(half.weights) == len(CallCounts().weights)
        and half.calls >= 0
        and all(abs(at) <= _LAST_DAY * 86_400.0 for at in (half.last_at, *times))
    )


#: Of the calendar (year 9999).
_LAST_DAY = 3_652_059
