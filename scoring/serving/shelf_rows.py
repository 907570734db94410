"""Rows of (contact, offer) for the model in use, made by the code that it was trained with."""

from __future__ import annotations

from collections.abc import Mapping

from calls.offers import CallerMemory
from scoring.features.catalogue import Catalogue
from scoring.features.offer_rows import Matrix, offer_rows
from scoring.registry.card import ModelCard

#: Of a card's `extra`: what training knew of each product.
PRODUCTS = "products"


class ShelfRows:
    """Implements `scoring.serving.model_scorer.OfferRows`; `told` is what `catalogue_of` read."""

    def __call__(
        self, told: Catalogue, memory: CallerMemory, chances: Mapping[str, float]
    ) -> Matrix:
        return offer_rows(memory.features, told.traits(chances.items()))


def catalogue_of(card: ModelCard) -> Catalogue:
    """Raises ValueError where the card's products are none."""
    return Catalogue.of_json(card.extra.get(PRODUCTS, {}))
