"""Boosting on a Dask cluster: what `scoring.models.boosting.train` does, by many machines.

The rows are dealt out among the workers, each of which counts its own histograms; `xgboost.dask`
adds them up. Sampled rows and the borders of bins depend on how the rows were dealt out, so the
model is alike, not the same.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dask.array
import numpy as np
import xgboost.collective
import xgboost.dask
from numpy.typing import NDArray

from calls.errors import Unavailable
from scoring.cluster.connection import Cluster
from scoring.models.boosting import Boosted, Boosting, Floats, Matrix

#: So often it is asked whether all workers are still there.
LOOK_EVERY_S = 0.5
#: Left to those that remain to notice by themselves that one is gone.
GRACE_S = 5.0
#: So long a worker waits for what another has to add.
COLLECTIVE_S = 120


class WorkerLost(Unavailable):
    """A worker went away while it was needed."""


@dataclass(frozen=True, slots=True)
class _Task:
    how: Boosting
    rows: Matrix
    truth: Floats
    names: tuple[str, ...]
    margin: Floats | None
    weight: Floats | None


@dataclass(frozen=True, slots=True)
class DaskTraining:
    """A `scoring.models.boosting.Trainer`.

    Raises WorkerLost soon after one died: those that remain are not asked to begin again, as
    theirs wait in xgboost for the dead one (3.2: up to COLLECTIVE_S) and take no other work.
    Raises Unavailable where xgboost refuses the rows.
    """

    cluster: Cluster

    def __call__(
        self,
        how: Boosting,
        rows: Matrix,
        truth: Floats,
        *,
        names: Sequence[str],
        margin: Floats | None = None,
        weight: Floats | None = None,
    ) -> Boosted:
        task = _Task(
            how, np.ascontiguousarray(rows, np.float32), truth, tuple(names), margin, weight
        )
        booster = self.cluster.client.sync(self._watched, task)
        # Grown elsewhere, answered here.
        booster.set_param({"device": "cpu", "nthread": how.threads})
        return Boosted(booster, names)

    async def _watched(self, task: _Task) -> Any:
        """Runs in the client's own loop."""
        workers = await self._workers()
        if not workers:
            raise WorkerLost(f"{self.cluster.address} has no workers left to train on")
        training = asyncio.ensure_future(self._trained(task, workers))
        watching = asyncio.ensure_future(self._gone(workers))
        try:
            await asyncio.wait((training, watching), return_when=asyncio.FIRST_COMPLETED)
            if not training.done():
                await asyncio.wait((training,), timeout=GRACE_S)
            if not training.done():
                raise WorkerLost(_lost(watching.result()))
            return await training
        except Unavailable:
            raise
        except (Exception, asyncio.CancelledError) as error:
            raise await self._said_of(error, workers) from error
        finally:
            for each in (training, watching):
                each.cancel()
                with contextlib.suppress(Exception, asyncio.CancelledError):
                    await each

    async def _said_of(self, error: BaseException, workers: frozenset[str]) -> Unavailable:
        """Whatever the workers raised comes back in many classes: what counts is whether all are
        still there."""
        try:
            lost = workers - await self._workers()
        except Exception:  # noqa: BLE001 -- of a scheduler that is gone, in as many classes
            return Unavailable(f"{self.cluster.address} does not answer any more; try again")
        if lost:
            return WorkerLost(_lost(lost))
        return Unavailable(f"training on {self.cluster.address} failed: {error}")

    async def _gone(self, workers: frozenset[str]) -> frozenset[str]:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if lost := workers - await self._workers():
                return lost

    async def _workers(self) -> frozenset[str]:
        scheduler: Any = self.cluster.client.scheduler
        known = await scheduler.identity(n_workers=-1)
        return frozenset(known["workers"])

    async def _trained(self, task: _Task, workers: frozenset[str]) -> Any:
        client, xgb = self.cluster.client, xgboost.dask
        # xgboost asks for the client around it in places where it is not handed on.
        with client.as_current():
            dealt = await self._dealt(task, sorted(workers))
            names = list(task.names)
            data = await xgb.DaskQuantileDMatrix(client, feature_names=names, **dealt)
            parameters = task.how.parameters(names) | {"device": self.cluster.address.device}
            found: Any = await xgb.train(
                client,
                parameters,
                data,
                task.how.trees,
                coll_cfg=xgboost.collective.Config(timeout=COLLECTIVE_S),
            )
            return found["booster"]

    async def _dealt(self, task: _Task, workers: Sequence[str]) -> dict[str, Any]:
        """Each worker has a run of rows, with what belongs to them beside."""
        columns: dict[str, NDArray[Any] | None] = {
            "data": task.rows,
            "label": task.truth,
            "base_margin": task.margin,
            "weight": task.weight,
        }
        count = min(len(workers), len(task.rows))
        found: dict[str, Any] = {}
        for name, values in columns.items():
            if values is not None:
                placed = zip(np.array_split(values, count), workers, strict=False)
                parts = [await self._placed(each, worker) for each, worker in placed]
                found[name] = dask.array.concatenate(parts)
        return found

    async def _placed(self, values: NDArray[Any], worker: str) -> Any:
        future = await self.cluster.client.scatter(values, workers=[worker], hash=False)
        return dask.array.from_delayed(future, values.shape, values.dtype)


def _lost(workers: frozenset[str]) -> str:
    return f"the cluster lost {', '.join(sorted(workers))} while training; try again"
