"""What /readyz says of a part that is in trouble."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry

from ami_bridge.ami_client import LinkState
from ami_bridge.bridge import AmiBridge
from crm_adapter.outbox_gauge import OutboxGauge
from switchboard import readiness
from switchboard.health import Health, LoopLag, PartState

pytestmark = pytest.mark.unit


def storage_where(trouble: str | None, *, error: str | None = None) -> PartState:
    """`error` is what reading says, `trouble` what writing says."""
    parts: Any = SimpleNamespace(
        crm_probe=SimpleNamespace(error=error),
        recorder=SimpleNamespace(trouble=trouble, waiting=7, refused=0),
        database="sqlite",
        redis=None,
        outbox=CollectorRegistry(),
        bridges=[],
    )
    health = Health()
    readiness.add_parts(health, cast(readiness.Parts, parts))
    return health._probes["storage"]()


def test_a_database_that_is_read_and_not_written_is_not_ready() -> None:
    assert storage_where(None) == PartState(True, "sqlite", needed=True)
    full = storage_where("the disk is full: make room")
    assert not full.ok
    assert full.detail == "the disk is full: make room; 7 events wait in memory"
    assert full.state == "failed"
    assert full.remedy.startswith("make room on its disk")
    assert storage_where("x", error="no answer in 2 s").detail == "no answer in 2 s"


def test_a_loop_that_is_late_is_said_with_what_to_do() -> None:
    lag = LoopLag()
    for _ in range(239):
        lag.noted(0.001)
    assert readiness._loop(lag).state == "ok"
    lag.noted(1.5)
    late = readiness._loop(lag)
    assert (late.state, lag.worst_s, lag.p99_s) == ("degraded", 1.5, 0.001)
    assert "SIGUSR1" in late.remedy


@pytest.mark.parametrize(
    ("dead", "oldest_s", "state"),
    [(0, 0.0, "ok"), (0, 899.0, "ok"), (0, 900.0, "degraded"), (1, 0.0, "degraded")],
)
def test_what_the_crm_has_not_got_for_long_is_said(dead: int, oldest_s: float, state: str) -> None:
    outbox = SimpleNamespace(dead=dead, oldest_s=oldest_s, sentence=lambda: "3 to deliver")
    part = readiness._outbox(cast(OutboxGauge, outbox))
    assert part.state == state
    assert bool(part.remedy) is (state == "degraded")


@pytest.mark.parametrize("link", list(LinkState))
def test_each_way_to_be_without_the_manager_has_its_remedy(link: LinkState) -> None:
    bridge = SimpleNamespace(is_connected=False, state=link, doubts=())
    part = readiness._ami(cast(AmiBridge, bridge))
    assert part.state == "degraded"
    assert part.remedy


@pytest.mark.parametrize("connected", [True, False])
def test_doubts_about_asterisk_are_told(connected: bool) -> None:
    told = ("it is old", "our user may command")
    bridge = SimpleNamespace(is_connected=connected, state=LinkState.CONNECTED, doubts=told)
    part = readiness._ami(cast(AmiBridge, bridge))
    assert part.detail.endswith("; it is old; our user may command")
