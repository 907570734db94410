"""Which products go together, computed by the batch and held in memory by the server."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from scoring.association_counts import Association
from scoring.memory_tables import product_associations
from storage.database import Database

#: More than a shop has of products that are worth an offer.
MAX_ROWS = 200_000

_TABLE = product_associations.c
#: Changes with every batch, and while one is being written.
_STATE = select(func.min(_TABLE.computed_at), func.max(_TABLE.computed_at), func.count())


class Associations:
    """`given` answers from memory what the last `refresh` read."""

    def __init__(self, *, database: Database) -> None:
        self._database = database
        self._state: tuple[Any, ...] = ()
        self._by_given: Mapping[str, tuple[Association, ...]] = {}

    def given(self, product: str) -> tuple[Association, ...]:
        """What owners of `product` own too, the likeliest first; see `ANYTHING`."""
        return self._by_given.get(product, ())

    async def refresh(self) -> None:
        """Reads what a batch has computed since. Raises SQLAlchemyError or OSError."""
        async with self._database.read() as connection:
            state = tuple((await connection.execute(_STATE)).one())
            if state == self._state:
                return
            # A version before this one wrote no rates: those say nothing until the next batch.
            told = select(product_associations).where(_TABLE.rate.is_not(None))
            query = told.order_by(_TABLE.share.desc(), _TABLE.product)
            rows = list(await connection.execute(query.limit(MAX_ROWS)))
        found: dict[str, list[Association]] = {}
        for row in rows:
            each = Association(row.given, row.product, row.share, row.owners, row.rate)
            found.setdefault(row.given, []).append(each)
        self._by_given = {given: tuple(others) for given, others in found.items()}
        self._state = state


def association_row(each: Association, computed_at: datetime) -> dict[str, Any]:
    """A row of `product_associations`."""
    return {
        "given": each.given,
        "product": each.product,
        "share": each.share,
        "owners": each.owners,
        "rate": each.rate,
        "computed_at": computed_at,
    }
