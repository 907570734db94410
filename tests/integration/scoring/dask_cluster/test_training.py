"""Boosting by two processes: the model that one makes, within a tolerance."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from calls.errors import Unavailable
from scoring.models.boosting import POISSON, Boosting, Floats, Matrix, Trainer, train
from scoring.models.metrics import auc
from tests.integration.scoring.training.company import Company, buyers

if TYPE_CHECKING:
    from scoring.cluster.connection import Cluster

pytestmark = pytest.mark.integration

NAMES = ("recency", "frequency", "noise", "more", "rest")
#: Every row and column in each tree: what differs is how the bins' borders were found.
EXACT = Boosting(trees=30, depth=3, row_share=1.0, column_share=1.0, monotone={"frequency": 1})


def people(count: int, seed: int) -> tuple[Matrix, Floats, Floats]:
    """Rows, margin, and how often each buys."""
    dice = np.random.default_rng(seed)
    rows = dice.normal(size=(count, len(NAMES))).astype(np.float32)
    rows[dice.random(count) < 0.1, 3] = np.nan
    margin = 0.3 * dice.normal(size=count)
    rate = np.exp(margin + 0.5 * rows[:, 1] - 0.4 * np.abs(rows[:, 0]))
    return rows, margin, dice.poisson(rate).astype(np.float64)


@pytest.mark.long
def test_the_same_model_within_a_tolerance(cluster: Cluster, train_there: Trainer) -> None:
    processes = set(cluster.client.run(os.getpid).values())
    assert len(processes | {os.getpid()}) == 3, "two processes, neither of them this one"
    rows, margin, counts = people(8_000, seed=1)
    fresh, fresh_margin, fresh_counts = people(4_000, seed=2)
    bought = (counts > 0).astype(np.float64)
    for how, truth in ((EXACT, bought), (replace(EXACT, objective=POISSON), counts)):
        here = train(how, rows, truth, names=NAMES, margin=margin)
        there = train_there(how, rows, truth, names=NAMES, margin=margin)
        one = here.answers(fresh, margin=fresh_margin)
        other = there.answers(fresh, margin=fresh_margin)
        assert np.corrcoef(one, other)[0, 1] > 0.995
        assert np.abs(np.log(one) - np.log(other)).mean() < 0.02
        happened = fresh_counts > 0
        assert abs(auc(happened, one) - auc(happened, other)) < 0.003
        assert there.names == here.names
        assert len(there.booster.get_dump()) == len(here.booster.get_dump())


def test_margins_weights_and_constraints_are_carried_over(train_there: Trainer) -> None:
    rows, margin, counts = people(4_000, seed=3)
    weight = np.where(rows[:, 2] > 0, 1.0, 0.0)
    how = replace(EXACT, trees=10, objective=POISSON, monotone={"frequency": -1})
    there = train_there(how, rows, counts, names=NAMES, margin=margin, weight=weight)
    # What the truth contradicts is still kept to.
    steps = np.zeros((50, len(NAMES)), np.float32)
    steps[:, 1] = np.linspace(-3, 3, 50)
    assert (np.diff(there.answers(steps, margin=np.zeros(50))) <= 1e-6).all()
    # Rows of no weight teach nothing.
    counts[weight == 0] = 50.0
    again = train_there(how, rows, counts, names=NAMES, margin=margin, weight=weight)
    np.testing.assert_allclose(
        again.answers(rows, margin=margin), there.answers(rows, margin=margin), rtol=1e-4
    )
    # Without the margin it is another model.
    bare = train_there(how, rows, counts, names=NAMES, weight=weight)
    assert np.abs(bare.answers(rows) - there.answers(rows, margin=margin)).mean() > 0.01


def test_fewer_rows_than_workers_and_refused_ones(train_there: Trainer) -> None:
    rows, _, counts = people(3, seed=4)
    assert train_there(EXACT, rows[:1], counts[:1] * 0, names=NAMES).answers(rows).size
    with pytest.raises(Unavailable, match=r"training on .* failed"):
        train_there(replace(EXACT, objective=POISSON), rows, -counts - 1, names=NAMES)


@pytest.mark.long
def test_the_command_keeps_what_the_cluster_grew(tmp_path: Path, engine: str) -> None:
    company = Company(tmp_path, "manual")
    company.bought(buyers(120, days=115))
    cards = [
        company.trained("--only", "churn", "--horizon", "30", *where)
        for where in ((), ("--engine", engine))
    ]
    here, there = cards
    assert there.sha256 != here.sha256, "trained here"
    assert there.columns == here.columns
    assert there.rows == here.rows
    # Some hundred rows, dealt out to two: alike, not the same.
    assert abs(there.metrics["log_loss"].value - here.metrics["log_loss"].value) < 0.02
