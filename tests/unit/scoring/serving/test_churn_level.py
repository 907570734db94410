"""A risk is high or low against the house's own customers."""

from __future__ import annotations

import pytest

from scoring.registry.card import Reliable
from scoring.serving.churn_level import level_of
from scoring.serving.reason_words import as_percent, sentence

pytestmark = pytest.mark.unit

#: A house whose customers seldom buy: the middle of all is already at .8.
SELDOM = [Reliable(forecast=f, came=f, rows=10) for f in (0.6, 0.7, 0.75, 0.8, 0.85, 0.9)]


@pytest.mark.parametrize(
    ("risk", "level"),
    [(0.0, "low"), (0.7, "low"), (0.8, "middle"), (0.9, "high"), (1.0, "high")],
)
def test_thirds_of_the_house_s_customers(risk: float, level: str) -> None:
    assert level_of(risk, SELDOM) == level
    assert level_of(risk, SELDOM[::-1]) == level


def test_nobody_is_high_where_all_are_alike() -> None:
    assert level_of(0.95, [Reliable(forecast=0.95, came=0.9, rows=40)]) == "low"


@pytest.mark.parametrize("empty", [[], [Reliable(forecast=0.5, came=0.5, rows=0)]])
def test_a_card_that_says_nothing_leaves_plain_thirds(empty: list[Reliable]) -> None:
    assert [level_of(risk, empty) for risk in (0.3, 0.5, 0.7)] == ["low", "middle", "high"]


def test_shares_are_told_in_a_hundred() -> None:
    told = sentence("popularity", {"popularity": 0.234}, raises=True, language="en")
    assert told == "23 % of all customers have it (speaks for it)"
    assert [as_percent(share) for share in (0.004, 0.05, 1.0)] == ["0.4 %", "5 %", "100 %"]
