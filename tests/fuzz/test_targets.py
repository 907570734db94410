"""Every target for a moment: what it promises holds, and it is able to say that it does not."""

from __future__ import annotations

import itertools
import json
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz import mutation, run, table
from tests.fuzz.targets import NAMES, Target, target_named

pytestmark = pytest.mark.unit

#: Seconds of this thread for each target, and inputs at most.
_FOR_S, _INPUTS = 0.4, 4_000


@pytest.mark.parametrize("name", NAMES)
def test_what_it_promises_holds_for_a_moment(name: str) -> None:
    target = target_named(name)
    until = time.thread_time() + _FOR_S
    for data in itertools.islice(mutation.inputs(target, 20260302), _INPUTS):
        _hold(target, data)
        if time.thread_time() > until:
            break


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_it_promises_holds_for_what_hypothesis_thinks_of(
    name: str, data: st.DataObject
) -> None:
    target = target_named(name)
    seed = data.draw(st.sampled_from(target.seeds))
    at = data.draw(st.integers(0, len(seed)))
    wild = data.draw(st.binary(max_size=40) | st.sampled_from((*target.words, b"")))
    _hold(target, seed[:at] + wild + seed[at + data.draw(st.integers(0, 20)) :])


def _hold(target: Target, data: bytes) -> None:
    try:
        target.check(data)
    except Exception as error:
        error.add_note(f"the input: {data!r}")
        raise


def test_the_same_seed_makes_the_same_inputs() -> None:
    def some(seed: int) -> list[bytes]:
        target = Target(lambda data: None, (b"one two", b"three"), (b"x",), longest=9_000)
        return list(itertools.islice(mutation.inputs(target, seed), 10_000))

    assert some(1) == some(1) != some(2)
    assert mutation.LONGEST < max(len(data) for data in some(1)) <= 9_000


def test_a_broken_promise_a_slow_input_and_a_leak_are_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept: list[bytes] = []
    monkeypatch.setattr(run, "keep", lambda _name, data: kept.append(data))
    held: list[bytearray] = []

    def breaks(data: bytes) -> None:
        assert b"\xff" not in data

    def slow(data: bytes) -> None:
        until = time.thread_time() + (0.06 if data == b"seed" else 0)
        while time.thread_time() < until:
            pass

    def leaks(data: bytes) -> None:
        held.append(bytearray(200_000))

    for check, is_found in (
        (breaks, True),
        (slow, True),
        (leaks, True),
        (lambda data: None, False),
    ):
        monkeypatch.setattr(run, "target_named", lambda _name, c=check: Target(c, (b"seed",)))
        result = run.run("any", 400)
        assert result.is_good is not is_found, check
    assert len(kept) == 2
    assert b"seed" in kept


def test_a_pause_that_is_nobody_s_hides_no_slow_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """One input is slow whenever it comes, a later one in its first go only."""
    gone = 0
    paused = False

    def check(data: bytes) -> None:
        nonlocal gone, paused
        gone += 1
        pause = gone > 50 and data != b"seed" and not paused
        paused = paused or pause
        slow = data == b"seed" and gone <= 50
        until = time.thread_time() + (0.02 if slow else 0.06 if pause else 0)
        while time.thread_time() < until:
            pass

    monkeypatch.setattr(run, "target_named", lambda _name: Target(check, (b"seed",)))
    assert run.run("any", 200).slowest_ms >= 20
    assert paused


def test_the_page_shows_what_was_measured() -> None:
    page = table.PAGE.read_text(encoding="utf-8")
    assert table.written(page, json.loads(table.RESULTS.read_text())) == page


def test_what_was_measured_was_good() -> None:
    for name, measured in json.loads(table.RESULTS.read_text()).items():
        assert run.Result(target=name, **measured).is_good, name
