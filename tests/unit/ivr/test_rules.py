"""One caller, one rulebook, one decision, and every reason for it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from calls.caller import Caller, Contact, ContactRef, Identity, IdentityOutcome
from calls.decision import Decision, HoldEntryPlanned, PopWish, RuleTrace
from calls.follow_up import LeadPolicy
from config.actions import HangUp, SayText, ToMenu, ToQueue, ToVoicemail
from config.opening_hours import OpeningHours, Span
from config.rulebook import HoldEntry, RouteTo, Rulebook, SetLead, SetPop, ToProgramme
from ivr.known import Known
from ivr.rules import CallPlan, decide
from tests.fakes.written_rulebook import given, menu, number, offer, option, rule, rulebook, text
from tests.unit.ivr.test_facts import CALL, MARIA, NOW, STRANGER

pytestmark = pytest.mark.unit

#: Nobody is in the control group by accident.
ALL_PERSONAL = Known(control_share=0.0)
CONTACT = MARIA.contact
assert CONTACT is not None
QUIET = replace(MARIA, segments=None, contact=replace(CONTACT, cases=()))
VIP = given("caller.tier", "eq", "vip")
PERSON = option("agent", do=ToQueue("people", 2), digit="0", say="To speak to somebody")


def plan_of(rules: Rulebook, caller: Caller = STRANGER, at: datetime = NOW) -> CallPlan:
    return decide(rules, CALL, caller, at, ALL_PERSONAL)


def decided(rules: Rulebook, caller: Caller = STRANGER, at: datetime = NOW) -> Decision:
    return plan_of(rules, caller, at).decision


def keys(decision: Decision) -> dict[str, str]:
    return {option.intent: option.digit for option in decision.options}


def test_a_stranger_hears_the_plain_menu() -> None:
    greeting = "Welcome{% if caller.known %}, {{ caller.first_name }}{% endif %}."
    shop = rulebook(
        menu(
            option("order", when=given("caller.open_orders", "gt", 0)),
            option("sales"),
            option("billing"),
            PERSON,
            greeting=greeting,
        ),
        rules=(rule("route", RouteTo(action=ToQueue("vips"), skip_menu=True), VIP, "vip"),),
    )
    decision = decided(shop)
    assert (decision.route.kind, decision.route.target, decision.menu) == ("menu", "main", "main")
    assert decision.greeting == "Welcome."
    assert keys(decision) == {"sales": "1", "billing": "2", "agent": "0"}
    assert decision.rules == (
        RuleTrace("route", "vip", False, "caller.tier is not known, not vip"),
    )
    assert (decision.lead, decision.pop, decision.doors) == ("always", PopWish(), None)
    assert (decision.hold_programme, decision.hold) == (None, ())
    assert decision.facts == {"caller.open_orders": 0, "caller.tier": None}
    assert decision.rulebook_version == "v1"
    known = plan_of(shop, QUIET)
    assert known.decision.greeting == "Welcome, Maria."
    first = known.menu("main").options[0]
    assert (first.intent, first.digit, first.spoken) == ("order", "1", "For order, press 1.")
    assert first.reasons == ("shown because caller.open_orders is 1, above 0", "next free digit")


def test_a_rule_may_skip_the_menu() -> None:
    to = ToQueue("key_accounts", 10, prefer="last")
    vips = rulebook(rules=(rule("route", RouteTo(action=to, skip_menu=True), VIP, "vip"),))
    plan = plan_of(vips, MARIA)
    route = plan.decision.route
    assert (route.kind, route.target, route.priority) == ("queue", "key_accounts", 10)
    assert (route.skip_menu, route.rule) == (True, "vip")
    assert (plan.decision.menu, plan.decision.options) == (None, ())
    assert plan.entry == to
    assert plan.finish(to) == to


def test_a_rule_that_keeps_the_menu_stands_behind_its_person() -> None:
    to = ToQueue("support", 5, prefer="last", max_penalty=1)
    words = text("One moment.")
    shop = rulebook(
        menu(option("billing", do=ToMenu("billing")), failure=SayText(words, ToQueue("default"))),
        menu(option("payment", do=ToQueue("billing", 7)), PERSON, name="billing"),
        rules=(rule("route", RouteTo(action=to)),),
    )
    plan = plan_of(shop)
    assert (plan.decision.route.kind, plan.decision.route.target) == ("queue", "support")
    assert (plan.decision.menu, plan.entry) == ("main", ToMenu("main"))
    assert plan.menu("main").failure == SayText(words, to)
    billing = plan.menu("billing")
    assert [option.action for option in billing.options] == [ToQueue("billing", 7), to]
    assert plan.finish(ToQueue("billing", 7)) == ToQueue("billing", 7)
    assert plan.finish(ToQueue("billing", 1)) == ToQueue("billing", 5)
    assert plan.finish(ToQueue("support")) == ToQueue("support", 5, prefer="last")


@pytest.mark.parametrize(
    ("action", "kind", "target"),
    [
        (ToVoicemail("100@sales"), "action", "voicemail 100@sales"),
        (HangUp(), "action", "hangup"),
        (SayText(text("Soon."), ToMenu("main")), "menu", "main"),
    ],
)
def test_a_rule_may_lead_anywhere(action: Any, kind: str, target: str) -> None:
    plan = plan_of(rulebook(rules=(rule("route", RouteTo(action=action)),)))
    assert (plan.decision.route.kind, plan.decision.route.target) == (kind, target)
    assert plan.entry == action
    assert (plan.decision.menu is None) == (kind == "action")


def test_of_one_group_the_first_match_counts_and_the_rest_say_so() -> None:
    rules = (
        rule("lead", SetLead(LeadPolicy("never")), given("call.hour", "lt", 5), "night"),
        rule("lead", SetLead(LeadPolicy("on_answer")), given("call.hour", "gt", 5), "day"),
        rule("lead", SetLead(LeadPolicy("on_abandon")), None, "else"),
        rule("pop", SetPop(False, text("Speak slowly, {{ call.language }}"))),
        rule("hold", ToProgramme("sorry")),
    )
    decision = decided(rulebook(rules=rules, programmes={"sorry": (), "default": ()}))
    assert decision.lead == "on_answer"
    assert [trace.matched for trace in decision.rules] == [False, True, False, True, True]
    assert decision.rules[2].because == "an earlier rule won; otherwise: always"
    assert decision.pop == PopWish(False, "Speak slowly, en")
    assert decision.hold_programme == "sorry"


def test_a_number_has_its_own_pop_and_lead() -> None:
    own = number(
        lead=LeadPolicy("never"), pop=SetPop(True, text("Hospital: {{ caller.first_name }}"))
    )
    decision = decided(rulebook(numbers={"default": own}), MARIA)
    assert (decision.lead, decision.pop.note) == ("never", "Hospital: Maria")
    assert decided(rulebook(numbers={"default": own})).pop == PopWish(True, None)


def closed_at_night(**more: Any) -> Rulebook:
    hours = OpeningHours("shop", ZoneInfo("Asia/Shanghai"), {0: (Span(time(9), time(18)),)})
    own = number(hours="shop", closed=SayText(text("Closed."), ToVoicemail("100")))
    return rulebook(numbers={"default": own}, hours={"shop": hours}, **more)


def test_closed_doors_go_before_every_rule() -> None:
    vip_rule = rule("route", RouteTo(action=ToQueue("vips"), skip_menu=True))
    plan = plan_of(closed_at_night(rules=(vip_rule,)), MARIA)
    assert plan.closed == plan.entry == SayText(text("Closed."), ToVoicemail("100"))
    assert plan.decision.doors == "closed"
    assert (plan.decision.route.kind, plan.decision.route.target) == ("action", "voicemail 100")
    assert (plan.decision.menu, plan.decision.route.rule) == (None, None)
    assert plan.decision.facts["hours.shop"] == "closed"


def test_open_doors_let_in() -> None:
    plan = plan_of(closed_at_night(), STRANGER, datetime(2026, 11, 23, 1, 0, tzinfo=UTC))
    assert (plan.closed, plan.entry) == (None, ToMenu("main"))
    assert plan.decision.doors == "open"


def test_an_example_shuts_the_doors_by_its_facts() -> None:
    night = decide(closed_at_night(), CALL, STRANGER, NOW, given={"hours.shop": "holiday"})
    assert night.decision.doors == "holiday"
    assert night.closed is not None
    day = decide(closed_at_night(), CALL, STRANGER, NOW, given={"hours.shop": "open"})
    assert day.closed is None


def test_hours_are_those_of_the_number() -> None:
    night = given("call.hour", "gte", 20)
    shop = rulebook(
        numbers={"default": number(timezone=ZoneInfo("Asia/Shanghai"))},
        rules=(rule("route", RouteTo(action=ToQueue("night"), skip_menu=True), night),),
    )
    at_20_in_shanghai = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    assert decided(shop, at=at_20_in_shanghai).route.target == "night"
    assert decided(shop).route.kind == "menu"


def test_mandarin_by_number_and_by_contact() -> None:
    zh = menu(
        replace(option("sales"), say=text("To order", zh="订购商品")),
        name="main",
    )
    zh = replace(zh, greeting=text("Welcome.", zh="{{ caller.name }}，您好。"))
    shop = rulebook(
        zh,
        languages={"main": frozenset({"en", "zh"})},
        numbers={"default": number(language="en"), "18005550188": number(language="zh")},
    )
    by_number = decide(shop, replace(CALL, dialled="+1 (800) 555-0188"), QUIET, NOW).decision
    assert by_number.language == "en", "the contact's own language comes first"
    unknown = decide(shop, replace(CALL, dialled="18005550188"), STRANGER, NOW).decision
    assert (unknown.language, unknown.greeting) == ("zh", "您好，欢迎致电。")
    wang = Contact(ContactRef("demo", "4"), "小明", "王", language="zh-CN")
    plan = plan_of(shop, replace(MARIA, contact=wang, segments=None))
    assert (plan.decision.language, plan.decision.greeting) == ("zh", "王小明，您好。")
    assert plan.menu("main").options[0].spoken == "订购商品，请按1。"
    assert plan.menu("main").invalid.say == "对不起，没有这个选项。"
    french = replace(MARIA, contact=replace(wang, language="fr"), segments=None)
    assert decided(shop, french).language == "en"


@pytest.mark.parametrize(
    ("channel", "spoken"), [("zh", "zh"), ("zh_CN", "zh"), ("en", "en"), ("fr", "en")]
)
def test_where_a_number_names_no_language_it_is_the_channels(channel: str, spoken: str) -> None:
    greeting = text("Welcome.", zh="您好。")
    shop = rulebook(
        replace(menu(replace(option("sales"), say=text("To order", zh="订购"))), greeting=greeting),
        languages={"main": frozenset({"en", "zh"})},
        numbers={"default": number(language=None)},
    )
    decision = decide(shop, replace(CALL, language=channel), STRANGER, NOW).decision
    assert decision.language == spoken
    assert decision.greeting == {"en": "Welcome.", "zh": "您好。"}[spoken]
    own = replace(shop, numbers={"default": number(language="en")})
    assert decide(own, replace(CALL, language=channel), STRANGER, NOW).decision.language == "en"


def test_what_cannot_be_filled_in_is_left_out() -> None:
    shop = rulebook(
        menu(
            option("order", say="Your {{ caller.last_order.product }}"),
            option("news", do=SayText(text("{{ caller.name }}"), ToQueue("a"))),
            option("sales", say="Sales"),
            option(
                "person",
                digit="0",
                say="Ask for {{ caller.name }}",
                do=SayText(text("{{ caller.name }}"), ToQueue("people")),
            ),
            greeting="Hello {{ caller.first_name }}",
        ),
        programmes={
            "default": (
                HoldEntry("music", music_s=5),
                HoldEntry("say", say=text("Hi {{ caller.name }}")),
            )
        },
    )
    plan = plan_of(shop)
    heard = plan.menu("main")
    assert heard.greeting == "Welcome."
    assert [o.spoken for o in heard.options] == [
        "Sales, press 1.",
        "To speak to a person, press 0.",
    ]
    assert heard.options[1].action == ToQueue("default")
    assert plan.decision.hold == (HoldEntryPlanned("music", seconds=5),)
    assert plan.say(text("{{ caller.name }}")) is None
    assert plan_of(shop, QUIET).say(text("{{ caller.name }}")) == "Maria Garcia"


def test_a_programme_has_entries_of_every_kind_under_their_conditions() -> None:
    at_home = given("call.hour", "lt", 10)
    programme = (
        HoldEntry("music", music_s=20),
        HoldEntry("say", say=text("Good morning."), when=at_home),
        HoldEntry("say", say=text("Good day.")),
        HoldEntry("offer"),
        HoldEntry("position"),
        HoldEntry("callback", say=text("Press 1 for a call back.")),
        HoldEntry("callback"),
    )
    warranty = offer("warranty", hold="Did you know our warranty?")
    plan = plan_of(rulebook(programmes={"default": programme}, offers=[warranty]), QUIET)
    assert plan.decision.hold == (
        HoldEntryPlanned("music", seconds=20),
        HoldEntryPlanned("say", "Good day."),
        HoldEntryPlanned("offer", "Did you know our warranty?", offer="warranty"),
        HoldEntryPlanned("position"),
        HoldEntryPlanned("callback", "Press 1 for a call back."),
        HoldEntryPlanned("callback"),
    )
    assert plan.offer == warranty
    without = plan_of(rulebook(programmes={"default": programme})).decision.hold
    assert "offer" not in {entry.kind for entry in without}


@pytest.mark.parametrize(
    ("caller", "offered"),
    [
        (MARIA, True),
        (STRANGER, False),
        (replace(MARIA, identity=Identity(IdentityOutcome.OWN, "own", 1.0)), False),
        (Caller(None, Identity(IdentityOutcome.TIMEOUT, "deadline", 0.0)), True),
    ],
)
def test_a_call_back_is_offered_on_hold_only_to_who_can_be_called(
    caller: Caller, offered: bool
) -> None:
    waiting = (HoldEntry("music", music_s=20), HoldEntry("callback"))
    shop = rulebook(programmes={"default": waiting})
    assert len(decided(shop, caller).hold) == 1 + offered
    hidden = decide(shop, replace(CALL, withheld=True), caller, NOW).decision
    assert len(hidden.hold) == 1


def test_what_a_caller_typed_is_known_by_the_next_decision() -> None:
    shop = rulebook(menu(option("status", say="News of order {{ typed.order_number | digits }}")))
    assert keys(decided(shop)) == {"agent": "0"}
    typed = ALL_PERSONAL.with_typed("order_number", "47")
    assert decide(shop, CALL, STRANGER, NOW, typed).menu("main").options[0].intent == "status"


def test_the_sentence_of_a_key_may_name_facts() -> None:
    pattern = text("{{ say }}{% if caller.known %} (dear friend){% endif %}: {{ digit }}")
    shop = replace(rulebook(), texts={**rulebook().texts, "option_key": pattern})
    stranger, friend = plan_of(shop), plan_of(shop, QUIET)
    assert stranger.menu("main").options[0].spoken == "For sales: 1"
    assert friend.menu("main").options[0].spoken == "For sales (dear friend): 1"


def test_self_service_may_ask_for_a_pin() -> None:
    pin_ok = given("caller.pin_ok", "eq", True)
    shop = rulebook(menu(option("balance", when=pin_ok, say="{{ caller.balance | money }}")))
    assert keys(decided(shop, QUIET)) == {"agent": "0"}
    proven = decide(shop, CALL, QUIET, NOW, ALL_PERSONAL.with_pin_ok()).decision
    assert proven.options[0].intent == "balance"
    assert "twelve" in proven.options[0].say


def test_a_decision_is_json() -> None:
    conditions = (
        given("caller.balance", "exists", True),
        given("caller.owns", "has", "KETTLE"),
        given("opens.shop", "exists", True),
    )
    rules = tuple(rule("route", RouteTo(menu="main"), c, f"r{n}") for n, c in enumerate(conditions))
    decision = decided(closed_at_night(rules=rules), MARIA)
    assert json.loads(json.dumps(decision.as_json())) == decision.as_json()
    assert decision.as_json()["facts"]["caller.owns"] == ["KETTLE"]
    assert decision.as_json()["doors"] == "closed"
