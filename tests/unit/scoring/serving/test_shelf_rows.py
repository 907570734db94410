"""A served offer's row is the row that its model was trained on."""

from __future__ import annotations

import numpy as np
import pytest

from calls.contact_features import CategoryHistory, ContactFeatures
from calls.offers import NO_MEMORY, CallerMemory
from scoring.features.catalogue import Catalogue, ProductTraits
from scoring.features.offer_rows import OFFER_COLUMNS, OfferTraits, offer_rows
from scoring.features.schema import NAMES, SCHEMA
from scoring.registry.card import ModelKind
from scoring.serving.shelf_rows import ShelfRows, catalogue_of
from tests.unit.scoring.serving.random_models import card_of

pytestmark = pytest.mark.unit

SHELF = Catalogue({"BAG": ProductTraits("bags", 40.0, 0.2, 0.3)})
CARD = card_of(kind=ModelKind.OFFERS).model_copy(update={"extra": {"products": SHELF.as_json()}})
FEATURES = ContactFeatures(
    SCHEMA, tuple(float(n) for n in range(len(NAMES))), {"bags": CategoryHistory(0.25, 12.0)}
)


def test_rows_are_those_of_training() -> None:
    found = ShelfRows()(
        catalogue_of(CARD), CallerMemory(features=FEATURES), {"BAG": 0.1, "NEW": 0.02}
    )
    traits = [OfferTraits("BAG", 0.1, "bags", 40.0, 0.2, 0.3), OfferTraits("NEW", 0.02)]
    wanted = offer_rows(FEATURES, traits)
    assert found.shape == (2, len(OFFER_COLUMNS))
    np.testing.assert_array_equal(found, wanted)


def test_a_stranger_has_a_row_too_and_no_product_has_none() -> None:
    rows, told = ShelfRows(), catalogue_of(CARD)
    assert np.isnan(rows(told, NO_MEMORY, {"BAG": 0.1})[0, : len(NAMES)]).all()
    assert len(rows(told, NO_MEMORY, {})) == 0


def test_a_card_whose_products_are_none_is_told() -> None:
    odd = CARD.model_copy(update={"version": "20261128-023000-0123abcd", "extra": {"products": 7}})
    with pytest.raises(ValueError, match="no catalogue"):
        catalogue_of(odd)
