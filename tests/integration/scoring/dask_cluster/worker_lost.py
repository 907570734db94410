"""A training whose worker is killed in the middle, in a process of its own. Prints what was said.

xgboost's tracker is left behind in this process: it waits for the dead worker, for minutes or until
it fails in a thread of its own, and what it says then belongs to no other test.
"""

from __future__ import annotations

import json
import os
import signal
import time

from scoring.cluster import dask_training
from scoring.cluster.connection import connected
from scoring.cluster.engine_address import EngineAddress
from scoring.models.boosting import POISSON, Boosting
from tests.integration.scoring.dask_cluster.killing import killed_once
from tests.integration.scoring.dask_cluster.test_training import NAMES, people


def main() -> None:
    dask_training.GRACE_S = 0.5
    with connected(EngineAddress.parse("dask://local?workers=2")) as cluster:
        cluster.client.wait_for_workers(2, timeout=60)
        victim = cluster.workers()[0]
        processes: dict[str, int] = cluster.client.run(os.getpid)
        rows, margin, counts = people(30_000, seed=5)
        how = Boosting(trees=150, objective=POISSON)

        def both_grow_trees() -> bool:
            running = cluster.client.processing().values()
            return sum(any(str(key).startswith("fn-") for key in keys) for keys in running) == 2

        said = "nothing"
        with killed_once(both_grow_trees, processes[victim]) as killed_at:
            try:
                dask_training.DaskTraining(cluster)(how, rows, counts, names=NAMES, margin=margin)
            except dask_training.WorkerLost as error:
                said = str(error)
            raised_at = time.monotonic()
        found = {"victim": victim, "said": said, "after_s": raised_at - killed_at[0]}
        print(json.dumps(found), flush=True)
        # The end in good order would wait for the worker that waits for the dead one.
        for worker, pid in processes.items():
            if worker != victim:
                os.kill(pid, signal.SIGKILL)
        os._exit(0)


if __name__ == "__main__":
    main()
