"""Scores of which it is known whether they became worse."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pytest

from scoring.drift.findings import Finding, Level
from scoring.drift.served_scores import AtTraining, Served, as_asked, figures_of, unknown_callers

pytestmark = pytest.mark.unit

AT = datetime(2026, 11, 1, tzinfo=UTC)
GOOD = AtTraining(auc=0.78, ece=0.02, log_loss=0.48)


def served(
    seed: int, *, rows: int = 1_500, is_known: bool = True, too_high: float = 0.0
) -> list[Served]:
    """`is_known`: the score follows what decides."""
    random = np.random.default_rng(seed)
    chance = 1 / (1 + np.exp(-random.normal(-1, 1.5, rows)))
    told = chance if is_known else random.permutation(chance)
    happened = random.random(rows) < chance
    return [
        Served(AT, f"C{n % (rows // 3)}", float(min(p + too_high, 1)), bool(y))
        for n, (p, y) in enumerate(zip(told, happened, strict=True))
    ]


def by_measure(rows: list[Served], then: AtTraining = GOOD) -> dict[str, Finding]:
    found = figures_of(rows, then, model="offers", what="the score of offers", days=30)
    return {each.measure: each for each in found}


def test_no_alarm_while_it_is_as_at_training() -> None:
    cried = [
        any(each.level is not Level.STEADY for each in by_measure(served(seed)).values())
        for seed in range(20)
    ]
    assert sum(cried) <= 1


def test_ranking_worse_is_said_in_words() -> None:
    mixed = served(1, rows=900) + served(2, rows=900, is_known=False)
    auc = by_measure(mixed)["auc"]
    assert auc.level is Level.RETRAIN
    assert auc.said == (
        f"the score of offers ranks worse than at training: AUC .78 -> .{auc.value * 100:.0f} in "
        "the last 30 days: retrain"
    )


def test_too_high_is_said_even_though_it_ranks_well() -> None:
    found = by_measure(served(3, too_high=0.15))
    assert found["auc"].level is Level.STEADY
    assert found["ece"].level is Level.RETRAIN
    assert "is too high by 1" in found["ece"].said


def test_worse_than_the_same_chance_for_everybody() -> None:
    found = by_measure(served(4, is_known=False))
    assert found["log_loss"].level is Level.RETRAIN
    assert found["auc"].level is Level.RETRAIN


def test_a_card_without_figures_still_tells_a_score_that_ranks_nobody() -> None:
    assert by_measure(served(5), AtTraining())["auc"].level is Level.STEADY
    assert by_measure(served(5, is_known=False), AtTraining())["auc"].level is Level.WATCH


@pytest.mark.parametrize(
    "rows",
    [
        [],
        served(6, rows=60),
        [Served(AT, "C1", 0.5, True)] * 500,
        [Served(AT, "C1", math.nan, n % 2 == 0) for n in range(500)],
    ],
    ids=["none", "few", "one kind", "no scores"],
)
def test_too_little_claims_nothing(rows: list[Served]) -> None:
    assert {each.level for each in by_measure(rows).values()} == {Level.UNKNOWN}


def test_one_contact_with_many_calls_is_not_many_contacts() -> None:
    one = [Served(AT, "C1", row.probability, row.happened) for row in served(7, is_known=False)]
    assert all(math.isfinite(each.value) for each in by_measure(one).values())


def test_unknown_callers() -> None:
    steady = unknown_callers(
        unknown=210, calls=1_000, unknown_before=800, calls_before=4_000, days=30
    )
    moved = unknown_callers(
        unknown=600, calls=1_000, unknown_before=800, calls_before=4_000, days=30
    )
    none = unknown_callers(unknown=0, calls=0, unknown_before=0, calls_before=0, days=30)
    assert [each.level for each in (steady, moved, none)] == [
        Level.STEADY,
        Level.WATCH,
        Level.UNKNOWN,
    ]
    assert moved.said.startswith("60 % of callers are unknown in the last 30 days, 20 % before")


def test_scores_of_what_is_bought_are_brought_to_what_is_accepted() -> None:
    """Ten times as many accept as would have bought: no fault of a score that ranks them well."""
    random = np.random.default_rng(4)
    bought = random.beta(1, 60, 2_000)
    odds = 10 * bought / (1 - bought)
    truth = random.random(2_000) < odds / (1 + odds)
    rows = [
        Served(AT, f"c{n}", float(score), bool(happened))
        for n, (score, happened) in enumerate(zip(bought, truth, strict=True))
    ]
    moved = as_asked(rows)
    assert np.mean([row.probability for row in moved]) == pytest.approx(truth.mean(), abs=1e-6)
    ranks = [np.argsort([row.probability for row in told]) for told in (rows, moved)]
    assert (ranks[0] == ranks[1]).all()
    raw = {each.measure: each.level for each in figures(rows)}
    assert raw["ece"] is Level.RETRAIN
    assert {each.measure: each.level for each in figures(moved)}["ece"] is Level.STEADY


def test_where_nobody_or_all_accepted_scores_stay() -> None:
    rows = [Served(AT, "c", 0.1, True)] * 3
    assert as_asked(rows) == rows
    assert as_asked([]) == []


def figures(rows: list[Served]) -> list[Finding]:
    return figures_of(rows, GOOD, model="offers", what="the score of offers", days=30)
