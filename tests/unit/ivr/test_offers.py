"""Which product is proposed, and why every other one is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from calls.call import CallId
from calls.caller import Caller, Identity, IdentityOutcome
from calls.decision import OfferConsidered, OfferStanding
from calls.offer_choice import OfferCandidate, OfferChoice
from calls.offers import (
    MEMORY_MISSED,
    CallerMemory,
    OfferAnswer,
    OfferHistory,
    OfferMetBefore,
    OfferPlace,
    Propensities,
)
from calls.segments import Segments
from config.rulebook import Offer, SetOffers
from ivr.known import Known
from ivr.rules import CallPlan, decide
from tests.fakes.written_rulebook import given, offer, rule, rulebook, text
from tests.unit.ivr.test_facts import CALL, MARIA, NOW, STRANGER
from tests.unit.ivr.test_rules import ALL_PERSONAL, QUIET

pytestmark = pytest.mark.unit

PROPENSITIES = Propensities(products={"A": 0.3, "B": 0.2}, reasons={"A": ("bought with KETTLE",)})
LIKELY = replace(ALL_PERSONAL, propensities=PROPENSITIES)


def plan_of(
    *offers: Offer, caller: Caller = QUIET, known: Known = ALL_PERSONAL, **parts: Any
) -> CallPlan:
    return decide(rulebook(offers=offers, **parts), CALL, caller, NOW, known)


def one(*offers: Offer, **more: Any) -> OfferConsidered:
    return plan_of(*offers, **more).decision.offers[0]


def test_the_best_by_propensity_times_value() -> None:
    a, b = offer("a"), offer("b", agent=text("Say {{ caller.first_name }}"))
    plan = plan_of(a, b, known=LIKELY)
    assert plan.offer == a
    assert plan.decision.offers == (
        OfferConsidered(
            "a",
            True,
            ("worth most: propensity of 0.3 times value 1", "bought with KETTLE"),
            0.3,
            probability=1.0,
            score=0.3,
            reasons_zh=("价值最高：接受倾向0.3，乘以价值1",),
            standing=OfferStanding((), left=2, most=2, days=30),
        ),
        OfferConsidered("b", False, ("worth 0.2, less than a",), 0.2, probability=0.0, score=0.2),
    )
    assert plan.decision.policy == "static"
    dear = plan_of(a, replace(b, value=2.0), known=LIKELY).decision.offer
    assert dear is not None
    assert (dear.offer, dear.agent) == ("b", "Say Maria")


def test_an_unknown_propensity_is_small_but_not_nothing() -> None:
    known, unknown = offer("a"), offer("c")
    assert plan_of(unknown, known, known=LIKELY).offer == known
    alone = one(unknown)
    assert (alone.chosen, alone.propensity) == (True, None)
    assert alone.reasons == ("worth most: propensity unknown, taken as 0.002 times value 1",)


def test_a_propensity_is_said_in_two_digits_and_compared_in_full() -> None:
    product = offer("b").product
    known = replace(LIKELY, propensities=Propensities(products={product: 0.123456}))
    asked = one(offer("b", when=given("propensity", "gt", 0.1234)), known=known)
    assert asked.reasons == (
        "propensity is 0.12, above 0.1234",
        "worth most: propensity of 0.12 times value 1",
    )
    dear = plan_of(offer("b", value=9000), offer("a", value=10**6), known=known).decision
    assert dear.offers[0].reasons == ("worth 1100, less than a",)


def test_a_condition_may_ask_for_the_propensity() -> None:
    likely = given("propensity", "gte", 0.25)
    asked = one(offer("b", when=likely), known=LIKELY)
    assert asked.reasons == ("not meant for this caller: propensity is 0.2, not at least 0.25",)
    assert one(offer("a", when=likely), known=LIKELY).chosen
    assert not one(offer("c", when=likely), known=LIKELY).chosen, "the prior meets no condition"
    decision = plan_of(offer("a", when=likely), known=LIKELY).decision
    assert "propensity" not in decision.facts


def test_the_one_that_is_made_says_what_earlier_calls_heard_of_it() -> None:
    before = (
        OfferMetBefore(OfferPlace.MENU, OfferAnswer.HEARD, 3.0),
        OfferMetBefore(OfferPlace.HOLD, OfferAnswer.HEARD, 31.0),
    )
    history = OfferHistory(heard_days_ago=(3.0, 31.0), met=before)
    known = replace(ALL_PERSONAL, memory=CallerMemory(offers={"a": history}))
    # The cap is two in 30 days, and one of the two is over.
    assert one(offer("a"), known=known).standing == OfferStanding(before, left=1, most=2, days=30)
    assert one(offer("a"), known=replace(known, memory=MEMORY_MISSED)).standing is None


HEARD = CallerMemory(offers={"a": OfferHistory(heard_days_ago=(1, 2))})
REFUSED = CallerMemory(offers={"a": OfferHistory(refused_days_ago=20)})


@pytest.mark.parametrize(
    ("caller", "known", "parts", "why"),
    [
        (STRANGER, ALL_PERSONAL, {}, "the caller is not known"),
        (
            replace(QUIET, identity=Identity(IdentityOutcome.UNIQUE, "national", 0.5)),
            ALL_PERSONAL,
            {},
            "it is not sure enough who calls",
        ),
        (
            MARIA,
            ALL_PERSONAL,
            {},
            "caller.open_complaints is 1: nothing is offered meanwhile",
        ),
        (QUIET, Known(control_share=1.0), {}, "the caller is in the control group"),
        (
            QUIET,
            ALL_PERSONAL,
            {"rules": (rule("offers", SetOffers(False), name="mourning"),)},
            "the rule 'mourning' allows no offers",
        ),
        (
            QUIET,
            replace(ALL_PERSONAL, memory=HEARD),
            {},
            "heard 2 times in 30 days, the cap is 2",
        ),
        (
            QUIET,
            replace(ALL_PERSONAL, memory=REFUSED),
            {},
            "refused 20 days ago, silent for 90",
        ),
        (QUIET, ALL_PERSONAL.without_offer("a", "claimed by another call"), {}, None),
    ],
)
def test_who_hears_no_offer(
    caller: Caller, known: Known, parts: dict[str, Any], why: str | None
) -> None:
    considered = one(offer("a"), caller=caller, known=known, **parts)
    assert not considered.chosen
    assert considered.reasons == (why or "claimed by another call",)


def test_reasons_of_the_offer_itself() -> None:
    kettle = one(offer("a", product="KETTLE"))
    assert kettle.reasons == ("the caller has KETTLE already",)
    unmet = one(offer("a", when=given("promotion.sale", "eq", True)))
    assert unmet.reasons == ("not meant for this caller: promotion.sale is not known, not true",)
    never = one(offer("a", never=given("caller.open_orders", "gt", 0)))
    assert never.reasons == ("never where caller.open_orders is 1, above 0",)
    mute = one(offer("a", menu=text("For {{ caller.next_appointment.subject }}")), caller=NO_DATE)
    assert mute.reasons == ("nothing of it can be said to this caller",)


assert QUIET.contact is not None
NO_DATE = replace(QUIET, contact=replace(QUIET.contact, appointments=()))


def test_a_refusal_of_the_ledger_makes_room_for_the_next() -> None:
    offers = (offer("a"), offer("b"))
    known = LIKELY
    chosen = []
    while (plan := plan_of(*offers, known=known)).offer is not None:
        chosen.append(plan.offer.name)
        known = known.without_offer(plan.offer.name, "gone")
    assert chosen == ["a", "b"]


class Tossed:
    """A policy that gives every candidate the same chance."""

    def choose(
        self,
        candidates: Sequence[OfferCandidate],
        *,
        segments: Segments | None,
        draw: float,
        policy: str | None = None,
    ) -> OfferChoice:
        names = [one.offer for one in candidates]
        chosen = names[int(draw * len(names))]
        return OfferChoice(
            "tossed",
            chosen,
            dict.fromkeys(names, 1 / len(names)),
            dict.fromkeys(names, 1.0),
            ("it was tossed",),
        )


def test_the_policy_chooses_and_every_candidate_has_its_chance() -> None:
    known = replace(LIKELY, policy=Tossed())
    never = offer("n", never=given("caller.known", "eq", True))
    mute = offer("m", menu=text("For {{ caller.next_appointment.subject }}"))
    offers = (offer("a"), offer("b"), never, mute)
    plan = plan_of(*offers, known=known, caller=NO_DATE)
    found = {one.offer: one for one in plan.decision.offers}
    assert plan.decision.policy == "tossed"
    assert [found[name].probability for name in "abnm"] == [0.5, 0.5, None, None]
    assert found["m"].reasons == ("nothing of it can be said to this caller",)
    chosen = plan.decision.offer
    assert chosen is not None
    assert chosen.reasons[0] == "it was tossed"
    other = found["b" if chosen.offer == "a" else "a"]
    assert other.reasons == ("worth 1; not drawn this time, at a chance of 50 in 100",)
    again = plan_of(*offers, known=known, caller=NO_DATE)
    assert again.decision == plan.decision, "the same call is decided the same way again"
    shown = plan.decision.as_json()
    assert {one["offer"]: one["probability"] for one in shown["offers"]} == {
        "a": 0.5,
        "b": 0.5,
        "n": None,
        "m": None,
    }
    assert shown["policy"] == "tossed"


def test_calls_draw_differently() -> None:
    known = replace(LIKELY, policy=Tossed())
    rules = rulebook(offers=(offer("a"), offer("b")))
    chosen = set()
    for number in range(40):
        call = replace(CALL, id=CallId("pbx", f"1763800000.{number}"))
        made = decide(rules, call, QUIET, NOW, known).offer
        assert made is not None
        chosen.add(made.name)
    assert chosen == {"a", "b"}


def test_nothing_to_choose_from_is_no_policy() -> None:
    assert plan_of(known=LIKELY).decision.policy == "none"
    blocked = plan_of(offer("a"), caller=STRANGER, known=LIKELY).decision
    assert (blocked.policy, blocked.offers[0].probability) == ("none", None)
