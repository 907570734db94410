"""Rows and scores by a real cluster of two processes: those that one process makes."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import polars as pl
import polars.testing
import pytest

from calls.errors import Misconfigured
from scoring.cluster.connection import Cluster, connected
from scoring.cluster.contact_parts import Built, build_parts
from scoring.cluster.dask_spread import OnCluster
from scoring.cluster.engine_address import EngineAddress
from scoring.cluster.part_scores import score_parts
from scoring.cluster.spread import Here, Spread
from tests.fakes.purchase_folders import CUT, write_folder
from tests.unit.scoring.cluster.test_part_scores import add_model, unwatched

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with connected(EngineAddress.parse("dask://local?workers=2")) as found:
        yield found


def build(source: Path, folder: Path, spread: Spread) -> Built:
    def unseen(_title: str) -> Any:
        return nullcontext(unwatched)

    return build_parts(source, folder, cut=CUT, parts=6, spread=spread, renames={}, watch=unseen)


def test_rows_and_scores_are_those_made_here(tmp_path: Path, cluster: Cluster) -> None:
    write_folder(tmp_path / "in")
    assert build(tmp_path / "in", tmp_path / "here", Here()).computed == 6
    assert build(tmp_path / "in", tmp_path / "there", OnCluster(cluster)).computed == 6
    assert build(tmp_path / "in", tmp_path / "there", OnCluster(cluster)).computed == 0

    version = add_model(tmp_path / "models")
    for name, spread in (("here", Here()), ("there", OnCluster(cluster))):
        rows, scores = tmp_path / name / "rows", tmp_path / name / "scores"
        assert score_parts(rows, version, scores, spread=spread, progress=unwatched) == 200
    for what in ("rows", "scores"):
        one, other = (
            pl.read_parquet(tmp_path / name / what / "*.parquet") for name in ("here", "there")
        )
        polars.testing.assert_frame_equal(one, other, rel_tol=1e-6)


def _waits(job: tuple[str, int]) -> int:
    """Says by a file who works on it; not done before somebody says so by another."""
    folder, number = Path(job[0]), job[1]
    (folder / f"{number}-{os.getpid()}").touch()
    until = time.monotonic() + 30
    while not (folder / "go").exists() and time.monotonic() < until:
        time.sleep(0.01)
    return number


def _fails(job: int) -> int:
    raise Misconfigured(f"part {job} is damaged")


def test_jobs_of_a_killed_worker_are_done_by_the_other(tmp_path: Path) -> None:
    with connected(EngineAddress.parse("dask://local?workers=2")) as cluster:
        victim = next(iter(cluster.client.run(os.getpid).values()))
        found = OnCluster(cluster).each(_waits, [(str(tmp_path), number) for number in range(5)])
        killed: list[int] = []

        def kill() -> None:
            until = time.monotonic() + 60
            while time.monotonic() < until and not killed:
                # Both are at work.
                if len({path.name.split("-")[1] for path in tmp_path.glob("*-*")}) == 2:
                    os.kill(victim, signal.SIGKILL)
                    killed.append(victim)
                    (tmp_path / "go").touch()
                time.sleep(0.01)

        killer = threading.Thread(target=kill)
        killer.start()
        done = sorted(found)
        killer.join()
    assert killed, "ended nobody"
    assert done == [0, 1, 2, 3, 4]


def test_what_a_job_says_comes_back(cluster: Cluster) -> None:
    with pytest.raises(Misconfigured, match="part 3 is damaged"):
        list(OnCluster(cluster).each(_fails, [3]))
