"""The facts that conditions may ask for are those that calls bring."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from calls.call import Call, CallId
from calls.caller import (
    Appointment,
    Caller,
    Case,
    Contact,
    ContactRef,
    Identity,
    IdentityOutcome,
    Order,
)
from calls.money import Money
from calls.offers import CallerMemory, Propensities
from calls.segments import Behaviour, LifecycleStage, Loyalty, PriceBand, Segments, Tier
from config.conditions import Comparison
from config.facts import ALWAYS_KNOWN, FactKind
from config.opening_hours import OpeningHours, Period, Span
from config.problems import Place
from config.rulebook import OwnSegment
from ivr.facts import Facts, all_values, as_json, facts_of
from ivr.known import Known
from tests.fakes import written_rulebook as written

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
CALL = Call(CallId("pbx", "1"), "PJSIP/x", "raw", "", False, "18005550100", "en", NOW)
ORDERS = (
    Order("3", "Grinder", "delivered", NOW - timedelta(days=2), None, False),
    Order("2", "Machine", "shipped", NOW - timedelta(days=9), date(2026, 11, 20), True, "4711"),
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
        balance=Money(Decimal("-12.50"), "USD"),
        appointments=(
            Appointment("1", NOW - timedelta(minutes=5), "Begun already"),
            Appointment("2", NOW + timedelta(days=1), "Repair"),
        ),
    ),
    Segments(
        Tier.VIP,
        LifecycleStage.LOYAL,
        5,
        4,
        3,
        12,
        30,
        900.0,
        behaviour=Behaviour.SHORT_GAPS,
        price_band=PriceBand.HIGH,
        main_category="beans",
        loyalty=Loyalty.SETTLED,
        churn_warning="was loyal, now at risk",
    ),
)
STRANGER = Caller(None, Identity(IdentityOutcome.NONE, "e164", 0.0))
UNSURE = replace(MARIA, identity=Identity(IdentityOutcome.UNIQUE, "national", 0.5))
RULEBOOK = written.rulebook(
    hours={"shop": OpeningHours("shop", None, {0: (Span(time(9), time(18)),)})},
    segments={"key": OwnSegment("key", {}, Comparison("caller.tier", "eq", "vip"), Place("", 0))},
    promotions={"sale": Period("sale", NOW - timedelta(days=1), NOW + timedelta(days=1))},
)
KNOWN = (
    Known(
        memory=CallerMemory(digits={("main", "sales"): "2"}, choices={("main", "news"): 0.5}),
        propensities=Propensities(churn=0.23456, expected_purchases=1.26),
    )
    .with_typed("order_number", "4711")
    .with_answers("stock", {"pieces": 3})
)
KINDS: dict[FactKind, Any] = {
    FactKind.YES_NO: bool,
    FactKind.WHOLE: int,
    FactKind.NUMBER: (int, float),
    FactKind.TEXT: str,
    FactKind.SET: frozenset,
    FactKind.MONEY: Money,
    FactKind.DATE: date,
    FactKind.MOMENT: datetime,
}
#: Some of them; the rest is found below.
PRIVATE = {
    "first_name",
    "last_name",
    "name",
    "company",
    "balance",
    "tier",
    "lifecycle",
    "spend_12m",
    "days_since_last",
    "usual_gap_days",
    "churn_risk",
    "expected_purchases",
    "behaviour",
    "price_band",
    "main_category",
    "loyalty",
    "churn_warning",
}


def of(caller: Caller, known: Known = KNOWN, **more: Any) -> Facts:
    return facts_of(RULEBOOK, caller, CALL, NOW, language="en", known=known, **more)


@pytest.mark.parametrize("caller", [MARIA, UNSURE, STRANGER])
@pytest.mark.parametrize("known", [KNOWN, Known()])
def test_names_and_kinds_are_those_declared(caller: Caller, known: Known) -> None:
    for name, value in all_values(RULEBOOK, of(caller, known)).items():
        fact = RULEBOOK.facts[name]
        if value is None:
            assert name not in ALWAYS_KNOWN
        else:
            assert isinstance(value, KINDS[fact.kind]), name
            assert not fact.choices or value in fact.choices, name


def test_a_known_caller() -> None:
    values = all_values(RULEBOOK, of(MARIA))
    assert None not in values.values()
    assert values["caller.open_orders"] == 1
    assert values["caller.open_cases"] == 2
    assert values["caller.open_complaints"] == 1
    assert values["caller.last_order.product"] == "Machine"
    assert values["caller.last_order.late_days"] == 3
    assert values["caller.last_order.days_ago"] == 9
    assert values["caller.last_order.number"] == "4711"
    assert values["caller.last_order.due_on"] == date(2026, 11, 20)
    assert values["caller.tier"] == "vip"
    assert values["caller.balance"] == Money(Decimal("-12.50"), "USD")
    assert values["caller.next_appointment.subject"] == "Repair"
    assert values["caller.past_intents"] == {"sales", "news"}
    assert values["caller.pin_ok"] is False
    assert values["caller.segments"] == {"key"}
    assert values["caller.churn_warning"] is True
    assert (values["caller.behaviour"], values["caller.loyalty"]) == ("short_gaps", "settled")
    assert (values["caller.churn_risk"], values["caller.expected_purchases"]) == (0.23, 1.3)
    assert (values["call.weekday"], values["call.hour"]) == ("mon", 10)
    assert of(MARIA, KNOWN.with_pin_ok()).fetch("caller.pin_ok") is True


def test_the_house_and_what_came_up_in_the_call() -> None:
    values = all_values(RULEBOOK, of(STRANGER))
    assert values["hours.shop"] == "open"
    assert values["opens.shop"] == datetime(2026, 11, 30, 9, tzinfo=UTC)
    assert values["promotion.sale"] is True
    assert values["typed.order_number"] == "4711"
    assert values["answers.stock.pieces"] == 3


def test_times_are_on_the_clock_of_the_number() -> None:
    shanghai = NOW.astimezone(ZoneInfo("Asia/Shanghai"))
    facts = facts_of(RULEBOOK, MARIA, CALL, shanghai, language="en")
    assert facts.fetch("call.hour") == 18
    assert facts.fetch("hours.shop") == "closed"
    assert facts.fetch("caller.next_appointment.at").hour == 18


def test_private_facts_are_not_spoken_to_who_may_be_somebody_else() -> None:
    facts = of(UNSURE)
    assert facts.values["caller.first_name"] == "Maria"
    caller = facts.spoken["caller"]
    assert {name for name in PRIVATE if getattr(caller, name) is not None} == set()
    assert caller.known is False
    assert caller.open_orders == 0
    assert (caller.owns, caller.past_intents) == (frozenset(), frozenset())
    for scope in (caller.last_order, caller.next_appointment):
        for leaf in ("product", "status", "number", "due_on", "late_days", "at", "subject"):
            assert getattr(scope, leaf, None) is None
    assert facts.spoken["typed"].order_number == "4711"
    assert of(MARIA).spoken["caller"].last_order.product == "Machine"


def test_a_balance_is_not_said_to_a_number_alone() -> None:
    """However sure it is, by whoever vouches for it."""
    facts = of(MARIA)
    assert facts.spoken["caller"].first_name == "Maria"
    assert facts.spoken["caller"].balance is None
    assert facts.aloud["caller.balance"] is None
    assert facts.values["caller.balance"] is not None, "where the call goes says nothing aloud"
    by_key = replace(MARIA, identity=replace(MARIA.identity, method="typed_key"))
    for proved in (of(MARIA, KNOWN.with_pin_ok()), of(by_key)):
        assert proved.spoken["caller"].balance == Money(Decimal("-12.50"), "USD")
        assert proved.aloud is proved.values
    no_account = replace(MARIA, contact=replace(MARIA.contact, balance=None))  # type: ignore[type-var]
    plain = of(no_account)
    assert plain.aloud is plain.values
    assert of(UNSURE, KNOWN.with_pin_ok()).spoken["caller"].balance is None


def test_every_fact_of_the_crm_is_either_private_or_listed_as_not() -> None:
    """A new fact about a person must not be forgotten here."""
    heard = of(UNSURE).spoken["caller"]
    same = {
        name.removeprefix("caller.")
        for name in RULEBOOK.facts
        if name.startswith("caller.") and name.count(".") == 1
        if getattr(heard, name.removeprefix("caller.")) == of(UNSURE).fetch(name)
    }
    assert same == {"identity", "confidence", "number", "pin_ok"}


def test_only_what_was_asked_for_is_kept_and_fits_into_json() -> None:
    facts = of(MARIA)
    facts.values.get("caller.balance")
    facts.values.get("caller.owns")
    facts.values.get("opens.shop")
    facts.values.get("no.such.fact")
    assert {name: as_json(value) for name, value in facts.values.items()} == {
        "caller.balance": {"amount": "-12.50", "currency": "USD"},
        "caller.owns": ["KETTLE"],
        "opens.shop": "2026-11-30T09:00:00+00:00",
        "no.such.fact": None,
    }


def test_facts_of_an_example_go_first_and_are_spoken() -> None:
    facts = of(STRANGER, given={"caller.first_name": "Ann", "hours.shop": "holiday"})
    assert facts.spoken["caller"].first_name == "Ann"
    assert facts.values["hours.shop"] == "holiday"


def test_what_is_spoken_is_bounded() -> None:
    assert MARIA.contact is not None
    long = replace(MARIA, contact=replace(MARIA.contact, first_name="x" * 1000))
    assert len(of(long).spoken["caller"].first_name) == 200
    with pytest.raises(AttributeError):
        of(MARIA).spoken["caller"].no_such_fact  # noqa: B018
