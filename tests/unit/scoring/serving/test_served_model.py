"""Models answer and give reasons as xgboost does, over random models and rows with gaps."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xgboost

from scoring.registry.refusals import ModelRefused
from scoring.serving.served_model import MANY, ServedModel
from tests.unit.scoring.serving.random_models import booster_of, names_of, rows_of

pytestmark = pytest.mark.unit

OBJECTIVES = ("binary:logistic", "count:poisson", "reg:squarederror", "reg:logistic")


def served(booster: object, columns: int, objective: str, form: str = "ubj") -> ServedModel:
    raw = bytes(booster.save_raw(raw_format=form))  # type: ignore[attr-defined]
    return ServedModel.of(raw, columns=names_of(columns), objective=objective)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("with_margin", [False, True])
def test_answers_are_those_of_xgboost(seed: int, with_margin: bool) -> None:
    random = np.random.default_rng(1000 + seed)
    columns, objective = int(random.integers(2, 30)), OBJECTIVES[seed % len(OBJECTIVES)]
    trees = int(random.integers(1, 120))
    booster = booster_of(seed, columns=columns, trees=trees, objective=objective)
    model = served(booster, columns, objective, "json" if seed % 3 == 0 else "ubj")
    rows = rows_of(random, MANY - 50, columns)
    rows[0] = np.nan
    rows[1, 0], rows[2, 0] = np.inf, -np.inf
    margin = random.normal(size=len(rows)) if with_margin else None

    wanted = booster.inplace_predict(rows, base_margin=margin, missing=np.nan)

    found = model.answers(rows, margin)
    assert found.dtype == np.float64
    assert np.abs(found - wanted).max() <= 1e-6 * max(1.0, float(np.abs(wanted).max()))
    twice, margins = np.tile(rows, (2, 1)), None if margin is None else np.tile(margin, 2)
    assert len(twice) > MANY
    many = model.answers(twice, margins)
    assert np.abs(many[: len(rows)] - found).max() <= 1e-6 * max(1.0, float(np.abs(wanted).max()))


@pytest.mark.parametrize("seed", range(6))
def test_rows_of_one_caller_are_answered_as_each_alone(seed: int) -> None:
    """Most columns alike, gaps among them: what is alike is asked once."""
    random = np.random.default_rng(seed)
    booster = booster_of(seed, columns=12, trees=80)
    model = served(booster, 12, "binary:logistic")
    for alike in (12, 10, 6, 0):
        rows = rows_of(random, 20, 12)
        rows[:, :alike] = rows[0, :alike]
        found = model.answers(rows)
        assert np.abs(found - booster.inplace_predict(rows)).max() <= 1e-6
        assert [model.answers(row[None])[0] for row in rows] == pytest.approx(found, abs=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_reasons_are_those_of_xgboost(seed: int) -> None:
    random = np.random.default_rng(seed)
    columns, objective = 3 + 4 * seed, OBJECTIVES[seed % len(OBJECTIVES)]
    booster = booster_of(seed, columns=columns, trees=100, objective=objective)
    rows = rows_of(random, 40, columns)
    rows[0] = np.nan
    data = xgboost.DMatrix(rows, feature_names=names_of(columns))
    wanted = booster.predict(data, pred_contribs=True)
    model = served(booster, columns, objective)
    found = np.array([model.contributions(row) for row in rows])
    assert np.abs(found - wanted).max() <= 1e-5 * max(1.0, float(np.abs(wanted).max()))


def test_a_row_at_a_threshold_goes_right() -> None:
    booster = booster_of(5)
    model = served(booster, 6, "binary:logistic")
    told = json.loads(bytes(booster.save_raw(raw_format="json")))
    trees = told["learner"]["gradient_booster"]["model"]["trees"]
    splits = {
        (column, value)
        for tree in trees
        for column, value, left in zip(
            tree["split_indices"], tree["split_conditions"], tree["left_children"], strict=True
        )
        if left != -1
    }
    rows = np.zeros((len(splits), 6), np.float32)
    for row, (column, value) in zip(rows, sorted(splits), strict=True):
        row[column] = value
    assert len(rows) > 50
    found = np.concatenate([model.answers(part) for part in np.array_split(rows, 10)])
    assert np.abs(found - booster.inplace_predict(rows)).max() <= 1e-6


@pytest.mark.parametrize("seed", range(6))
def test_reasons_add_up_to_the_margin(seed: int) -> None:
    random = np.random.default_rng(seed)
    objective = OBJECTIVES[seed % 3]
    model = served(booster_of(seed, objective=objective), 6, objective)
    for row in rows_of(random, 20, 6):
        for margin in (None, float(random.normal())):
            told = model.contributions(row, margin)
            assert len(told) == 7
            given = None if margin is None else np.array([margin])
            assert told.sum() == pytest.approx(model.margins(row[None], given)[0], abs=1e-5)


def test_a_column_that_no_tree_asks_for_adds_nothing() -> None:
    random = np.random.default_rng(3)
    rows = rows_of(random, 300, 3)
    rows[:, 1] = 0
    data = xgboost.DMatrix(rows, label=np.nan_to_num(rows[:, 0]) > 0, feature_names=names_of(3))
    booster = xgboost.train({"objective": "binary:logistic", "nthread": 1}, data, 5)
    assert served(booster, 3, "binary:logistic").contributions(rows[0])[1] == 0


def test_no_row_gets_no_answer_and_a_row_of_another_width_is_told_so() -> None:
    model = served(booster_of(1), 6, "binary:logistic")
    assert len(model.answers(np.zeros((0, 6), np.float32))) == 0
    with pytest.raises(ValueError, match="6 columns"):
        model.answers(np.zeros((2, 5), np.float32))


def test_other_columns_than_the_models_are_refused() -> None:
    raw = bytes(booster_of(1).save_raw())
    with pytest.raises(ModelRefused, match="columns"):
        ServedModel.of(raw, columns=names_of(5), objective="binary:logistic")
    with pytest.raises(ModelRefused, match="not those of its card"):
        ServedModel.of(raw, columns=["other", *names_of(6)[1:]], objective="binary:logistic")
