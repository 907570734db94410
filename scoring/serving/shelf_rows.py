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
    """Implements `scoring.serving.model_scorer.OfferRows`."""

    def __init__(self) -> None:
        self._version: str | None = None
        self._catalogue = Catalogue({})

    def __call__(
        self, card: ModelCard, memory: CallerMemory, chances: Mapping[str, float]
    ) -> Matrix:
        """Raises ValueError where the card's products are none."""
        if card.version != self._version:
            self._catalogue = Catalogue.of_json(card.extra.get(PRODUCTS, {}))
            self._version = card.version
        traits = self._catalogue.traits(chances.items())
        return offer_rows(memory.features, traits)
