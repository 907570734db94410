"""Calls of the past one after the other, each with what was known as the phone rang. Pure.

The state of a contact is the one that the server keeps (`scoring.features.state`): rows to learn
from are those that would have been answered with.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from calls.call import Direction
from calls.contact_features import ContactFeatures
from calls.open_matters import UNTOLD, OpenMatters, OpenSpan
from calls.past_calls import PastCallTold
from scoring.features.frames import CLOSED, KIND, OPENED
from scoring.features.purchase_counts import PurchaseCounts
from scoring.features.purchase_features import CUSTOMER, DAY
from scoring.features.schema import CRM_NAMES
from scoring.features.seen import PurchaseSeen, call_seen
from scoring.features.state import ContactState
from scoring.training.past import Past


@dataclass(frozen=True, slots=True)
class Ringing:
    """`features` and `owned` are of the moment before the call; None of a stranger. What was
    bought on the call's own day is not in them: it may have been bought because of the call."""

    call: PastCallTold
    features: ContactFeatures | None
    owned: frozenset[str]

    @property
    def day(self) -> date:
        return self.call.arrived_at.astimezone(UTC).date()


@dataclass(slots=True)
class _Contact:
    bought: list[PurchaseSeen]
    matters: OpenMatters = UNTOLD
    next: int = 0
    state: ContactState = field(default_factory=lambda: ContactState(PurchaseCounts()))
    owned: set[str] = field(default_factory=set)

    def move_to(self, day: date) -> None:
        """Everything bought before `day`, and what was open as it began."""
        while self.next < len(self.bought) and self.bought[self.next].day < day:
            seen = self.bought[self.next]
            self.state.add_purchase(seen)
            if seen.product and not -math.inf < seen.amount < 0:
                self.owned.add(seen.product)
            self.next += 1
        began = datetime.combine(day, time.min, UTC) - timedelta(microseconds=1)
        self.state.stand(*self.matters.at(began))


def replayed(past: Past) -> Iterator[Ringing]:
    """Inbound calls, the oldest first."""
    callers = {str(call.contact) for call in past.calls if call.contact is not None}
    bought, matters = _bought(past, callers), _matters(past, callers)
    people: dict[str, _Contact] = {}
    for call in past.calls:
        if call.direction is not Direction.INBOUND:
            continue
        if call.contact is None:
            yield Ringing(call, None, frozenset())
            continue
        name = str(call.contact)
        contact = people.get(name)
        if contact is None:
            contact = people[name] = _Contact(bought.pop(name, []), matters.pop(name, UNTOLD))
        ringing = Ringing(call, None, frozenset())
        contact.move_to(ringing.day)
        features = contact.state.features_at(call.arrived_at)
        yield Ringing(call, features, frozenset(contact.owned))
        seen = call_seen(call)
        if seen is not None:
            contact.state.add_call(seen)


def _bought(past: Past, callers: set[str]) -> dict[str, list[PurchaseSeen]]:
    """By contact, of those who called, the oldest first."""
    found: dict[str, list[PurchaseSeen]] = {}
    mine = past.purchases.filter(past.purchases[CUSTOMER].is_in(list(callers)))
    for who, day, amount, product, category, quantity in mine.sort(
        DAY, maintain_order=True
    ).iter_rows():
        seen = PurchaseSeen(day, amount if amount is not None else 0.0, product, category, quantity)
        found.setdefault(who, []).append(seen)
    return found


def _matters(past: Past, callers: set[str]) -> dict[str, OpenMatters]:
    """By contact, of those who called."""
    mine = past.matters.filter(past.matters[CUSTOMER].is_in(list(callers)))
    found: dict[str, dict[str, list[OpenSpan]]] = {}
    for who, kind, opened, closed in mine.select(CUSTOMER, KIND, OPENED, CLOSED).iter_rows():
        spans = found.setdefault(who, {}).setdefault(kind, [])
        if opened is not None:
            spans.append(OpenSpan(opened, closed))
    return {
        who: OpenMatters(*(_spans(kinds, kind) for kind in CRM_NAMES))
        for who, kinds in found.items()
    }


def _spans(kinds: dict[str, list[OpenSpan]], kind: str) -> tuple[OpenSpan, ...] | None:
    return tuple(kinds[kind]) if kind in kinds else None
