"""Pareto/NBD: the published numbers, and nothing that breaks at the edges."""

from __future__ import annotations

import gzip
from collections import defaultdict
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.models import btyd, btyd_alone
from scoring.models.btyd import Histories, ParetoNbd
from tests.real_data import DATA, WITHOUT_DATA

pytestmark = pytest.mark.unit

#: Fader and Hardie (2005), of the CDNOW sample, in weeks.
PUBLISHED = ParetoNbd(0.553, 10.578, 0.606, 11.669)


def cdnow_sample() -> Histories:
    path = DATA / "CDNOW_sample.txt.gz"
    if not path.exists():
        pytest.skip(f"{WITHOUT_DATA}: {path}")
    cut = date(1997, 9, 30)
    visits: defaultdict[str, set[date]] = defaultdict(set)
    for line in gzip.decompress(path.read_bytes()).decode().splitlines():
        _, customer, at, *_ = line.split()
        day = date(int(at[:4]), int(at[4:6]), int(at[6:]))
        if day <= cut:
            visits[customer].add(day)
    rows = [
        (len(days) - 1, (max(days) - min(days)).days / 7, (cut - min(days)).days / 7)
        for days in visits.values()
    ]
    return Histories.of(*zip(*rows, strict=True))


def test_the_fit_finds_the_published_parameters() -> None:
    seen = cdnow_sample()
    assert len(seen) == 2357
    found = btyd.fit(seen)
    assert (found.r, found.alpha) == pytest.approx((PUBLISHED.r, PUBLISHED.alpha), abs=0.005)
    assert (found.s, found.beta) == pytest.approx((PUBLISHED.s, PUBLISHED.beta), abs=0.01)
    assert found.log_likelihood == pytest.approx(-9595.0, abs=0.1)


def test_the_unit_of_time_is_no_matter() -> None:
    weeks = simulated(400)
    days = Histories.of(weeks.repeats, weeks.recency * 7, weeks.age * 7)
    by_week, by_day = btyd.fit(weeks), btyd.fit(days)
    assert by_day.expected(days, 70) == pytest.approx(by_week.expected(weeks, 10), rel=1e-3)


def simulated(customers: int, *, seed: int = 3) -> Histories:
    """Lived by the model's own story."""
    random = np.random.default_rng(seed)
    rates = random.gamma(0.8, 1 / 8.0, customers)
    lives = random.exponential(1 / random.gamma(0.7, 1 / 12.0, customers))
    rows = []
    for rate, life in zip(rates, lives, strict=True):
        times = np.cumsum(random.exponential(1 / rate, 400))
        bought = times[times < min(life, 52.0)]
        rows.append((len(bought), bought[-1] if len(bought) else 0.0, 52.0))
    return Histories.of(*zip(*rows, strict=True))


def test_expected_purchases_add_up_to_what_the_story_brings() -> None:
    seen = simulated(4_000)
    found = btyd.fit(seen)
    fresh = Histories.of(np.zeros(1), np.zeros(1), np.zeros(1))
    assert found.expected(fresh, 52.0)[0] == pytest.approx(seen.repeats.mean(), rel=0.05)
    assert found.alive(fresh)[0] == pytest.approx(1.0)
    share = (seen.repeats > 0).mean()
    assert found.buys(fresh, 52.0)[0] == pytest.approx(share, abs=0.02)


@given(
    x=st.integers(0, 10_000),
    share=st.floats(0, 1),
    age=st.floats(0, 10_000),
    horizon=st.floats(0.01, 5_000),
    parameters=st.tuples(*[st.floats(0.05, 50)] * 4),
)
@settings(max_examples=300, deadline=None)
def test_nothing_overflows(
    x: int, share: float, age: float, horizon: float, parameters: tuple[float, ...]
) -> None:
    seen = Histories.of([x], [share * age], [age])
    model = ParetoNbd(*parameters)
    alive, expected, buys = (
        model.alive(seen)[0],
        model.expected(seen, horizon)[0],
        model.buys(seen, horizon)[0],
    )
    assert 0 <= alive <= 1
    assert 0 <= buys <= 1
    assert np.isfinite(expected)
    # At least as many purchases as the chance of one.
    assert expected >= buys - 1e-6


def test_somebody_silent_for_long_is_less_alive_the_more_they_used_to_buy() -> None:
    seen = Histories.of([1, 5, 30], [10.0] * 3, [39.0] * 3)
    alive = PUBLISHED.alive(seen)
    assert alive[0] > alive[1] > alive[2]


def test_impossible_histories_are_put_right() -> None:
    seen = Histories.of([2, -1, np.nan, 3], [50.0, 4.0, 1.0, -7.0], [39.0, 39.0, np.inf, 39.0])
    assert (seen.recency <= seen.age).all()
    assert (seen.repeats >= 0).all()
    assert np.isfinite(PUBLISHED.expected(seen, 39.0)).all()


@pytest.mark.parametrize("ages", [[], [0.0], [0.0, 0.0]])
def test_nothing_to_fit_gives_a_vague_answer(ages: list[float]) -> None:
    seen = Histories.of([0] * len(ages), ages, ages)
    assert np.isfinite(btyd.fit(seen).expected(Histories.of([0], [0], [1.0]), 30)).all()


def test_one_history_alike_all_is_no_obstacle() -> None:
    same = Histories.of([1] * 50, [5.0] * 50, [10.0] * 50)
    assert np.isfinite(btyd.fit(same).expected(same, 10)).all()


def test_what_is_known_since_the_first_purchase_moves_the_rate() -> None:
    low, high = simulated(1_500, seed=5), simulated(1_500, seed=6)
    slow = Histories.of(low.repeats // 3, np.where(low.repeats >= 3, low.recency, 0), low.age)
    both = Histories.of(
        np.concatenate((slow.repeats, high.repeats)),
        np.concatenate((slow.recency, high.recency)),
        np.concatenate((slow.age, high.age)),
        np.repeat([0.0, 1.0], 1_500)[:, None],
    )
    assert btyd.fit(both).buying[0] > 0.1


@pytest.mark.parametrize("seed", range(40))
def test_one_customer_alone_is_expected_to_buy_as_among_others(seed: int) -> None:
    random = np.random.default_rng(seed)
    many = seed % 3
    traits = [tuple(random.normal(size=many).tolist()) for _ in range(3)]
    spread = tuple(np.exp(random.normal(size=many)).tolist())
    rates = np.exp(random.uniform(-4, 5, 4)).tolist()
    pareto = ParetoNbd(*rates, float("nan"), *traits, spread)
    gap = float("nan")
    for _ in range(20):
        repeats = float(random.choice([0, 1, 3, 50, 5_000, -1, 1e30, gap]))
        recency, age = (float(random.choice([-5, 0, 10, 400, 1e30, gap])) for _ in range(2))
        own = [float(random.choice([1, 5, 1e30, gap])) for _ in range(many)]
        with np.errstate(all="ignore"):
            seen = Histories.of([repeats], [recency], [age], np.array([own]))
            (wanted,) = pareto.expected(seen, 30.0)
            found = btyd_alone.expected(pareto, (repeats, recency, age), own, 30.0)
        assert found == pytest.approx(wanted, rel=1e-9, nan_ok=True)
