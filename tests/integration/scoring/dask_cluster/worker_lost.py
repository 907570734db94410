"""A training whose worker is killed in the middle, in a process of its own. Prints what was said.


xgboost's tracker is left behind in this process: it waits for the dead worker, for minutes or until
it fails in a thread of its own, and what it says then belongs to no other test.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time

from scoring.cluster import dask_training
from scoring.cluster.connection import Cluster, connected
from scoring.cluster.engine_address import EngineAddress
from scoring.models.boosting import POISSON, Boosting
from tests.integration.scoring.dask_cluster.test_training import NAMES, people


def _kill_when_both_grow_trees(cluster: Cluster, victim: int, killed_at: list[float]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        running = cluster.client.processing().values()
        if sum(any(str(key).startswith("fn-") for key in keys) for keys in running) == 2:
            os.kill(victim, signal.SIGKILL)
            killed_at.append(time.monotonic())
            return
        time.sleep(0.005)


def main() -> None:
    with connected(EngineAddress.parse("dask://local?workers=2")) as cluster:
        cluster.client.wait_for_workers(2, timeout=60)
        victim = cluster.workers()[0]
        processes: dict[str, int] = cluster.client.run(os.getpid)
        rows, margin, counts = people(30_000, seed=5)
        how = Boosting(trees=150, objective=POISSON)
        killed_at: list[float] = []
        killer = threading.Thread(
            target=_kill_when_both_grow_trees, args=(cluster, processes[victim], killed_at)
        )
        killer.start()
        said = "nothing"
        try:
            dask_training.DaskTraining(cluster)(how, rows, counts, names=NAMES, margin=margin)
        except dask_training.WorkerLost as error:
            said = str(error)
        after_s = time.monotonic() - killed_at[0]
        killer.join()
        print(json.dumps({"victim": victim, "said": said, "after_s": after_s}), flush=True)
        for pid in processes.values():
            if pid != processes[victim]:
                os.kill(pid, signal.SIGKILL)
        os._exit(0)


if __name__ == "__main__":
    dask_training.GRACE_S = 0.5
    main()
