"""Small models, kept small."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xgboost

from scoring.models.boosting import Boosting, train

pytestmark = pytest.mark.unit


def taught(**how: object) -> tuple[np.ndarray, np.ndarray, object]:
    random = np.random.default_rng(0)
    rows = random.normal(size=(800, 2)).astype(np.float32)
    truth = (rows[:, 0] + random.normal(size=800) > 0).astype(float)
    return rows, truth, train(Boosting(trees=20, **how), rows, truth, names=("up", "noise"))  # type: ignore[arg-type]


@pytest.mark.parametrize("how", [{"trees": 151}, {"depth": 5}, {"trees": 80, "side_by_side": 2}])
def test_a_model_too_slow_for_a_caller_is_refused(how: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="trees of depth"):
        Boosting(**how)  # type: ignore[arg-type]


def test_a_monotone_feature_never_lowers_the_answer() -> None:
    _, _, model = taught(monotone={"up": 1})
    line = np.column_stack((np.linspace(-3, 3, 200), np.zeros(200))).astype(np.float32)
    assert (np.diff(model.answers(line)) >= 0).all()  # type: ignore[attr-defined]


def test_the_same_seed_gives_the_same_model() -> None:
    rows, _, one = taught()
    _, _, other = taught()
    assert (one.answers(rows) == other.answers(rows)).all()  # type: ignore[attr-defined]


def test_the_margin_is_what_the_trees_add_to() -> None:
    rows, _, model = taught()
    lifted = model.answers(rows, margin=np.full(len(rows), 3.0))  # type: ignore[attr-defined]
    assert (lifted > model.answers(rows, margin=np.zeros(len(rows)))).all()  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["model.ubj", "model.json"])
def test_a_saved_model_answers_the_same(tmp_path: Path, name: str) -> None:
    rows, _, model = taught()
    model.save(tmp_path / name)  # type: ignore[attr-defined]
    again = xgboost.Booster(model_file=str(tmp_path / name))
    assert again.inplace_predict(rows) == pytest.approx(model.answers(rows))  # type: ignore[attr-defined]


def test_no_model_is_pickled(tmp_path: Path) -> None:
    _, _, model = taught()
    with pytest.raises(ValueError, match=r"ubj or \.json"):
        model.save(tmp_path / "model.pkl")  # type: ignore[attr-defined]
