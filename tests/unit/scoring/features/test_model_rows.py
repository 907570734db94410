"""Rows of offers and of intents: what stands where, and that nothing is known of strangers."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from calls.call_moment import CallMoment
from calls.contact_features import CategoryHistory, ContactFeatures
from scoring.decay import smoothed
from scoring.features.catalogue import Catalogue, ProductTraits
from scoring.features.intent_rows import (
    INTENT_COLUMNS,
    INTENT_GROUP_OF,
    PRIOR_STRENGTH,
    ChoicesSeen,
    intent_rows,
)
from scoring.features.moment import numbers_of
from scoring.features.offer_rows import (
    OFFER_COLUMNS,
    OFFER_GROUP_OF,
    OfferTraits,
    offer_rows,
)
from scoring.features.schema import NAMES, SCHEMA

pytestmark = pytest.mark.unit

VALUES = tuple(float(number) for number in range(len(NAMES)))
TEA = ContactFeatures(SCHEMA, VALUES, {"tea": CategoryHistory(0.75, 12.0)})
MONDAY = CallMoment(datetime(2026, 3, 2, 8, 30, tzinfo=UTC))


def test_an_offer_is_seen_with_its_contact() -> None:
    traits = [
        OfferTraits("POT", 0.3, category="tea", price=40.0, popularity=0.1, recent=0.02),
        OfferTraits("MUG", 0.2),
    ]
    pot, mug = ({**dict(zip(OFFER_COLUMNS, row, strict=True))} for row in _rows(TEA, traits))
    assert pot["association_chance"] == pytest.approx(0.3)
    assert pot["category_share"] == pytest.approx(0.75)
    assert pot["category_days_since"] == 12
    assert pot["price_by_visit"] == pytest.approx(40 / pot["mean_visit_amount"])
    assert pot["visits"] == mug["visits"] == VALUES[0]
    assert mug["category_share"] == 0
    assert math.isnan(mug["price"])


def test_of_a_stranger_an_offer_knows_only_itself() -> None:
    (row,) = offer_rows(None, [OfferTraits("POT", 0.3, category="tea", popularity=0.1)])
    known = {name for name, value in zip(OFFER_COLUMNS, row, strict=True) if math.isfinite(value)}
    assert known == {"association_chance", "popularity_share"}


def test_no_offers_are_no_rows() -> None:
    assert offer_rows(TEA, []).shape == (0, len(OFFER_COLUMNS))


@pytest.mark.parametrize("price", [math.nan, math.inf, -math.inf, -5.0])
def test_a_price_that_is_none_is_not_known(price: float) -> None:
    """Neither nothing nor endless; and so of a share."""
    traits = [OfferTraits("POT", 0.3, category="never seen", price=price, popularity=price)]
    (row,) = _rows(TEA, traits)
    pot = dict(zip(OFFER_COLUMNS, row, strict=True))
    assert math.isnan(pot["price"])
    assert math.isnan(pot["price_by_visit"])
    assert math.isnan(pot["popularity_share"])
    assert pot["association_chance"] == pytest.approx(0.3)
    assert pot["category_share"] == 0
    assert math.isnan(pot["category_days_since"])


def test_a_price_beyond_all_prices_stays_a_number() -> None:
    (row,) = _rows(TEA, [OfferTraits("POT", 0.3, price=1e300)])
    assert not np.isinf(row).any()


def test_an_intents_share_is_that_of_counting() -> None:
    house = {"order": 0.6, "advice": 0.4}
    own = {"advice": 1.5, "complaint": 0.5}
    seen = ChoicesSeen(
        house=house, own=own, days_ago={"advice": 9.0, "complaint": 2.0}, is_known=True
    )
    names = ["advice", "complaint", "order"]
    rows = intent_rows(names, seen, TEA, MONDAY, {"order": 0, "advice": 1})
    found = [dict(zip(INTENT_COLUMNS, row, strict=True)) for row in rows]
    shares = smoothed(own, house, PRIOR_STRENGTH)
    assert [each["own_share"] for each in found] == pytest.approx([shares[n] for n in names])
    assert [each["is_last"] for each in found] == [0, 1, 0]
    assert [each["days_since_any_choice"] for each in found] == [2, 2, 2]
    assert math.isnan(found[2]["days_since_choice"])
    assert found[0]["days_since_choice"] == 9
    assert [each["intent_1"] for each in found] == [1, 0, 0]
    assert found[0]["visits"] == VALUES[0]
    assert found[0]["own_choices"] == 2


def test_a_strangers_intents_are_those_of_the_house_and_the_moment() -> None:
    seen = ChoicesSeen(house={"order": 0.6}, moment={"order": 0.9})
    (row,) = intent_rows(["order"], seen, None, MONDAY, {})
    found = dict(zip(INTENT_COLUMNS, row, strict=True))
    assert found["own_share"] == np.float32(0.9)
    assert found["house_share"] == np.float32(0.6)
    assert found["moment_share"] == np.float32(0.9)
    assert found["is_known"] == 0
    assert math.isnan(found["visits"])


def test_a_moment_is_told_by_the_clock_of_the_number_dialled() -> None:
    there = datetime(2026, 3, 2, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    assert numbers_of(CallMoment(there)) == (23, 1)
    assert numbers_of(CallMoment(there.astimezone(UTC))) == (4, 2)


def test_a_catalogue_comes_back_from_its_card() -> None:
    whole = Catalogue({"POT": ProductTraits("tea", 40.0, 0.1), "MUG": ProductTraits()})
    again = Catalogue.of_json(json.loads(json.dumps(whole.as_json())))
    pot, new = again.traits([("POT", 0.3), ("NEW", 0.2)])
    assert (pot.category, pot.price, pot.association) == ("tea", 40.0, 0.3)
    assert math.isnan(pot.recent)
    assert math.isnan(new.price)
    assert new.association == 0.2


@pytest.mark.parametrize(
    "told", [None, [], {"A": 3}, {"A": ["x", "1", None, None]}, {"A": ["x", True, 1.0, 1.0]}]
)
def test_a_catalogue_of_something_else_is_refused(told: object) -> None:
    with pytest.raises(ValueError, match=r"catalogue|product"):
        Catalogue.of_json(told)


def test_every_column_has_a_group_for_reasons() -> None:
    assert set(OFFER_COLUMNS) <= set(OFFER_GROUP_OF)
    assert set(INTENT_COLUMNS) <= set(INTENT_GROUP_OF)
    assert len(set(OFFER_COLUMNS)) == len(OFFER_COLUMNS)
    assert len(set(INTENT_COLUMNS)) == len(INTENT_COLUMNS)


def _rows(features: ContactFeatures, traits: list[OfferTraits]) -> list[list[float]]:
    found: list[list[float]] = offer_rows(features, traits).tolist()
    return found
