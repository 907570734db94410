"""Rows and scores by the commands, made by two processes: those that one makes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from calls.errors import Misconfigured, Unavailable
from scoring.cluster import part_scores
from scoring.features.schema import NAMES
from tests.fakes.purchase_folders import write_folder
from tests.integration.scoring.scale_words import runs, told
from tests.unit.scoring.cluster.test_contact_parts import assert_same, rows_in
from tests.unit.scoring.cluster.test_part_scores import add_model

if TYPE_CHECKING:
    from scoring.cluster.connection import Cluster

pytestmark = pytest.mark.integration


def test_rows_and_scores_are_those_made_here(tmp_path: Path, engine: str) -> None:
    everything = write_folder(tmp_path / "in")
    version = add_model(tmp_path / "models")
    rows, scores = tmp_path / "out" / "rows", tmp_path / "scores"
    made = runs("features", tmp_path / "in", "--out", tmp_path / "out", "--cut", "2026-01-01",
                "--parts", "4", "--engine", engine)  # fmt: skip
    assert told(made) == "200 contacts from 6,000 purchases; 4 of 4 parts computed"
    found = runs("score", "--rows", rows, "--model", version, "--out", scores, "--engine", engine)
    assert told(found) == "200 contacts scored"
    assert_same(tmp_path / "out", everything)
    from_workers = pl.read_parquet(scores / "*.parquet").sort("customer")
    # As the command tried it before it handed out the work.
    here = part_scores._loaded(str(version)).answers(
        rows_in(tmp_path / "out").select(NAMES).to_numpy().astype(np.float32), NAMES
    )
    np.testing.assert_allclose(from_workers["score"].to_numpy(), here, rtol=1e-6)


def _damaged(job: int) -> int:
    raise Misconfigured(f"part {job} is damaged")


def _breaks(_job: int) -> int:
    raise ZeroDivisionError("of a program's own")


@pytest.mark.long
def test_what_a_job_says_comes_back(cluster: Cluster) -> None:
    from scoring.cluster.dask_spread import OnCluster  # noqa: PLC0415 -- as in conftest

    with pytest.raises(Misconfigured, match="part 3 is damaged"):
        list(OnCluster(cluster).each(_damaged, [3]))
    with pytest.raises(Unavailable, match="gave a job up: of a program's own"):
        list(OnCluster(cluster).each(_breaks, [3]))
