"""Streams whose level is known: constant ones raise no alarm, changed ones do, and soon."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from calls.errors import Misconfigured
from scoring.drift.findings import Finding, Level
from scoring.drift.outcome_watch import last_change, watched

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def times(count: int, *, days: float = 60) -> list[datetime]:
    step = timedelta(days=days) / max(count, 1)
    return [NOW - (count - n) * step for n in range(count)]


def seen(values: list[float], *, days: float = 60) -> Finding:
    return watched(
        values,
        times(len(values), days=days),
        now=NOW,
        model="offers",
        measure="outcome_rate",
        what="the share of offers accepted",
    )


def coins(random: np.random.Generator, *parts: tuple[int, float]) -> list[float]:
    return [float(x) for size, p in parts for x in random.random(size) < p]


def test_no_alarm_where_nothing_changed() -> None:
    random = np.random.default_rng(11)
    cried = sum(
        seen(coins(random, (2_000, rate))).level is Level.RETRAIN
        for rate in (0.05, 0.2, 0.5)
        for _ in range(40)
    )
    assert cried <= 2


def test_alarm_on_a_change_and_when_it_was() -> None:
    random = np.random.default_rng(12)
    found = [seen(coins(random, (1_500, 0.25), (500, 0.08))) for _ in range(30)]
    assert sum(each.level is Level.RETRAIN for each in found) >= 29
    assert found[0].reference == pytest.approx(0.25, abs=0.05)
    assert found[0].value == pytest.approx(0.08, abs=0.05)
    assert found[0].said.startswith("the share of offers accepted went from ")
    assert found[0].said.endswith(": retrain")
    change = last_change(coins(random, (1_500, 0.25), (500, 0.08)), times(2_000))
    assert change is not None
    assert change.row == pytest.approx(1_500, abs=60)
    assert change.noticed > change.since


def test_a_model_trained_since_has_learned_it() -> None:
    values = coins(np.random.default_rng(12), (1_500, 0.25), (500, 0.08))
    change = last_change(values, times(2_000))
    assert change is not None
    for trained_at, level in (
        (change.noticed, Level.STEADY),
        (change.since, Level.RETRAIN),
    ):
        found = watched(
            values,
            times(2_000),
            now=NOW,
            trained_at=trained_at,
            model="offers",
            measure="outcome_rate",
            what="the share of offers accepted",
        )
        assert found.level is level


def test_a_change_of_long_ago_is_history() -> None:
    values = coins(np.random.default_rng(13), (1_000, 0.5), (1_000, 0.1))
    assert seen(values, days=400).level is Level.STEADY


def test_too_few_say_nothing() -> None:
    assert seen([]).level is Level.UNKNOWN
    assert seen([1.0] * 50 + [0.0] * 49).level is Level.UNKNOWN


def test_without_river_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "river", None)
    with pytest.raises(Misconfigured, match=r"switchboard-pbx\[train\]"):
        last_change([0.0], times(1))
