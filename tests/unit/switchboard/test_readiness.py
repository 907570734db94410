"""What /readyz says of a part that is in trouble."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry

from switchboard import readiness
from switchboard.health import Health, PartState

pytestmark = pytest.mark.unit


def storage_where(trouble: str | None, *, error: str | None = None) -> PartState:
    """`error` is what reading says, `trouble` what writing says."""
    parts: Any = SimpleNamespace(
        crm_probe=SimpleNamespace(error=error),
        recorder=SimpleNamespace(trouble=trouble, waiting=7, refused=0),
        database="sqlite",
        redis=None,
        outbox=CollectorRegistry(),
        bridge=SimpleNamespace(counters=dict),
    )
    health = Health()
    readiness.add_parts(health, cast(readiness.Parts, parts))
    return health._probes["storage"]()


def test_a_database_that_is_read_and_not_written_is_not_ready() -> None:
    assert storage_where(None) == PartState(True, "sqlite", needed=True)
    full = storage_where("the disk is full: make room")
    assert not full.ok
    assert full.detail == "the disk is full: make room; 7 events wait in memory"
    assert storage_where("x", error="no answer in 2 s").detail == "no answer in 2 s"
