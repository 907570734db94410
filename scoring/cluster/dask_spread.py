"""Jobs on a Dask cluster, a few at a time. Functions, jobs and answers travel; rows stay in files.

A job whose worker died is given to another by the scheduler; one that takes three workers with it
is given up. The folders named in jobs must be seen by all workers under the same path.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from dask.base import tokenize
from distributed import Client, Future, wait
from distributed.client import FutureCancelledError, FuturesCancelledError
from distributed.comm.core import CommClosedError

from calls.errors import SwitchboardError, Unavailable
from scoring.cluster.connection import Cluster
from scoring.evaluation.outside_files import first_line

Job = TypeVar("Job")
Done = TypeVar("Done")

#: Jobs handed out ahead, for each worker.
AHEAD = 2
#: A cluster without workers for so long has lost them.
WITHOUT_WORKERS_S = 30.0
_LOOK_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class OnCluster:
    """A `scoring.cluster.spread.Spread`. Raises Unavailable where the cluster goes away."""

    cluster: Cluster

    def each(self, function: Callable[[Job], Done], jobs: Iterable[Job]) -> Iterator[Done]:
        waiting = iter(jobs)
        running: set[Future[Done]] = set()
        seen_workers_at = time.monotonic()
        try:
            while True:
                with self._reached():
                    workers = len(self.cluster.workers())
                    for job in islice(waiting, max(0, AHEAD * max(1, workers) - len(running))):
                        running.add(self._sent(function, job))
                    done = _finished(self.cluster.client, running) if running else set()
                if not running:
                    return
                running -= done
                for each in done:
                    with self._reached():
                        answer = each.result()
                    yield answer
                if workers:
                    seen_workers_at = time.monotonic()
                elif time.monotonic() - seen_workers_at > WITHOUT_WORKERS_S:
                    raise Unavailable(f"{self.cluster.address} has no workers any more; try again")
        finally:
            for each in running:
                with suppress(Exception):
                    # The cluster may be gone, and they with it.
                    each.cancel()

    def _sent(self, function: Callable[[Job], Done], job: Job) -> Future[Done]:
        key = f"{function.__name__}-{tokenize(job, time.time_ns())}"
        return self.cluster.client.submit(function, job, key=key, pure=False)

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """What a job says of its files stays as it is. All else, in dozens of classes, is a cluster
        that lost its scheduler, gave a job up, or has another version of Switchboard or none."""
        try:
            yield
        except (CommClosedError, FutureCancelledError, FuturesCancelledError) as error:
            raise Unavailable(
                f"{self.cluster.address} does not answer any more, or has begun anew; try again"
            ) from error
        except (SwitchboardError, OSError):
            raise
        except Exception as error:
            raise Unavailable(
                f"{self.cluster.address} gave a job up: {first_line(error)}"
            ) from error


def _finished(client: Client, running: set[Future[Done]]) -> set[Future[Done]]:
    # `wait` looks for the client around it.
    with client.as_current():
        try:
            return set(wait(running, timeout=_LOOK_EVERY_S, return_when="FIRST_COMPLETED").done)
        except TimeoutError:
            return set()
