"""Workers that are killed, schedulers that are not there or go away."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from calls.errors import Unavailable
from scoring.cluster.engine_address import EngineAddress
from tests.integration.scoring.dask_cluster.killing import killed_once

if TYPE_CHECKING:
    from scoring.cluster.connection import Cluster

pytestmark = pytest.mark.integration


def _waits(job: tuple[str, int]) -> int:
    """Says by a file who works on it; not done before somebody says so by another."""
    folder, number = Path(job[0]), job[1]
    (folder / f"{number}-{os.getpid()}").touch()
    until = time.monotonic() + 30
    while not (folder / "go").exists() and time.monotonic() < until:
        time.sleep(0.01)
    return number


def test_jobs_of_a_killed_worker_are_done_by_the_other(tmp_path: Path, cluster: Cluster) -> None:
    from scoring.cluster.dask_spread import OnCluster  # noqa: PLC0415 -- as in conftest

    victim = next(iter(cluster.client.run(os.getpid).values()))

    def both_are_at_work() -> bool:
        return len({path.name.split("-")[1] for path in tmp_path.glob("*-*")}) == 2

    found = OnCluster(cluster).each(_waits, [(str(tmp_path), number) for number in range(5)])
    with killed_once(both_are_at_work, victim, (tmp_path / "go").touch) as killed_at:
        done = sorted(found)
    assert killed_at, "ended nobody"
    assert done == [0, 1, 2, 3, 4]


@pytest.mark.long
def test_a_worker_killed_in_the_middle_of_training_is_said_soon() -> None:
    program = [sys.executable, "-m", "tests.integration.scoring.dask_cluster.worker_lost"]
    done = subprocess.run(program, check=True, capture_output=True, text=True, timeout=120)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["said"] == f"the cluster lost {found['victim']} while training; try again"
    assert found["after_s"] < 30


_SCHEDULER = """
import asyncio
from distributed import Scheduler

async def main():
    async with Scheduler(host="127.0.0.1", port=0, dashboard=False) as scheduler:
        print(scheduler.address, flush=True)
        await scheduler.finished()

asyncio.run(main())
"""


def test_a_scheduler_that_goes_away_is_said() -> None:
    from distributed import Client  # noqa: PLC0415 -- as in conftest

    from scoring.cluster.connection import Cluster, connected  # noqa: PLC0415
    from scoring.cluster.dask_spread import OnCluster  # noqa: PLC0415

    with subprocess.Popen(
        [sys.executable, "-c", _SCHEDULER], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        address = EngineAddress(process.stdout.readline().strip())
        with (
            pytest.raises(Unavailable, match="has no workers; start some with"),
            connected(address, deadline_s=0.2),
        ):
            raise AssertionError("connected to nobody's workers")
        with Client(address.scheduler, set_as_default=False) as client:

            def has_the_job() -> bool:
                return bool(client.futures)

            jobs = OnCluster(Cluster(client, address)).each(abs, [-1])
            with (
                killed_once(has_the_job, process.pid),
                pytest.raises(Unavailable, match="does not answer any more"),
            ):
                list(jobs)


def test_a_scheduler_that_is_not_there_is_said_in_time() -> None:
    from scoring.cluster.connection import connected  # noqa: PLC0415 -- as in conftest

    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = EngineAddress(f"tcp://127.0.0.1:{unused.getsockname()[1]}")
        began = time.monotonic()
        with (
            pytest.raises(
                Unavailable, match=f"no Dask scheduler answers at {address.scheduler} within"
            ),
            connected(address, deadline_s=0.5),
        ):
            raise AssertionError("connected to nobody")
        assert time.monotonic() - began < 10
