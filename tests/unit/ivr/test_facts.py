"""The facts that conditions may ask for are those that calls bring."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from calls.call import Call, CallId
from calls.caller import Caller, Case, Contact, ContactRef, Identity, IdentityOutcome, Order
from calls.segments import LifecycleStage, Segments, Tier
from config.facts import ALWAYS_KNOWN, FACTS, FactKind
from ivr.facts import facts_of

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
CALL = Call(CallId("pbx", "1"), "PJSIP/x", "raw", "", False, "18005550100", "en", NOW)
ORDERS = (
    Order("3", "Grinder", "delivered", NOW - timedelta(days=2), None, False),
    Order("2", "Machine", "shipped", NOW - timedelta(days=9), date(2026, 11, 20), True),
    Order("1", "Kettle", "delivered", NOW - timedelta(days=90), date(2026, 9, 1), False),
)
CASES = (
    Case("1", "broken", "complaint", True, NOW),
    Case("2", "how", "question", True, NOW),
    Case("3", "old", "complaint", False, NOW),
)
MARIA = Caller(
    "+12025550101",
    Identity(IdentityOutcome.UNIQUE, "e164", 1.0),
    Contact(
        ContactRef("demo", "1"),
        "Maria",
        "Garcia",
        "Acme",
        "en",
        orders=ORDERS,
        cases=CASES,
        owns=frozenset({"KETTLE"}),
    ),
    Segments(Tier.VIP, LifecycleStage.LOYAL, 5, 4, 3, 12, 30, 900.0),
)
STRANGER = Caller(None, Identity(IdentityOutcome.NONE, "e164", 0.0))
KINDS = {
    FactKind.YES_NO: bool,
    FactKind.WHOLE: int,
    FactKind.NUMBER: (int, float),
    FactKind.TEXT: str,
    FactKind.SET: frozenset,
}


@pytest.mark.parametrize("caller", [MARIA, STRANGER])
def test_names_and_kinds_are_those_declared(caller: Caller) -> None:
    values = facts_of(caller, CALL, NOW, "en").values
    assert values.keys() == FACTS.keys()
    for name, value in values.items():
        if value is None:
            assert name not in ALWAYS_KNOWN
        else:
            assert isinstance(value, KINDS[FACTS[name].kind]), name
            assert not FACTS[name].choices or value in FACTS[name].choices, name


def test_a_known_caller() -> None:
    values = facts_of(MARIA, CALL, NOW, "zh").values
    assert None not in values.values()
    assert values["caller.open_orders"] == 1
    assert values["caller.open_cases"] == 2
    assert values["caller.open_complaints"] == 1
    assert values["caller.last_order.product"] == "Machine"
    assert values["caller.last_order.late_days"] == 3
    assert values["caller.last_order.days_ago"] == 9
    assert values["caller.tier"] == "vip"
    assert (values["call.weekday"], values["call.hour"]) == ("mon", 10)
    assert values["call.language"] == "zh"


def test_personal_facts_are_not_spoken_to_who_may_be_somebody_else() -> None:
    unsure = replace(MARIA, identity=Identity(IdentityOutcome.UNIQUE, "national", 0.5))
    facts = facts_of(unsure, CALL, NOW, "en")
    assert facts.values["caller.first_name"] == "Maria"
    assert facts.spoken["caller"].first_name is None
    assert facts.spoken["caller"].known is False
    assert facts.spoken["caller"].last_order.product is None
    assert facts_of(MARIA, CALL, NOW, "en").spoken["caller"].first_name == "Maria"
