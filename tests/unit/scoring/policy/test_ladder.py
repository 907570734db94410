"""What is learned of offers, and which one is made of it."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.offer_choice import OfferCandidate, OfferChoice
from calls.segments import LifecycleStage, Segments, Tier
from scoring.policy.ladder import Ladder
from scoring.policy.posteriors import Heard, Posteriors

pytestmark = pytest.mark.unit

VIP = Segments(Tier.VIP, LifecycleStage.LOYAL, 5, 5, 5, 3, 30, 900.0)
ORDINARY = Segments(Tier.ORDINARY, LifecycleStage.LOYAL, 5, 5, 5, 3, 30, 900.0)
COUNTS = [
    ("vip", "tea", Heard(400, 80)),
    ("vip", "ham", Heard(400, 4)),
    ("ordinary", "tea", Heard(400, 4)),
    ("ordinary", "ham", Heard(400, 40)),
]
TEA, HAM = OfferCandidate("tea"), OfferCandidate("ham")


def chosen(ladder: Ladder, *candidates: OfferCandidate, draw: float = 0.5, **more: object) -> str:
    segments = more.pop("segments", VIP)
    assert segments is None or isinstance(segments, Segments)
    policy = more.pop("policy", None)
    choice = ladder.choose(candidates, segments=segments, draw=draw, policy=policy)  # type: ignore[arg-type]
    assert choice.chosen is not None
    return choice.chosen


def test_with_no_data_at_all_it_is_as_ever() -> None:
    likely, dear = OfferCandidate("tea", 1, 0.03), OfferCandidate("ham", 20, None)
    for policy in ("thompson", "best_single", "personal"):
        choice = Ladder(Posteriors(), policy=policy).choose([likely, dear], segments=VIP, draw=0.1)
        assert choice == OfferChoice(
            "static", "ham", {"tea": 0.0, "ham": 1.0}, {"tea": 0.03, "ham": 0.04}
        )
    assert Ladder(Posteriors()).choose([], segments=None, draw=0.0).chosen is None


def test_each_segment_hears_what_it_likes() -> None:
    ladder = Ladder(Posteriors(COUNTS))
    assert chosen(ladder, TEA, HAM, segments=VIP) == "tea"
    assert chosen(ladder, TEA, HAM, segments=ORDINARY) == "ham"
    choice = ladder.choose([TEA, HAM], segments=VIP, draw=0.5)
    assert choice.policy == "thompson"
    assert choice.probabilities == {"tea": pytest.approx(0.975), "ham": pytest.approx(0.025)}
    assert choice.because == (
        "drawn at a chance of 98 in 100: 80 of 400 callers of the segment vip who heard it "
        "accepted it",
    )


def test_the_value_counts_as_much_as_the_rate() -> None:
    ladder = Ladder(Posteriors(COUNTS))
    assert chosen(ladder, TEA, OfferCandidate("ham", 1_000.0), segments=VIP) == "ham"
    assert chosen(ladder, TEA, OfferCandidate("ham", 100.0), policy="best_single") == "ham"


def test_best_single_is_the_same_for_everybody_and_sure() -> None:
    ladder = Ladder(Posteriors(COUNTS), policy="best_single")
    for segments in (VIP, ORDINARY, None):
        choice = ladder.choose([TEA, HAM], segments=segments, draw=0.9)
        assert (choice.chosen, choice.probabilities) == ("tea", {"tea": 1.0, "ham": 0.0})
        assert choice.because == ("the best single offer: 84 of 800 who heard it accepted it",)


def test_personal_goes_by_the_model_and_explores_a_logged_share() -> None:
    ladder = Ladder(Posteriors(COUNTS), policy="personal", explore=0.1)
    ham = OfferCandidate("ham", 1.0, 0.4)
    greedy = ladder.choose([TEA, ham], segments=VIP, draw=0.5)
    assert (greedy.chosen, greedy.policy) == ("ham", "personal")
    assert greedy.probabilities == {"tea": pytest.approx(0.05), "ham": pytest.approx(0.95)}
    explored = [ladder.choose([TEA, ham], segments=VIP, draw=step / 1_000) for step in range(100)]
    assert all(each.probabilities == greedy.probabilities for each in explored)
    assert 30 < sum(each.chosen == "tea" for each in explored) < 70
    tea = next(each for each in explored if each.chosen == "tea")
    assert tea.because == (
        "drawn at a chance of 5 in 100: in 10 of 100 calls every offer is tried alike",
    )


def test_a_new_offer_is_tried_and_a_bad_one_dies_out() -> None:
    counts = [("vip", "tea", Heard(500, 25)), ("vip", "ham", Heard(500, 0))]
    found = Ladder(Posteriors(counts)).choose(
        [TEA, HAM, OfferCandidate("new")], segments=VIP, draw=0.0
    )
    assert 0.05 < found.probabilities["new"] < 0.6
    assert found.probabilities["ham"] == pytest.approx(0.05 / 3), "as much as it is tried"


def test_the_same_counts_draw_the_same_on_every_node() -> None:
    candidates = [OfferCandidate(name) for name in "abc"]
    counts = [("vip", name, Heard(30, 3)) for name in "abc"]
    one, other = Ladder(Posteriors(counts)), Ladder(Posteriors(reversed(counts)))
    for draw in (0.0, 0.3, 0.99999):
        assert one.choose(candidates, segments=VIP, draw=draw) == other.choose(
            candidates, segments=VIP, draw=draw
        )


names = st.lists(st.text("abcdefgh", min_size=1, max_size=3), min_size=2, max_size=8, unique=True)
chances = st.floats(0, 1, exclude_max=True)


@given(names, chances, st.sampled_from(["thompson", "best_single", "personal"]), st.data())
def test_what_falls_away_unchosen_changes_nothing(
    offers: list[str], draw: float, policy: str, data: st.DataObject
) -> None:
    ladder = Ladder(Posteriors([("vip", offers[0], Heard(40, 4))]), policy=policy, explore=0.3)
    candidates = [OfferCandidate(name) for name in offers]
    choice = ladder.choose(candidates, segments=VIP, draw=draw)
    assert math.isclose(sum(choice.probabilities.values()), 1, abs_tol=1e-9)
    assert choice.chosen is not None
    if policy != "best_single":
        tried = {"thompson": 0.05, "personal": 0.3}[policy]
        assert min(choice.probabilities.values()) >= tried / len(offers) - 1e-12
    assert 0 < choice.probabilities[choice.chosen] <= 1
    gone = data.draw(st.sampled_from([name for name in offers if name != choice.chosen]))
    left = [one for one in candidates if one.offer != gone]
    assert ladder.choose(left, segments=VIP, draw=draw).chosen == choice.chosen


@given(
    st.lists(st.tuples(st.floats(), st.floats()), min_size=1, max_size=5),
    st.floats() | st.none(),
    chances,
)
def test_counts_that_cannot_be_break_nothing(
    counts: list[tuple[float, float]], propensity: float | None, draw: float
) -> None:
    heard = [("vip", f"o{place}", Heard.of(*one)) for place, one in enumerate(counts)]
    for _, _, each in heard:
        assert 0 <= each.accepted <= each.heard < math.inf
    for policy in ("thompson", "best_single", "personal"):
        choice = Ladder(Posteriors(heard), policy=policy).choose(
            [OfferCandidate("o0", 1.0, propensity), OfferCandidate("x")], segments=VIP, draw=draw
        )
        assert choice.chosen in {"o0", "x"}
        assert math.isclose(sum(choice.probabilities.values()), 1)


def test_more_accepted_than_heard_and_unknown_segments() -> None:
    assert Heard.of(3, 9) == Heard(9, 9)
    assert Heard.of(float("nan"), -1) == Heard(0, 0)
    nobody = Ladder(Posteriors(COUNTS), segment_by="lifecycle")
    assert chosen(nobody, TEA, HAM, segments=None) in {"tea", "ham"}
    assert chosen(nobody, TEA, HAM, segments=VIP, policy="nonsense") in {"tea", "ham"}


def test_a_choice_among_twenty_is_cheap() -> None:
    """Half a millisecond is what all of scoring has; this is for a machine that is busy. The very
    figures are in `benchmarks`."""
    offers = [f"offer{number}" for number in range(20)]
    ladder = Ladder(Posteriors([("vip", name, Heard(90, 9)) for name in offers]))
    ladder.posteriors.prepare(("vip",), ())
    candidates = [OfferCandidate(name, 1.0 + number) for number, name in enumerate(offers)]
    ladder.choose(candidates, segments=VIP, draw=0.1)
    taken = []
    for number in range(200):
        begun = time.perf_counter()
        ladder.choose(candidates, segments=VIP, draw=number / 200)
        taken.append(time.perf_counter() - begun)
    assert sorted(taken)[100] < 0.5e-3
