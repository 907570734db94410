"""A connection to a Dask cluster, its own or somebody's; needs the extra `[cluster]`.

Dask's workers run what they are sent: whoever reaches the scheduler's port owns the workers. A
local cluster listens on 127.0.0.1 alone.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from distributed import Client, LocalCluster, Worker, WorkerPlugin

from calls.errors import Unavailable
from scoring.cluster.engine_address import EngineAddress

#: For the scheduler to answer, and for a first worker to be there.
CONNECT_S = 10.0
#: A local worker imports numpy, pandas and xgboost before it is there; a busy machine takes longer.
START_S = 60.0


@dataclass(frozen=True, slots=True)
class Cluster:
    client: Client
    address: EngineAddress

    def workers(self) -> tuple[str, ...]:
        """The addresses of those that are there now."""
        return tuple(self.client.scheduler_info(n_workers=-1)["workers"])


class _Mute(WorkerPlugin):
    """xgboost's greetings go to the outputs that a local worker shares with the command."""

    idempotent = True

    def setup(self, worker: Worker) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        os.close(nowhere)


@contextmanager
def connected(address: EngineAddress, *, deadline_s: float | None = None) -> Iterator[Cluster]:
    """Raises Unavailable: no scheduler answers in time (else CONNECT_S), or it has no worker."""
    # What goes wrong is raised, and said in a sentence.
    for name in ("distributed.client", "distributed.core", "distributed.nanny"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if address.scheduler is None:
        with _local(address.workers) as local, _client(local, address, START_S) as client:
            client.register_plugin(_Mute())
            yield _with_workers(Cluster(client, address), START_S)
    else:
        within_s = CONNECT_S if deadline_s is None else deadline_s
        with _client(address.scheduler, address, within_s) as client:
            yield _with_workers(Cluster(client, address), within_s)


def _local(workers: int) -> LocalCluster:
    """One process of one thread each, no dashboard."""
    return LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        # A port must be: a free one, with no dashboard behind it.
        dashboard_address="127.0.0.1:0",
        scheduler_kwargs={"dashboard": False},
        silence_logs=logging.CRITICAL,
    )


def _client(of: Any, address: EngineAddress, deadline_s: float) -> Client:
    try:
        return Client(of, timeout=deadline_s, set_as_default=False)
    except (OSError, TimeoutError) as error:
        raise Unavailable(
            f"no Dask scheduler answers at {address} within {deadline_s:g} s; "
            "start one with `dask scheduler`, or name another --engine"
        ) from error


def _with_workers(cluster: Cluster, deadline_s: float) -> Cluster:
    until = time.monotonic() + deadline_s
    while not cluster.workers():
        if time.monotonic() > until:
            raise Unavailable(
                f"the Dask scheduler at {cluster.address} has no workers; "
                "start some with `dask worker HOST:PORT`"
            )
        time.sleep(0.1)
    return cluster
