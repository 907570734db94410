"""When a silent server is frozen, and when we only did not listen."""

from __future__ import annotations

import pytest

from switchboard.watchdog.vigil import TICK_S, Vigil

pytestmark = pytest.mark.unit

READY = {"READY": "1", "WATCHDOG": "1"}


class Watch:
    def __init__(self) -> None:
        self.now_s = 50.0
        self.vigil = Vigil(frozen_after_s=4.0, start_silence_s=30.0, now=self.now_s)

    def silence(self, seconds: float, *, every_s: float = TICK_S) -> None:
        for _ in range(round(seconds / every_s)):
            self.now_s += every_s
            self.vigil.look(self.now_s)


def test_four_silent_seconds_are_frozen_and_two_are_not() -> None:
    watch = Watch()
    watch.vigil.heard(READY)
    watch.silence(2.0)
    assert not watch.vigil.is_frozen
    watch.vigil.heard({"WATCHDOG": "1"})
    watch.silence(3.75)
    assert not watch.vigil.is_frozen
    watch.silence(0.25)
    assert watch.vigil.is_frozen


def test_whoever_is_back_is_not_frozen() -> None:
    watch = Watch()
    watch.vigil.heard(READY)
    watch.silence(5.0)
    watch.vigil.heard({"WATCHDOG": "1", "X_LOOP_LAG_MS": "4600"})
    assert not watch.vigil.is_frozen
    assert watch.vigil.lag_s == 4.6


def test_a_start_may_be_silent_for_longer() -> None:
    watch = Watch()
    watch.silence(29.75)
    assert not watch.vigil.is_frozen
    watch.silence(0.25)
    assert watch.vigil.is_frozen


def test_a_machine_that_slept_for_an_hour_makes_nobody_frozen() -> None:
    watch = Watch()
    watch.vigil.heard(READY)
    watch.silence(3600, every_s=3600)
    assert not watch.vigil.is_frozen
    # Then the server has its whole time to be heard.
    watch.silence(3.25)
    assert not watch.vigil.is_frozen


@pytest.mark.parametrize("lag", ["", "-1", "soon", "9" * 30, "٣"])
def test_nonsense_is_no_lag(lag: str) -> None:
    watch = Watch()
    watch.vigil.heard({"X_LOOP_LAG_MS": lag})
    assert watch.vigil.lag_s == 0.0
