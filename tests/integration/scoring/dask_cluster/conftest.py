"""One cluster of two processes for all tests of this folder, which run in one process of the suite.

Dask is imported where a fixture needs it: all processes of the suite read these files, one uses it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from scoring.cluster.engine_address import EngineAddress

if TYPE_CHECKING:
    from scoring.cluster.connection import Cluster
    from scoring.models.boosting import Trainer


class Clusters:
    """Gives the one there is while it is whole."""

    def __init__(self) -> None:
        self._held = ExitStack()
        self._cluster: Cluster | None = None

    def whole(self) -> Cluster:
        from scoring.cluster.connection import connected  # noqa: PLC0415 -- see above

        if self._cluster is None:
            address = EngineAddress.parse("dask://local?workers=2")
            self._cluster = self._held.enter_context(connected(address))
        return self._cluster

    def close(self) -> None:
        self._cluster = None
        self._held.close()


@pytest.fixture(scope="session")
def _clusters() -> Iterator[Clusters]:
    clusters = Clusters()
    yield clusters
    clusters.close()


@pytest.fixture
def cluster(_clusters: Clusters) -> Cluster:
    return _clusters.whole()


@pytest.fixture
def engine(cluster: Cluster) -> str:
    """For `--engine`."""
    address: str = cluster.client.scheduler.address
    return address.replace("tcp://", "dask://")


@pytest.fixture
def train_there(cluster: Cluster) -> Trainer:
    from scoring.cluster.dask_training import DaskTraining  # noqa: PLC0415 -- see above

    return DaskTraining(cluster)
