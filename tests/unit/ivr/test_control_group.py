"""A small sticky group hears the plain menu."""

from __future__ import annotations

from dataclasses import replace

import pytest

from calls.caller import ContactRef
from calls.offers import CallerMemory, Propensities
from ivr.control_group import CONTROL, PERSONAL, arm_of
from ivr.known import Known
from ivr.rules import decide
from tests.fakes.written_rulebook import menu, offer, option, rulebook
from tests.unit.ivr.test_facts import CALL, NOW, STRANGER
from tests.unit.ivr.test_rules import QUIET

pytestmark = pytest.mark.unit

SHOP = rulebook(
    menu(option("a"), option("b"), option("c"), order="by_propensity", offer_slot=0),
    offers=[offer("warranty")],
)
PINNED = {35, 5, 38, 88, 47, 53, 22, 56, 59}
KNOWN = Known(
    memory=CallerMemory(digits={("main", "b"): "7"}),
    propensities=Propensities(intents={("main", "c"): 0.9}),
)


def test_the_share_is_kept() -> None:
    arms = [arm_of(ContactRef("crm", str(n)), 0.05) for n in range(20_000)]
    assert 0.045 < arms.count(CONTROL) / len(arms) < 0.055
    assert arm_of(ContactRef("crm", "1"), 0.0) == PERSONAL
    assert arm_of(ContactRef("crm", "1"), 1.0) == CONTROL


def test_who_is_in_it_stays_in_it_and_a_larger_share_only_adds() -> None:
    """Pinned: another hash or salt would mix the groups while they are compared."""
    group = {n for n in range(100) if arm_of(ContactRef("crm", str(n)), 0.05) == CONTROL}
    assert group == PINNED
    assert group <= {n for n in range(100) if arm_of(ContactRef("crm", str(n)), 0.2) == CONTROL}


def test_strangers_are_not_in_it() -> None:
    assert arm_of(None, 1.0) == PERSONAL
    assert decide(SHOP, CALL, STRANGER, NOW, replace(KNOWN, control_share=1.0)).decision.arm == (
        PERSONAL
    )


def test_control_callers_hear_the_written_order_without_offers_on_their_usual_keys() -> None:
    decision = decide(SHOP, CALL, QUIET, NOW, replace(KNOWN, control_share=1.0)).decision
    assert decision.arm == CONTROL
    assert [(o.intent, o.digit) for o in decision.options] == [
        ("a", "1"),
        ("b", "7"),
        ("c", "2"),
        ("agent", "0"),
    ]
    assert decision.options[0].reasons[0] == (
        "in the order written: the caller is in the control group"
    )
    personal = decide(SHOP, CALL, QUIET, NOW, replace(KNOWN, control_share=0.0)).decision
    assert [o.intent for o in personal.options] == ["c", "a", "b", "warranty", "agent"]
