"""Everybody's purchases, out of a CRM that is asked contact by contact."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import ClassVar

import pytest

from calls.caller import ContactRef, Purchase
from calls.deadlines import Deadline
from calls.ports import ContactPurchases
from crm_adapter.adapter import ChangePage, HitKind, NotFound, PhoneHit, Unavailable
from crm_adapter.live.phone_index import PhoneIndex
from crm_adapter.purchase_histories import AdapterPurchaseHistories, SeveralHistories
from storage.database import Database
from tests.fakes.scripted_crm import ScriptedCrm

pytestmark = pytest.mark.integration


def bought(day: int, amount: str, product: str) -> Purchase:
    at = datetime(2026, 3, day, tzinfo=UTC)
    return Purchase(product, product, "", at, Decimal(amount), "USD")


class Shop(ScriptedCrm):
    """Newest first, as the port says."""

    books: ClassVar[dict[str, list[Purchase]]] = {
        "C-1": [bought(9, "-5", "mug"), bought(2, "20", "pot"), bought(1, "5.5", "mug")],
        "C-2": [],
    }

    async def get_purchase_history(
        self, ref: ContactRef, *, limit: int, deadline: Deadline
    ) -> Sequence[Purchase]:
        if self.fault is not None:
            raise self.fault
        if ref.id not in self.books:
            raise NotFound(str(ref))
        return self.books[ref.id][:limit]


@pytest.fixture
def shop() -> Shop:
    crm = Shop(purchases=True)
    for contact_id in ("C-1", "C-2", "gone", "L-1"):
        crm.add(contact_id, f"+1202555010{len(crm.contacts)}")
    hits = [hit for found in crm.hits.values() for hit in found]
    hits[3] = PhoneHit(hits[3].candidate, hits[3].numbers, kind=HitKind.LEAD)
    # The first is told of twice, as `changes` may.
    crm.pages = [
        ChangePage(tuple(hits[:2]), (), "1", more=True),
        ChangePage((hits[0], *hits[2:]), (), "2", more=False),
    ]
    return crm


async def all_of(shop: Shop, database: Database) -> list[ContactPurchases]:
    index = PhoneIndex(database=database, region="US")
    several = SeveralHistories([AdapterPurchaseHistories(crm=shop, index=index)])
    return [one async for one in several.histories()]


async def test_each_contact_comes_once_oldest_purchase_first(
    shop: Shop, database: Database
) -> None:
    maria, empty = await all_of(shop, database)
    assert [amount for _, amount in maria.purchases] == [5.5, 20, -5]
    assert maria.products == {"pot", "mug"}
    assert [(line.product, line.category, line.quantity) for line in maria.lines] == [
        ("mug", None, 1),
        ("pot", None, 1),
        ("mug", None, 1),
    ]
    assert (empty.contact.id, empty.purchases) == ("C-2", ())


async def test_half_of_the_contacts_are_none(shop: Shop, database: Database) -> None:
    shop.fault = Unavailable("down")
    with pytest.raises(Unavailable):
        await all_of(shop, database)


async def test_a_crm_without_purchases_gives_none(database: Database) -> None:
    crm = Shop()
    crm.add("C-1", "+12025550101")
    assert await all_of(crm, database) == []
