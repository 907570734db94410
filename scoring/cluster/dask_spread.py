"""Jobs on a Dask cluster, a few at a time. Functions, jobs and answers travel; rows stay in files.

A job whose worker died is given to another by the scheduler; one that takes three workers with it
is given up. The folders named in jobs must be seen by all workers under the same path.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from dask.base import tokenize
from distributed import Client, Future, KilledWorker, wait
from distributed.client import FutureCancelledError

from calls.errors import Unavailable
from scoring.cluster.connection import Cluster

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
                ahead = AHEAD * max(1, len(self.cluster.workers()))
                for job in islice(waiting, max(0, ahead - len(running))):
                    running.add(self._sent(function, job))
                if not running:
                    return
                done = _finished(self.cluster.client, running)
                running -= done
                for each in done:
                    yield self._answer(each)
                if self.cluster.workers():
                    seen_workers_at = time.monotonic()
                elif time.monotonic() - seen_workers_at > WITHOUT_WORKERS_S:
                    raise Unavailable(f"{self.cluster.address} has no workers any more; try again")
        finally:
            for each in running:
                each.cancel()

    def _sent(self, function: Callable[[Job], Done], job: Job) -> Future[Done]:
        key = f"{function.__name__}-{tokenize(job, time.time_ns())}"
        return self.cluster.client.submit(function, job, key=key, pure=False)

    def _answer(self, future: Future[Done]) -> Done:
        try:
            return future.result()
        except (KilledWorker, FutureCancelledError) as error:
            raise Unavailable(f"{self.cluster.address} gave a job up: {error}") from error


def _finished(client: Client, running: set[Future[Done]]) -> set[Future[Done]]:
    # `wait` looks for the client around it.
    with client.as_current():
        try:
            return set(wait(running, timeout=_LOOK_EVERY_S, return_when="FIRST_COMPLETED").done)
        except TimeoutError:
            return set()
