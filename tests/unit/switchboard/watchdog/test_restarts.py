"""Started again at once, then ever later, then no more."""

from __future__ import annotations

import pytest

from switchboard.watchdog.restarts import Restarts

pytestmark = pytest.mark.unit


def test_five_ends_within_a_minute_are_too_many() -> None:
    restarts = Restarts(limit=5, within_s=60)
    assert [restarts.ended(at) for at in (0, 3, 6, 10, 59)] == [0.0, 0.5, 1.0, 2.0, None]


def test_ends_that_are_a_minute_old_are_forgotten() -> None:
    restarts = Restarts(limit=5, within_s=60)
    assert [restarts.ended(at) for at in (0, 20, 40, 60, 80, 100)] == [0.0, 0.5, 1.0, 1.0, 1.0, 1.0]
    assert restarts.ended(1_000) == 0.0


def test_one_end_may_be_too_many() -> None:
    assert Restarts(limit=1, within_s=60).ended(0) is None
