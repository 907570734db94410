"""Boosting on a real cluster of two processes: alike, and whole when one of them dies."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from calls.errors import Unavailable
from scoring.cluster.connection import Cluster, connected
from scoring.cluster.dask_training import DaskTraining, WorkerLost
from scoring.cluster.engine_address import EngineAddress
from scoring.models.boosting import POISSON, Boosting, Floats, Matrix, train
from scoring.models.metrics import auc

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


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with connected(EngineAddress.parse("dask://local?workers=2")) as found:
        yield found


def test_the_same_model_within_a_tolerance(cluster: Cluster) -> None:
    assert len(cluster.workers()) == 2
    rows, margin, counts = people(8_000, seed=1)
    fresh, fresh_margin, fresh_counts = people(4_000, seed=2)
    bought = (counts > 0).astype(np.float64)
    for how, truth in ((EXACT, bought), (replace(EXACT, objective=POISSON), counts)):
        here = train(how, rows, truth, names=NAMES, margin=margin)
        there = DaskTraining(cluster)(how, rows, truth, names=NAMES, margin=margin)
        one = here.answers(fresh, margin=fresh_margin)
        other = there.answers(fresh, margin=fresh_margin)
        assert np.corrcoef(one, other)[0, 1] > 0.995
        assert np.abs(np.log(one) - np.log(other)).mean() < 0.02
        happened = fresh_counts > 0
        assert abs(auc(happened, one) - auc(happened, other)) < 0.003
        assert there.names == here.names
        assert len(there.booster.get_dump()) == len(here.booster.get_dump())


def test_margins_weights_and_constraints_are_carried_over(cluster: Cluster) -> None:
    rows, margin, counts = people(4_000, seed=3)
    weight = np.where(rows[:, 2] > 0, 1.0, 0.0)
    how = replace(EXACT, objective=POISSON, monotone={"frequency": -1})
    there = DaskTraining(cluster)(how, rows, counts, names=NAMES, margin=margin, weight=weight)
    # What the truth contradicts is still kept to.
    steps = np.zeros((50, len(NAMES)), np.float32)
    steps[:, 1] = np.linspace(-3, 3, 50)
    assert (np.diff(there.answers(steps, margin=np.zeros(50))) <= 1e-6).all()
    # Rows of no weight teach nothing.
    counts[weight == 0] = 50.0
    again = DaskTraining(cluster)(how, rows, counts, names=NAMES, margin=margin, weight=weight)
    np.testing.assert_allclose(
        again.answers(rows, margin=margin), there.answers(rows, margin=margin), rtol=1e-4
    )
    # Without the margin it is another model.
    bare = DaskTraining(cluster)(how, rows, counts, names=NAMES, weight=weight)
    assert np.abs(bare.answers(rows) - there.answers(rows, margin=margin)).mean() > 0.01


def test_fewer_rows_than_workers_and_refused_ones(cluster: Cluster) -> None:
    rows, _, counts = people(3, seed=4)
    assert DaskTraining(cluster)(EXACT, rows[:1], counts[:1] * 0, names=NAMES).answers(rows).size
    with pytest.raises(Unavailable, match=r"training on .* failed"):
        DaskTraining(cluster)(replace(EXACT, objective=POISSON), rows, -counts - 1, names=NAMES)


def test_a_worker_killed_in_the_middle_is_said_soon() -> None:
    rows, margin, counts = people(30_000, seed=5)
    how = replace(EXACT, trees=150, objective=POISSON)
    with connected(EngineAddress.parse("dask://local?workers=2")) as cluster:
        victim = cluster.workers()[0]
        processes: dict[str, int] = cluster.client.run(os.getpid)
        killed_at: list[float] = []

        def kill() -> None:
            until = time.monotonic() + 60
            while time.monotonic() < until and not killed_at:
                # Both are in xgboost's own function.
                running = cluster.client.processing().values()
                if sum(any(str(key).startswith("fn-") for key in keys) for keys in running) == 2:
                    os.kill(processes[victim], signal.SIGKILL)
                    killed_at.append(time.monotonic())
                time.sleep(0.002)

        killer = threading.Thread(target=kill)
        killer.start()
        with pytest.raises(WorkerLost, match=f"the cluster lost {victim} while training"):
            DaskTraining(cluster)(how, rows, counts, names=NAMES, margin=margin)
        raised_at = time.monotonic()
        killer.join()
        assert raised_at - killed_at[0] < 30


def test_a_scheduler_that_is_not_there_is_said_in_time() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        began = time.monotonic()
        with (
            pytest.raises(
                Unavailable, match=f"no Dask scheduler answers at tcp://127.0.0.1:{port}"
            ),
            connected(EngineAddress.parse(f"dask://127.0.0.1:{port}"), deadline_s=1.0),
        ):
            raise AssertionError("connected to nobody")
        assert time.monotonic() - began < 10
