"""A harmless arm is stopped less often than is claimed, however often one looks; a harmful one is
found."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.policy import guardrails
from scoring.policy.guardrails import MOST_WAITING, Harm, Pairing, Seen, evidence_of_harm

pytestmark = pytest.mark.unit


def arrivals(
    random: np.random.Generator, count: int, *, arm: float, control: float, share: float = 0.5
) -> Iterator[Seen]:
    for _ in range(count):
        is_arm = bool(random.random() < share)
        yield Seen(is_arm, bool(random.random() < (arm if is_arm else control)))


def stopped(
    runs: int, callers: int, *, arm: float, control: float, alpha: float, share: float = 0.5
) -> float:
    """Share of experiments in which any look, one after each caller, would have stopped the arm."""
    random = np.random.default_rng(11)
    ended = [
        evidence_of_harm(
            arrivals(random, callers, arm=arm, control=control, share=share), alpha=alpha
        ).stops
        for _ in range(runs)
    ]
    return sum(ended) / runs


@pytest.mark.parametrize("rate", [0.02, 0.15, 0.5])
@pytest.mark.parametrize("share", [0.5, 0.2])
def test_a_harmless_arm_is_stopped_less_often_than_claimed(rate: float, share: float) -> None:
    # `evidence` is the most there ever was: one look after each of 1,500 callers.
    assert stopped(150, 1_500, arm=rate, control=rate, alpha=0.05, share=share) <= 0.05


def test_nor_where_rates_change_with_the_hour() -> None:
    random = np.random.default_rng(3)

    def one_day() -> Iterator[Seen]:
        for number in range(2_000):
            rate = 0.05 if (number // 250) % 2 else 0.4
            yield Seen(bool(random.random() < 0.2), bool(random.random() < rate))

    ended = sum(evidence_of_harm(one_day(), alpha=0.05).stops for _ in range(100))
    assert ended / 100 <= 0.05


def test_a_better_arm_goes_on() -> None:
    assert stopped(100, 1_000, arm=0.05, control=0.2, alpha=0.05) == 0


@pytest.mark.parametrize(
    ("control", "arm", "callers"), [(0.1, 0.2, 1_200), (0.3, 0.6, 250), (0.02, 0.08, 1_500)]
)
def test_real_harm_is_found(control: float, arm: float, callers: int) -> None:
    assert stopped(60, callers, arm=arm, control=control, alpha=0.05 / 3) > 0.8


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=40), st.floats(0.001, 0.5))
def test_any_order_of_callers_gives_a_number(seen: list[tuple[bool, bool]], alpha: float) -> None:
    evidence = evidence_of_harm((Seen(*one) for one in seen), alpha=alpha)
    assert 1 <= evidence.value < float("inf")
    assert evidence.pairs <= min(
        sum(is_arm for is_arm, _ in seen), sum(not is_arm for is_arm, _ in seen)
    )


@given(
    st.lists(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=25), max_size=6),
)
def test_evidence_is_the_same_in_parts(parts: list[list[tuple[bool, bool]]]) -> None:
    harm = Harm(alpha=0.05)
    for part in parts:
        harm.add(Seen(*one) for one in part)
    whole = evidence_of_harm((Seen(*one) for part in parts for one in part), alpha=0.05)
    assert harm.evidence == whole


def test_harm_that_begins_late_is_found_after_any_number_of_good_callers() -> None:
    random = np.random.default_rng(5)
    harm = Harm(alpha=0.05 / 3)
    for _ in range(50):
        harm.add(arrivals(random, 4_000, arm=0.1, control=0.1))
    assert not harm.evidence.stops
    for _ in range(10):
        harm.add(arrivals(random, 4_000, arm=0.3, control=0.1))
    assert harm.evidence.stops


def test_the_expected_factor_of_one_pair_is_at_most_1_without_harm() -> None:
    """By enumeration: what the docstring claims of any two true rates."""
    for past in itertools.product((False, True), repeat=4):
        before = [Seen(place % 2 == 0, bad) for place, bad in enumerate(past)]
        for control in (0.05, 0.3, 0.7):
            for arm in (0.01, 0.05, 0.3, 0.7):
                if arm > control:
                    continue
                base = _last(before)
                expected = 0.0
                for bad_arm, bad_control in itertools.product((False, True), repeat=2):
                    chance = (arm if bad_arm else 1 - arm) * (
                        control if bad_control else 1 - control
                    )
                    after = [*before, Seen(True, bad_arm), Seen(False, bad_control)]
                    expected += chance * _last(after) / base
                assert expected <= 1 + 1e-9


def _last(seen: list[Seen]) -> float:
    bad = np.array(Pairing().of(seen), dtype=np.float64)
    return float(np.exp(guardrails._log_evidence(guardrails._grown(bad))[-1]))


def test_pairs_are_of_callers_who_came_close_together() -> None:
    many = [Seen(True, number == 0) for number in range(MOST_WAITING + 10)]
    pairs = Pairing().of([*many, Seen(False, True)])
    assert pairs == [(False, True)], "the first one, who waited longest, was let go"


def test_nobody_and_all_of_one_arm_is_no_evidence() -> None:
    assert evidence_of_harm([], alpha=0.05).value == 1
    lonely = evidence_of_harm([Seen(True, True)] * 50, alpha=0.05)
    assert (lonely.value, lonely.pairs, lonely.limit) == (1, 0, 20)
