"""What the trees are added to: Pareto/NBD's expectation or a smoothed share, from the row."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.models.btyd import Histories, ParetoNbd
from scoring.registry.card import Base, ModelKind
from scoring.serving.bases import BaseMargin, base_of, pareto_of

pytestmark = pytest.mark.unit

PARETO = ParetoNbd(0.55, 10.6, 0.61, 11.7, float("nan"), (0.2,), (-0.1,), (3.0,), (1.5,))
COLUMNS = ("other", "visits", "recency_days", "tenure_days", "trait")
ROWS = np.array([[9, 4, 20, 200, 2.5], [9, 1, 50, 50, 4.0]], dtype=np.float32)


def margin_of(base: Base, kind: ModelKind, objective: str) -> BaseMargin:
    return BaseMargin(base, columns=COLUMNS, kind=kind, objective=objective, horizon_days=30)


def test_a_btyd_base_is_the_expectation_of_the_rows_history() -> None:
    base = base_of(PARETO, COLUMNS[1:])
    assert pareto_of(base) == pytest.approx(PARETO, nan_ok=True) or pareto_of(base).r == PARETO.r
    seen = Histories.of([3, 0], [180, 0], [200, 50], np.array([[2.5], [4.0]]))
    expected = PARETO.expected(seen, 30.0)

    counts = margin_of(base, ModelKind.PURCHASES, "count:poisson")(ROWS)
    churn = margin_of(base, ModelKind.CHURN, "binary:logistic")(ROWS)

    assert counts is not None
    assert churn is not None
    assert np.exp(counts) == pytest.approx(expected)
    assert 1 / (1 + np.exp(-churn)) == pytest.approx(np.exp(-expected))


def test_nothing_known_of_purchases_is_a_finite_margin() -> None:
    rows = np.full((1, 5), np.nan, dtype=np.float32)
    for kind in (ModelKind.CHURN, ModelKind.OFFERS):
        found = margin_of(base_of(PARETO, COLUMNS[1:]), kind, "binary:logistic")(rows)
        assert found is not None
        assert np.isfinite(found).all()


def test_a_smoothed_share_becomes_its_logit() -> None:
    base = Base(kind="smoothed", columns=("trait",))
    rows = np.array([[0, 0, 0, 0, share] for share in (0.25, 0.0, np.nan, 1.0)], np.float32)
    found = margin_of(base, ModelKind.INTENTS, "binary:logistic")(rows)
    assert found is not None
    assert found[0] == pytest.approx(np.log(1 / 3))
    assert np.isfinite(found).all()


def test_no_base_is_no_margin() -> None:
    assert margin_of(Base(), ModelKind.CHURN, "binary:logistic")(ROWS) is None


def test_a_base_that_does_not_fit_is_told() -> None:
    for base in (
        Base(kind="smoothed", columns=("visits", "trait")),
        Base(kind="btyd", columns=COLUMNS[1:4]),
        base_of(PARETO, COLUMNS[1:4]),
    ):
        with pytest.raises(ValueError, match=r".+"):
            margin_of(base, ModelKind.CHURN, "binary:logistic")
