"""Arms are sticky, change what they say they change, and a stopped one is the control arm."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given as supposing
from hypothesis import strategies as st

from calls.caller import Caller, Contact, ContactRef, Identity, IdentityOutcome
from calls.offers import Propensities
from config.experiments import Arm, Experiment
from config.opening_hours import Period
from config.rulebook import HoldEntry, Rulebook, SetOffers, ToProgramme
from ivr.experiments import drawn_arm
from ivr.known import Known
from ivr.rules import CallPlan, decide
from tests.fakes.written_rulebook import HERE, given, menu, offer, option, rule, rulebook
from tests.unit.ivr.test_facts import CALL, NOW, STRANGER
from tests.unit.ivr.test_rules import QUIET

pytestmark = pytest.mark.unit

PLAIN, OTHER = Arm("plain"), Arm("other", offers=False)
KNOWN = Known(
    control_share=0.0,
    propensities=Propensities(intents={("main", "c"): 0.9}, products={"WARRANTY": 0.3}),
)


def experiment(*arms: Arm, name: str = "trial", **more: Any) -> Experiment:
    return Experiment(name, arms or (PLAIN, OTHER), (arms or (PLAIN,))[0].name, HERE, **more)


def shop(*experiments: Experiment, **parts: Any) -> Rulebook:
    order = parts.pop("order", "by_propensity")
    music = (HoldEntry("music", music_s=20.0),)
    return rulebook(
        menu(option("a"), option("b"), option("c"), order=order, offer_slot=0),
        offers=[offer("warranty")],
        programmes={"default": music, "short": music, "apology": music},
        experiments={one.name: one for one in experiments},
        **parts,
    )


def plan(rules: Rulebook, caller: Caller = QUIET, **known: Any) -> CallPlan:
    return decide(rules, CALL, caller, NOW, replace(KNOWN, **known))


def contact(number: int) -> Caller:
    assert QUIET.contact is not None
    return replace(QUIET, contact=replace(QUIET.contact, ref=ContactRef("crm", str(number))))


def arms_of(rules: Rulebook, count: int = 1000, **known: Any) -> Counter[str | None]:
    return Counter(
        plan(rules, contact(number), **known).decision.arms.get("trial") for number in range(count)
    )


def test_shares_and_weights_are_kept() -> None:
    rules = shop(experiment(PLAIN, replace(OTHER, weight=3.0), share=0.5))
    found = arms_of(rules, 2_000)
    assert 900 < found[None] < 1100
    assert found["other"] / (found["plain"] + found["other"]) == pytest.approx(0.75, abs=0.04)


def test_pinned_so_that_nobody_changes_arms_by_a_new_release() -> None:
    group = [n for n in range(30) if drawn_arm(experiment(), f"crm:{n}").name == "other"]
    assert group == PINNED


PINNED = [0, 2, 3, 4, 8, 14, 15, 16, 17, 18, 19, 20, 25, 26, 27, 28, 29]


def test_a_greater_share_moves_nobody() -> None:
    small, large = shop(experiment(share=0.3)), shop(experiment(share=0.6))
    for number in range(300):
        before = plan(small, contact(number)).decision.arms
        after = plan(large, contact(number)).decision.arms
        assert before == {} or before == after


@supposing(st.floats(0, 1000), st.floats(0.001, 1000), st.text(min_size=1, max_size=30))
def test_every_caller_has_an_arm_with_a_weight(other: float, control: float, subject: str) -> None:
    arm = drawn_arm(experiment(Arm("none", 0.0), Arm("c", control), Arm("x", other)), subject)
    assert arm.weight > 0


def test_who_takes_part() -> None:
    rules = shop(experiment())
    number = Caller("+12025550199", Identity(IdentityOutcome.NONE, "e164", 0.0))
    assert plan(rules, number).decision.arms.keys() == {"trial"}
    withheld = Caller(None, Identity(IdentityOutcome.WITHHELD, "withheld", 1.0))
    internal = Caller("201", Identity(IdentityOutcome.INTERNAL, "internal", 1.0))
    for nobody in (withheld, internal):
        assert plan(rules, nobody).decision.arms == {}
    assert plan(rules, control_share=1.0).decision.arms == {}, "the control group hears it plain"
    assert plan(rules, takes_part=False).decision.arms == {}


@pytest.mark.parametrize(
    ("begins", "ends", "holds"), [(-1, 1, True), (1, 2, False), (-2, -1, False)]
)
def test_it_runs_in_its_time(begins: int, ends: int, holds: bool) -> None:
    period = Period("trial", NOW + timedelta(days=begins), NOW + timedelta(days=ends))
    assert bool(plan(shop(experiment(period=period))).decision.arms) is holds


def in_arm(arm: Arm, **parts: Any) -> CallPlan:
    return plan(shop(experiment(PLAIN, arm), **parts), arms={"trial": arm.name})


def test_what_an_arm_changes() -> None:
    assert in_arm(PLAIN).offer is not None
    silent = in_arm(OTHER).decision
    assert silent.offer is None
    assert silent.offers[0].reasons == (
        "the arm 'other' of the experiment 'trial' makes no offers",
    )
    fixed = in_arm(Arm("fixed", menu_order="fixed")).decision
    assert [o.intent for o in fixed.options if o.offer is None] == ["a", "b", "c", "agent"]
    assert fixed.options[1].reasons[0] == (
        "in the order written: the arm 'fixed' of the experiment 'trial'"
    )
    ordered = in_arm(Arm("likely", menu_order="by_propensity"), order="fixed").decision
    assert next(o.intent for o in ordered.options if o.offer is None) == "c"
    assert in_arm(Arm("short", programme="short")).decision.hold_programme == "short"
    assert in_arm(PLAIN).decision.hold_programme == "default"


def test_rules_go_before_arms() -> None:
    hold = rule("hold", ToProgramme("apology"), name="late")
    held = in_arm(Arm("short", programme="short"), rules=(hold,))
    assert held.decision.hold_programme == "apology"
    silent = in_arm(Arm("loud", offers=True), rules=(rule("offers", SetOffers(False)),))
    assert silent.offer is None


def test_a_condition_may_ask_for_the_arm() -> None:
    asked = given("experiment.trial", "eq", "other")
    rules = shop(experiment(), rules=(rule("hold", ToProgramme("short"), asked),))
    assert plan(rules, arms={"trial": "other"}).decision.hold_programme == "short"
    assert plan(rules, arms={"trial": "plain"}).decision.hold_programme == "default"
    assert plan(rules, takes_part=False).decision.hold_programme == "default"


def test_a_stopped_arm_is_the_control_arm_at_once() -> None:
    rules = shop(experiment())
    stopped = frozenset({("trial", "other"), ("gone", "arm")})
    assert arms_of(rules, 100, stopped_arms=stopped) == {"plain": 100}
    for number in range(100):
        assert plan(rules, contact(number), stopped_arms=stopped).offer is not None


def test_an_arm_that_left_the_rulebook_is_nobodys() -> None:
    before = shop(experiment(PLAIN, OTHER, Arm("third")))
    after = shop(experiment())
    assert arms_of(before, 100).keys() == {"plain", "other", "third"}
    assert arms_of(after, 100).keys() == {"plain", "other"}
    supposed = plan(after, arms={"trial": "third"}).decision
    assert supposed.arms == {}


def test_arms_are_kept_with_the_call() -> None:
    decision = plan(shop(experiment())).decision
    assert decision.as_json()["arms"] == dict(decision.arms)
    assert set(decision.arms) == {"trial"}


def test_a_stranger_is_known_by_the_number_and_then_by_the_contact() -> None:
    rules = shop(experiment())
    assert plan(rules, STRANGER).decision.arms == plan(rules, STRANGER).decision.arms
    assert isinstance(QUIET.contact, Contact)
