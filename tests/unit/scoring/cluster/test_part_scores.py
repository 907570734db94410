"""Scores part by part: those of all rows at once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from calls.errors import Misconfigured
from scoring.cluster import part_scores
from scoring.cluster.part_scores import score_parts
from scoring.cluster.spread import Here
from scoring.features.schema import NAMES, SCHEMA
from scoring.models.boosting import LOGISTIC, Boosting, train
from scoring.registry.card import Base, ModelCard, ModelKind, Platt
from scoring.registry.refusals import ModelRefused
from scoring.registry.registry import ModelRegistry

pytestmark = pytest.mark.unit


def rows_frame(count: int, seed: int) -> pl.DataFrame:
    dice = np.random.default_rng(seed)
    numbers = dice.normal(50, 20, (count, len(NAMES))).astype(np.float32)
    numbers[dice.random(numbers.shape) < 0.1] = np.nan
    frame = pl.DataFrame(numbers, schema=list(NAMES))
    return frame.insert_column(0, pl.Series("customer", [f"{seed}-{n}" for n in range(count)]))


def add_model(folder: Path, *, schema: str = SCHEMA, columns: tuple[str, ...] = NAMES) -> Path:
    """With a base of its own and calibrated."""
    dice = np.random.default_rng(1)
    rows = dice.normal(50, 20, (800, len(columns))).astype(np.float32)
    truth = (rows[:, 1] > 50).astype(np.float64)
    trees = train(Boosting(trees=20), rows, truth, names=columns, margin=np.zeros(800))
    card = ModelCard(
        kind=ModelKind.CHURN,
        contact_schema=schema,
        columns=columns,
        objective=LOGISTIC,
        base=Base(kind="smoothed", columns=("returned_share",)),
        calibration=Platt(a=0.8, b=0.1),
        trained_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    registry = ModelRegistry(folder)
    return registry.folder_of(card.kind, registry.add(card, trees.booster))


def unwatched(_done: int, _total: int) -> None:
    """Nobody watches."""


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    folder = tmp_path / "rows"
    folder.mkdir()
    for number in range(3):
        rows_frame(400, number).write_parquet(folder / f"part-{number:04d}.parquet")
    return folder


def test_scores_are_those_of_all_rows_at_once(
    tmp_path: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part_scores, "BATCH_ROWS", 150)
    version = add_model(tmp_path / "models")
    stale = tmp_path / "scores" / "part-0099.parquet"
    stale.parent.mkdir()
    stale.write_bytes(b"of a part that is gone")
    count = score_parts(rows, version, tmp_path / "scores", spread=Here(), progress=unwatched)
    assert count == 1_200
    assert not stale.exists()
    for number in range(3):
        frame = pl.read_parquet(rows / f"part-{number:04d}.parquet")
        expected = part_scores._loaded(str(version)).answers(
            frame.select(NAMES).to_numpy().astype(np.float32), NAMES
        )
        found = pl.read_parquet(tmp_path / "scores" / f"part-{number:04d}.parquet")
        assert found["customer"].to_list() == frame["customer"].to_list()
        assert expected is not None
        np.testing.assert_allclose(found["score"].to_numpy(), expected, rtol=1e-6)


def test_what_does_not_fit_is_said(tmp_path: Path, rows: Path) -> None:
    version = add_model(tmp_path / "models")
    scores = tmp_path / "scores"

    def score(model: Path, of: Path = rows, into: Path = scores) -> None:
        score_parts(of, model, into, spread=Here(), progress=unwatched)

    with pytest.raises(ModelRefused):
        score(tmp_path / "nothing")
    with pytest.raises(Misconfigured, match=r"no \.parquet file"):
        score(version, of=tmp_path / "models")
    with pytest.raises(Misconfigured, match="name another folder"):
        score(version, into=rows)
    with pytest.raises(Misconfigured, match="is of rows contact-0-old"):
        score(add_model(tmp_path / "old", schema="contact-0-old"))
    columns = (*NAMES, "price")
    with pytest.raises(Misconfigured, match="no column 'price', which the model asks for"):
        score(add_model(tmp_path / "wide", columns=columns))
    model = version / "model.ubj"
    model.write_bytes(model.read_bytes()[:-20])
    with pytest.raises(ModelRefused, match="is not the file that its card names"):
        score(version)
    assert not list(scores.glob("*.parquet"))
    version = add_model(tmp_path / "again")
    (rows / "part-0001.parquet").write_bytes(b"PAR1")
    with pytest.raises(Misconfigured, match=r"part-0001\.parquet: cannot be read"):
        score(version)
