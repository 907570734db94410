"""Personal offers are used only where calls have shown that they earn more."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.policy.gate import LEAST_CALLS, judge
from scoring.policy.logged_table import LoggedChoice
from scoring.policy.looks import DEPLOY, FALL_BACK, Look

pytestmark = pytest.mark.unit

OFFERS = ("ham", "jam", "tea")


def calls(
    count: int,
    *,
    rate: Callable[[str, str], float],
    propensity: Callable[[str, str], float],
    chances: tuple[float, ...] = (0.2, 0.3, 0.5),
    seed: int = 5,
) -> list[LoggedChoice]:
    """Callers like one offer; `rate` and `propensity` are of what they like and an offer."""
    random = np.random.default_rng(seed)
    made = []
    for number in range(count):
        likes = OFFERS[int(random.integers(3))]
        chosen = OFFERS[int(random.choice(3, p=chances))]
        candidates = {
            name: (propensity(likes, name), chance)
            for name, chance in zip(OFFERS, chances, strict=True)
        }
        accepted = bool(random.random() < rate(likes, chosen))
        made.append(LoggedChoice(f"c{number // 2}", candidates, chosen, accepted))
    return made


def tasteful(likes: str, offer: str) -> float:
    return 0.4 if likes == offer else 0.05


def same(_likes: str, offer: str) -> float:
    return {"ham": 0.3, "jam": 0.1, "tea": 0.05}[offer]


def test_personal_is_deployed_where_taste_differs_and_the_model_knows_it() -> None:
    found = judge(calls(4_000, rate=tasteful, propensity=tasteful), {})
    assert found.decision == DEPLOY
    assert found.because.startswith("personal earns more than the best single offer: SNIPS +0.2")
    for name in ("SNIPS", "DR"):
        gain = found.figures[name]["gain"]
        assert gain["low"] < 0.4 - 0.5 / 3 < gain["high"], "the truth lies in the interval"
        assert found.figures[name]["personal"]["value"] == pytest.approx(0.4, abs=0.05)
    json.dumps(found.figures)


def test_a_model_that_knows_nothing_does_not_pass() -> None:
    random = np.random.default_rng(2)
    found = judge(calls(4_000, rate=same, propensity=lambda _l, _o: float(random.random())), {})
    assert found.decision == FALL_BACK
    assert found.because.startswith("not shown that personal earns more")
    assert found.figures["best_single"] == "ham"


def test_equal_is_not_better() -> None:
    """The model says what everybody likes: it chooses the single offer, too."""
    found = judge(calls(4_000, rate=same, propensity=same), {})
    assert (found.decision, found.figures["differs"]) == (FALL_BACK, 0.0)
    assert found.because.endswith("only 0 callers heard each: nothing is claimed below 20")
    assert found.figures["look"] is None, "where nothing can be found no look is spent"


def test_values_weigh() -> None:
    found = judge(calls(3_000, rate=same, propensity=same), {"tea": 50.0})
    assert found.figures["best_single"] == "tea"


def test_the_interval_is_as_wide_as_the_look_demands() -> None:
    made = calls(1_500, rate=tasteful, propensity=tasteful)
    widths = []
    for number in (1, 2, 60):
        figures = judge(made, {}, Look(number)).figures
        assert figures["look"] == number
        assert figures["alpha"] == pytest.approx(0.05 * 6 / math.pi**2 / number**2)
        gain = figures["DR"]["gain"]
        widths.append((gain["high"] - gain["low"]) / 2)
    assert widths[0] / widths[1] == pytest.approx(2.17 / 2.68, abs=0.02), "normal quantiles"
    assert widths[2] / widths[1] == pytest.approx(4.45 / 2.68, abs=0.1)


def test_once_in_use_it_stays_until_it_is_worse() -> None:
    used = Look(3, may_deploy=False, in_use=True)
    random = np.random.default_rng(2)
    alike = calls(4_000, rate=lambda _l, _o: 0.2, propensity=lambda _l, _o: float(random.random()))
    for made in (alike, alike[:LEAST_CALLS], alike[:10]):
        assert judge(made, {}).decision == FALL_BACK
        found = judge(made, {}, used)
        assert found.decision == DEPLOY
        assert found.because.startswith("personal stays in use")
        assert found.figures["look"] == 3
    wrong = calls(4_000, rate=tasteful, propensity=lambda likes, offer: -tasteful(likes, offer))
    found = judge(wrong, {}, used)
    assert (found.decision, found.figures["look"]) == (FALL_BACK, 3)
    assert found.because.startswith("personal earns less than the best single offer: SNIPS -0.")


def test_a_second_run_of_a_day_cannot_deploy() -> None:
    found = judge(calls(4_000, rate=tasteful, propensity=tasteful), {}, Look(2, may_deploy=False))
    assert found.decision == FALL_BACK
    assert found.because.startswith("today's look did not show")
    assert found.figures["DR"]["gain"]["low"] > 0


def test_few_calls_prove_nothing() -> None:
    few = judge(calls(LEAST_CALLS - 1, rate=tasteful, propensity=tasteful), {})
    assert few.decision == FALL_BACK
    assert few.because.startswith(f"{LEAST_CALLS - 1} calls whose offer was drawn by chance")
    assert judge([], {}).figures["calls"] == 0


def test_what_was_never_tried_cannot_be_judged() -> None:
    found = judge(calls(3_000, rate=tasteful, propensity=tasteful, chances=(0.0, 0.0, 1.0)), {})
    assert found.decision == FALL_BACK
    assert "cannot be judged" in found.because


def test_what_cannot_be_is_left_out() -> None:
    good = calls(600, rate=tasteful, propensity=tasteful)
    bad = [
        LoggedChoice("c", {"tea": (0.1, 1.0)}, "tea", accepted=True),
        LoggedChoice("c", {"tea": (0.1, 0.5), "ham": (0.1, 0.5)}, "gone", accepted=True),
        LoggedChoice("c", {"tea": (0.1, 0.0), "ham": (0.1, 1.0)}, "tea", accepted=True),
        LoggedChoice("c", {"tea": (0.1, math.nan), "ham": (0.1, 1.0)}, "ham", accepted=True),
        LoggedChoice("c", {"tea": (0.1, 7.0), "ham": (0.1, 0.5)}, "ham", accepted=True),
    ]
    assert judge([*good, *bad], {}).figures["calls"] == 600


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.floats(allow_nan=True))
def test_any_propensity_gives_a_decision(seed: int, odd: float) -> None:
    made = calls(600, rate=tasteful, propensity=lambda _l, o: odd if o == "tea" else 0.1, seed=seed)
    found = judge(made, {})
    assert found.decision in {DEPLOY, FALL_BACK}
    json.dumps(found.figures, allow_nan=False)
