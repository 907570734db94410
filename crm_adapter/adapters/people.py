"""Contacts and leads as CRMs tell of them, before they are ours."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from calls.caller import Case, Order, Purchase
from crm_adapter.adapter import HitKind, PhoneHit

#: In front of a lead's id, which may be the same as a contact's.
LEAD = "lead:"
_ORDER = (HitKind.CONTACT, HitKind.ACCOUNT, HitKind.LEAD)


@dataclass(frozen=True, slots=True)
class Person:
    """One record. `id` is the CRM's own, empty where it told none; `numbers` as stored, some
    perhaps empty or twice."""

    id: str
    kind: HitKind
    first_name: str
    last_name: str
    company: str | None
    numbers: tuple[str, ...]
    version: str | None
    owner: str | None
    #: The whole name, where the CRM puts it together.
    name: str = ""
    language: str | None = None
    changed_at: datetime | None = None


def ends_in(numbers: Iterable[str], national: str) -> bool:
    """Whether one of them ends in these digits, whatever stands between them."""
    return any("".join(filter(str.isdigit, one)).endswith(national) for one in numbers)


def ordered(hits: Iterable[PhoneHit], limit: int) -> list[PhoneHit]:
    """Each record once, contacts before leads, at most `limit`."""
    by_ref = {hit.candidate.ref: hit for hit in hits if hit.candidate.ref.id.removeprefix(LEAD)}
    kept = sorted(by_ref.values(), key=lambda hit: (_ORDER.index(hit.kind), hit.candidate.ref.id))
    return kept[:limit]


def newest_first(purchases: Iterable[Purchase | None], limit: int) -> tuple[Purchase, ...]:
    """Without those that could not be read."""
    known = (one for one in purchases if one is not None)
    return tuple(sorted(known, key=lambda one: one.at, reverse=True)[:limit])


def newest_cases(cases: Iterable[Case | None], limit: int) -> list[Case]:
    """As `newest_first`."""
    known = (one for one in cases if one is not None)
    return sorted(known, key=lambda one: one.opened_at, reverse=True)[:limit]


def open_first(orders: Iterable[Order | None], limit: int) -> list[Order]:
    """Then the newest; without those that could not be read."""
    known = (one for one in orders if one is not None)
    return sorted(known, key=lambda one: (one.is_open, one.placed_at), reverse=True)[:limit]


def bought(purchases: Iterable[Purchase]) -> frozenset[str]:
    return frozenset(one.product for one in purchases)
