"""`--engine dask://...` of several commands: here without it, on a Dask cluster with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

from calls.errors import Misconfigured

if TYPE_CHECKING:
    from scoring.cluster.connection import Cluster
    from scoring.cluster.spread import Spread
    from scoring.models.boosting import Trainer

EngineOption = Annotated[
    str | None,
    typer.Option(
        help="dask://HOST:PORT of a Dask scheduler, or dask://local?workers=2; else here.",
        metavar="ENGINE",
    ),
]


def need(command: str, *packages: str) -> None:
    """Raises Misconfigured."""
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise Misconfigured(
            f"{command} needs {', '.join(missing)}, which the server does without: "
            "pip install 'switchboard-pbx[train,cluster]'"
        )


@contextmanager
def spread_over(engine: str | None) -> Iterator[Spread]:
    """Where jobs of a folder are done. Raises Misconfigured, Unavailable."""
    if engine is None:
        from scoring.cluster.spread import Here

        yield Here()
        return
    with _cluster(engine) as cluster:
        from scoring.cluster.dask_spread import OnCluster

        yield OnCluster(cluster)


@contextmanager
def trainer_on(engine: str | None) -> Iterator[Trainer]:
    """Where trees are grown. Raises Misconfigured, Unavailable."""
    if engine is None:
        from scoring.models.boosting import train

        yield train
        return
    with _cluster(engine) as cluster:
        from scoring.cluster.dask_training import DaskTraining

        yield DaskTraining(cluster)


@contextmanager
def _cluster(engine: str) -> Iterator[Cluster]:
    from scoring.cluster.engine_address import CLUSTER_PACKAGES, EngineAddress

    address = EngineAddress.parse(engine)
    need("--engine", *CLUSTER_PACKAGES)
    from scoring.cluster.connection import connected

    with connected(address) as cluster:
        yield cluster
