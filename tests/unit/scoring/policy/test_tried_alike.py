"""Every offer that a caller may hear has a chance, and the chance that is kept is the true one."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy.special import chdtrc

from calls.offer_choice import OfferCandidate, OfferChoice
from calls.segments import LifecycleStage, Segments, Tier
from scoring.models.off_policy import Logged, snips
from scoring.policy.ladder import Ladder
from scoring.policy.logged_table import LEAST_CHANCE
from scoring.policy.posteriors import Heard, Posteriors

pytestmark = pytest.mark.unit

VIP = Segments(Tier.VIP, LifecycleStage.LOYAL, 5, 5, 5, 3, 30, 900.0)
#: How often each is accepted, and so much was heard of each that nobody doubts it.
RATES = {"tea": 0.5, "ham": 0.46, "jam": 0.45, "rye": 0.1, "fig": 0.05}
COUNTS = [("vip", name, Heard(800, 800 * rate)) for name, rate in RATES.items()]
CANDIDATES = [OfferCandidate(name, 1.0, rate) for name, rate in RATES.items()]
ROUNDS = 20_000


def played(policy: str, explore: float) -> list[OfferChoice]:
    ladder = Ladder(Posteriors(COUNTS), policy=policy, explore=explore)
    draws = np.random.default_rng(11).random(ROUNDS).tolist()
    return [ladder.choose(CANDIDATES, segments=VIP, draw=draw) for draw in draws]


@pytest.mark.parametrize(
    ("policy", "explore", "tried"),
    [
        ("thompson", 0.5, 0.05),
        ("thompson", 0.1, 0.05),
        ("thompson", 0.02, 0.02),
        ("personal", 0.1, 0.1),
        ("personal", 0.5, 0.5),
    ],
)
def test_the_chance_that_is_kept_is_the_one_that_is_played(
    policy: str, explore: float, tried: float
) -> None:
    choices = played(policy, explore)
    chances = choices[0].probabilities
    assert all(each.probabilities == chances for each in choices)
    assert sum(chances.values()) == pytest.approx(1, abs=1e-12)
    assert min(chances.values()) == pytest.approx(tried / len(RATES)), "of what is surely bad"
    if policy == "personal":
        assert chances["tea"] == pytest.approx(1 - tried + tried / len(RATES)), "explored once only"
    counts = Counter(each.chosen for each in choices)
    expected = {name: ROUNDS * chance for name, chance in chances.items()}
    chi_square = sum((counts[name] - many) ** 2 / many for name, many in expected.items())
    assert chdtrc(len(RATES) - 1, chi_square) > 0.001


def test_what_the_policy_hardly_ever_makes_can_be_judged_by_its_calls() -> None:
    choices = played("personal", 0.1)
    names = list(RATES)
    arms = np.array([names.index(each.chosen or "") for each in choices])
    chances = np.array([each.probabilities[each.chosen or ""] for each in choices])
    random = np.random.default_rng(12)
    outcomes = (random.random(ROUNDS) < np.array(list(RATES.values()))[arms]).astype(float)
    logged = Logged(arms, chances, outcomes, np.zeros((ROUNDS, len(names))), LEAST_CHANCE)
    for place, rate in enumerate(RATES.values()):
        value = snips(logged, np.full(ROUNDS, place), np.ones(ROUNDS))
        spread = (rate * (1 - rate) / (ROUNDS * chances[arms == place][0])) ** 0.5
        assert value == pytest.approx(rate, abs=3 * spread)


def test_one_alone_is_certain_and_twenty_five_are_not_cut_off() -> None:
    for policy in ("thompson", "personal"):
        ladder = Ladder(Posteriors(COUNTS), policy=policy)
        for draw in (0.0, 0.01, 0.5):
            alone = ladder.choose(CANDIDATES[:1], segments=VIP, draw=draw)
            assert (alone.chosen, alone.probabilities) == ("tea", {"tea": 1.0})
        many = [*CANDIDATES, *(OfferCandidate(f"o{number}", 1e-6) for number in range(20))]
        chances = ladder.choose(many, segments=VIP, draw=0.5).probabilities
        assert min(chances.values()) >= LEAST_CHANCE
