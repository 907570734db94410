"""Away, or one entry's own fault: told apart by what happens to the others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from crm_adapter.lane_health import LaneHealth

pytestmark = pytest.mark.unit

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


@pytest.fixture
def health() -> LaneHealth:
    """Waits 1, 2, 4… seconds."""
    return LaneHealth(delay_s=lambda times: 2.0 ** (times - 1))


def test_the_first_failure_is_followed_by_a_probe_at_once(health: LaneHealth) -> None:
    health.failed("bad", AT, was_probe=False)
    assert health.in_doubt
    assert health.may_send(AT)


def test_a_probe_that_gets_through_says_whose_fault_it_was(health: LaneHealth) -> None:
    for times in range(1, 4):
        health.failed("bad", AT, was_probe=False)
        sure = health.answered(AT)
        assert health.own_failures("bad") == times
        assert sure == (["bad"] if times == 3 else [])
        assert not health.in_doubt
    health.failed("bad", AT, was_probe=False)
    # It is known for it by now, and not even a probe is made of it.
    assert not health.in_doubt


def test_others_that_fail_are_waited_for_ever_longer(health: LaneHealth) -> None:
    health.failed("a", AT, was_probe=False)
    for number, waits_s in enumerate((1, 2, 4, 8)):
        health.failed(f"b{number}", AT, was_probe=True)
        assert not health.may_send(after(waits_s - 0.1))
        assert health.may_send(after(waits_s))


def test_those_under_way_count_as_one(health: LaneHealth) -> None:
    for number in range(8):
        health.failed(f"a{number}", AT, was_probe=False)
    assert health.may_send(AT)
    health.failed("b", AT, was_probe=True)
    assert health.may_send(after(1))


def test_one_entry_alone_slows_nobody_who_comes_later(health: LaneHealth) -> None:
    for _ in range(50):
        health.failed("bad", AT, was_probe=True)
    assert health.may_send(AT)


def test_a_known_one_says_nothing_when_all_fail_either(health: LaneHealth) -> None:
    health.failed("bad", AT, was_probe=False)
    health.answered(AT)
    health.failed("good", AT, was_probe=False)
    health.failed("bad", AT, was_probe=True)
    assert health.in_doubt
    assert health.may_send(AT)
    assert health.own_failures("bad") == 1


def test_who_asks_for_quiet_gets_it_whatever_is_under_way(health: LaneHealth) -> None:
    health.refused(AT, pause_s=90)
    assert health.answered(after(1)) == []
    assert not health.may_send(after(89))
    assert health.may_send(after(90))
    assert health.in_doubt
    health.answered(after(90))
    assert not health.in_doubt


def test_what_is_settled_is_forgotten(health: LaneHealth) -> None:
    health.failed("bad", AT, was_probe=False)
    health.answered(AT)
    health.settled("bad")
    assert health.own_failures("bad") == 0


def test_it_remembers_only_so_many(health: LaneHealth) -> None:
    for number in range(2_000):
        health.failed(f"bad{number}", AT, was_probe=False)
        health.answered(AT)
    assert health.own_failures("bad0") == 0
    assert health.own_failures("bad1999") == 1
