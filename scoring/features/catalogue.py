"""What is known of each product that may be offered, as it was at the last training. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from scoring.features.offer_rows import OfferTraits

#: More than anybody offers on the phone.
MAX_PRODUCTS = 500


@dataclass(frozen=True, slots=True)
class ProductTraits:
    """As in `OfferTraits`, without whom it is offered to."""

    category: str = ""
    price: float = math.nan
    popularity: float = math.nan
    recent: float = math.nan


class Catalogue:
    """`products` by code, the most bought first."""

    def __init__(self, products: Mapping[str, ProductTraits]) -> None:
        self.products = dict(list(products.items())[:MAX_PRODUCTS])

    def traits(self, associations: Iterable[tuple[str, float]]) -> list[OfferTraits]:
        """Of products and the chances that counting finds for one contact; a product that training
        did not know has nothing but that chance."""
        found = []
        for product, share in associations:
            known = self.products.get(product, _UNKNOWN)
            found.append(
                OfferTraits(
                    product,
                    share,
                    category=known.category,
                    price=known.price,
                    popularity=known.popularity,
                    recent=known.recent,
                )
            )
        return found

    def as_json(self) -> dict[str, list[str | float | None]]:
        """For a card's `extra`; null is not known."""
        return {
            product: [
                each.category,
                *(
                    number if math.isfinite(number) else None
                    for number in (each.price, each.popularity, each.recent)
                ),
            ]
            for product, each in self.products.items()
        }

    @classmethod
    def of_json(cls, told: object) -> Catalogue:
        """The reverse; raises ValueError for anything else."""
        if not isinstance(told, Mapping) or len(told) > MAX_PRODUCTS:
            raise ValueError("no catalogue of products")
        return cls({str(product): _traits(each) for product, each in told.items()})


_UNKNOWN = ProductTraits()


def _traits(told: object) -> ProductTraits:
    match told:
        case [str() as category, price, popularity, recent]:
            numbers = [_number(each) for each in (price, popularity, recent)]
            return ProductTraits(category, *numbers)
    raise ValueError("no product of a catalogue")


def _number(told: object) -> float:
    if told is None:
        return math.nan
    if isinstance(told, bool) or not isinstance(told, int | float) or not math.isfinite(told):
        raise ValueError("no number of a product")
    return float(told)
