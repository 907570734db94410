"""Small worlds of which the truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl

from calls.call import CallId, CallOutcome, Direction
from calls.caller import ContactRef
from calls.offers import OfferAnswer, OfferPlace
from calls.past_calls import PastCallTold, PastChoice, PastOffer
from scoring.features.frames import PURCHASES

UNTIL = date(2026, 3, 1)
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)

Row = tuple[str, date, float, str | None, str | None, float | None]


def frame(rows: Sequence[Row]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=PURCHASES, orient="row")


def regulars(contacts: int = 160, days: int = 240, seed: int = 3) -> pl.DataFrame:
    """Half buy every 10 to 40 days and then stop for good, half of the time; each product of a
    category is bought by who bought of that category before."""
    random = np.random.default_rng(seed)
    rows: list[Row] = []
    for number in range(contacts):
        gap = float(random.uniform(8, 40))
        first = UNTIL - timedelta(days=int(random.integers(60, days)))
        ends = UNTIL
        if random.random() < 0.4:
            ends = first + timedelta(days=int(random.integers(20, days)))
        likes = "tea" if number % 2 else "coffee"
        day = first
        while day <= min(ends, UNTIL):
            other = random.random() < 0.15
            category = ("coffee" if likes == "tea" else "tea") if other else likes
            product = f"{category}-{int(random.integers(0, 12))}"
            amount = float(random.uniform(5, 50))
            rows.append((f"crm:{number:04}", day, round(amount, 2), product, category, 1.0))
            day += timedelta(days=max(1, int(random.exponential(gap))))
    return frame(rows)


def call(
    number: int,
    at: datetime,
    contact: str | None,
    *,
    choices: Sequence[tuple[str, str]] = (),
    offers: Sequence[tuple[str, bool]] = (),
    area: str = "",
) -> PastCallTold:
    return PastCallTold(
        call_id=CallId("pbx", str(number)),
        contact=ContactRef.parse(contact) if contact else None,
        arrived_at=at,
        ended_at=at + timedelta(minutes=3),
        dialled="+43100",
        direction=Direction.INBOUND,
        outcome=CallOutcome.ANSWERED,
        choices=tuple(PastChoice(menu, "1", "match", intent, at) for menu, intent in choices),
        wait_s=10.0,
        offers=tuple(
            PastOffer(
                offer,
                OfferPlace.MENU,
                OfferAnswer.ACCEPTED if accepted else OfferAnswer.REFUSED,
                at,
            )
            for offer, accepted in offers
        ),
        area=area,
    )


def nobody(_contact: str) -> bool:
    return False


def unwatched(_done: int, _total: int) -> None:
    """Nobody looks."""
