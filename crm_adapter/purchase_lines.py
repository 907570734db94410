"""What one contact bought, from its lines. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from calls.caller import ContactRef, Purchase
from calls.ports import ContactPurchases, PurchaseLine


def of_lines(contact: ContactRef, lines: Iterable[PurchaseLine]) -> ContactPurchases:
    """`lines` oldest first."""
    kept = tuple(lines)
    return ContactPurchases(
        contact,
        tuple((line.at, line.amount) for line in kept),
        frozenset(line.product for line in kept if line.product and line.amount >= 0),
        kept,
    )


def line_of(purchase: Purchase) -> PurchaseLine:
    return PurchaseLine(
        purchase.at,
        float(purchase.amount),
        purchase.product or None,
        purchase.category or None,
        float(purchase.quantity),
    )
