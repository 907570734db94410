"""Past choices over the house's, and what owners of the same buy; from memory, without waiting."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from calls.call_moment import CallMoment
from calls.caller import Caller, Contact, ContactRef, Identity, IdentityOutcome
from calls.offers import NO_MEMORY, NO_PROPENSITIES, CallerMemory
from scoring.association_counts import ANYTHING, Association
from scoring.associations import Associations
from scoring.house_choices import LEAST, HouseChoices
from scoring.propensities import MODEL, PastChoices, intents_of
from storage.database import Database

pytestmark = pytest.mark.unit


#: Never asked: everything comes from memory.
NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


class Known(Associations):
    def __init__(self, *found: Association) -> None:
        super().__init__(database=Database(NOWHERE))
        self._found = found

    def given(self, product: str) -> tuple[Association, ...]:
        return tuple(each for each in self._found if each.given == product)


class House(HouseChoices):
    def __init__(self, shares: dict[str, dict[str, float]] | None = None) -> None:
        super().__init__(database=Database(NOWHERE))
        self._known = shares or {}

    def shares(self) -> dict[str, dict[str, float]]:
        return self._known


def caller(*owns: str) -> Caller:
    contact = Contact(ContactRef("embedded", "C-1"), "Maria", "Silva", owns=frozenset(owns))
    return Caller("+14155550101", Identity(IdentityOutcome.UNIQUE, "e164", 0.95), contact)


MOMENT = CallMoment(datetime(2026, 3, 2, 9, tzinfo=UTC), "+18005550100", "+1 415")
STRANGER = Caller("+14155550999", Identity(IdentityOutcome.NONE, "none", 0.0))
SHOP = (
    Association(ANYTHING, "BAG", 0.3, 500, 0.001),
    Association(ANYTHING, "LAPTOP", 0.2, 500, 0.0005),
    Association("LAPTOP", "BAG", 0.62, 100, 0.002),
    Association("LAPTOP", "WARRANTY", 0.42, 100, 0.0004),
    Association("PHONE", "BAG", 0.1, 40, 0.0003),
)


def test_nothing_known_is_nothing_said() -> None:
    scorer = PastChoices(house=House(), associations=Known())
    assert scorer.propensities_of(STRANGER, NO_MEMORY, MOMENT) is NO_PROPENSITIES


def test_products_by_what_owners_of_the_same_bought() -> None:
    scorer = PastChoices(house=House(), associations=Known(*SHOP))
    found = scorer.propensities_of(caller("LAPTOP", "PHONE"), NO_MEMORY, MOMENT)
    assert found.products == pytest.approx(
        {"BAG": 1 - math.exp(-0.06), "WARRANTY": 1 - math.exp(-0.012)}
    )
    assert found.reasons["BAG"] == ("62 of 100 who bought LAPTOP also bought BAG (100 counted)",)
    assert found.model == MODEL


def test_a_stranger_is_like_all_customers() -> None:
    scorer = PastChoices(house=House(), associations=Known(*SHOP))
    found = scorer.propensities_of(STRANGER, NO_MEMORY, MOMENT)
    assert found.products == pytest.approx(
        {"BAG": 1 - math.exp(-0.03), "LAPTOP": 1 - math.exp(-0.015)}
    )
    assert found.reasons["BAG"] == ("30 of 100 customers bought BAG (500 counted)",)


def test_a_longer_horizon_has_larger_chances() -> None:
    scorer = PastChoices(house=House(), associations=Known(*SHOP), horizon_days=90)
    found = scorer.propensities_of(caller("LAPTOP"), NO_MEMORY, MOMENT)
    assert found.products["BAG"] == pytest.approx(1 - math.exp(-0.18))


def test_intents_by_own_choices_over_the_house_s() -> None:
    house = {"main": {"sales": 0.8, "billing": 0.2}, "billing": {"invoice": 1.0}}
    memory = CallerMemory(choices={("main", "billing"): 6.0, ("old", "gone"): 2.0})
    scorer = PastChoices(house=House(house), associations=Known())
    intents = scorer.propensities_of(caller(), memory, MOMENT).intents
    assert intents["main", "billing"] == pytest.approx(6.4 / 8)
    assert intents["main", "sales"] == pytest.approx(1.6 / 8)
    assert intents["billing", "invoice"] == 1.0
    assert intents["old", "gone"] == 0.5
    assert intents_of({}, {}) == {}


def test_a_few_choices_are_no_house() -> None:
    assert LEAST > 10
