"""One caller, one rulebook, one decision, and every reason for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from calls.caller import Contact, ContactRef
from calls.decision import Decision, RuleTrace
from config.actions import HangUp, ToMenu, ToQueue
from config.rulebook import Rulebook
from config.rulebook_loader import SHIPPED, load_rulebook
from ivr.menu import Outcome, SayThen, press
from ivr.rules import CallPlan, decide
from tests.fakes.rulebook_folder import write_rulebook
from tests.unit.ivr.test_facts import CALL, MARIA, NOW, STRANGER

pytestmark = pytest.mark.unit

QUIET = replace(MARIA, segments=None, contact=replace(MARIA.contact, cases=()))  # type: ignore[type-var]


@pytest.fixture(scope="module")
def shop() -> Rulebook:
    return load_rulebook(SHIPPED).or_raise()


def own(tmp_path: Path, **files: str) -> Rulebook:
    return load_rulebook(write_rulebook(tmp_path, **files)).or_raise()


def shown(decision: Decision) -> dict[str, str]:
    return {option.intent: option.digit for option in decision.options}


def test_a_stranger_hears_the_plain_menu(shop: Rulebook) -> None:
    decision = decide(shop, CALL, STRANGER, NOW).decision
    assert (decision.route.kind, decision.route.target) == ("menu", "main")
    assert decision.greeting == "Welcome to the Corner Shop."
    assert shown(decision) == {
        "sales": "1",
        "billing": "2",
        "complaint": "3",
        "agent": "0",
    }
    assert decision.hold_programme == "default"
    assert [entry.kind for entry in decision.hold] == ["music", "say", "music"]
    assert decision.lead == "always"
    assert decision.rulebook_version == shop.version
    assert decision.rules[0] == RuleTrace(
        "route", "vip", False, "caller.tier is not known, not vip"
    )


def test_a_late_order_comes_first_and_holds_with_an_apology(shop: Rulebook) -> None:
    plan = decide(shop, CALL, replace(QUIET, number="+12025550101"), NOW)
    assert plan.decision.greeting == "Welcome to the Corner Shop, Maria."
    option = plan.menu("main").options[0]
    assert option.spoken == "For news of your Machine, press 1."
    assert option.action == SayThen(
        "Your Machine is 3 days late. We are sorry and we are following it up.", ToMenu("main")
    )
    assert option.reasons[0] == "shown because caller.open_orders is 1, above 0"
    assert plan.decision.hold_programme == "apology"
    assert plan.decision.hold[0].text is not None
    assert plan.decision.hold[0].text.startswith("We know that your Machine is 3 days late")


def test_a_vip_skips_the_menu(shop: Rulebook) -> None:
    decision = decide(shop, CALL, MARIA, NOW).decision
    assert decision.route.kind == "queue"
    assert decision.route.target == "key_accounts"
    assert (decision.route.priority, decision.route.skip_menu) == (10, True)
    assert decision.route.rule == "vip"
    assert decision.menu is None
    assert decision.options == ()
    assert decision.rules[1].because == (
        "an earlier rule won; otherwise: caller.open_complaints is 1, above 0"
    )


def test_a_route_without_skip_keeps_the_menu_and_stands_behind_its_person(shop: Rulebook) -> None:
    complaining = replace(MARIA, segments=None)
    plan = decide(shop, CALL, complaining, NOW)
    assert (plan.decision.route.kind, plan.decision.route.target) == ("queue", "support")
    assert plan.decision.menu == "main"
    billing = plan.menu("billing")
    assert {option.intent: option.action for option in billing.options} == {
        "invoice_copy": ToQueue("billing", 5),
        "payment": ToQueue("billing", 5),
        "back": ToMenu("main"),
        "agent": ToQueue("support", 5),
    }
    assert billing.failure == ToQueue("support", 5)


def test_mandarin_by_number_and_by_contact(shop: Rulebook) -> None:
    by_number = decide(shop, replace(CALL, dialled="18005550188"), STRANGER, NOW).decision
    assert (by_number.language, by_number.greeting) == ("zh", "您好，欢迎致电街角商店。")
    contact = Contact(ContactRef("demo", "4"), "小明", "王", language="zh-CN")
    wang = replace(MARIA, contact=contact, segments=None)
    plan = decide(shop, CALL, wang, NOW)
    assert plan.decision.language == "zh"
    assert plan.decision.greeting == "王小明，您好，欢迎致电街角商店。"
    assert plan.menu("main").options[0].spoken == "订购商品，请按1。"
    assert plan.menu("main").invalid_text == "对不起，没有这个选项。"


def test_a_language_the_menu_is_not_written_in_is_not_chosen(shop: Rulebook) -> None:
    french = replace(MARIA, contact=replace(QUIET.contact, language="fr"), segments=None)  # type: ignore[type-var]
    assert decide(shop, CALL, french, NOW).decision.language == "en"


def test_what_cannot_be_filled_in_is_left_out(tmp_path: Path) -> None:
    rulebook = own(
        tmp_path,
        menus="""
menus:
  main:
    greeting: "Hello {{ caller.first_name }}"
    options:
      - {intent: order, say: "Your {{ caller.last_order.product }}", do: {queue: a}}
      - {intent: news, say: "News", do: {say: "{{ caller.name }}", then: {queue: a}}}
      - {intent: sales, say: "Sales", do: {queue: sales}}
      - {intent: person, digit: 0, say: "Ask for {{ caller.name }}", do: {queue: people}}
    invalid: {say: "No, {{ caller.first_name }}"}
    failure: {say: "Bye {{ caller.name }}", then: {hangup: true}}
""",
        hold="programmes:\n  default: [{music_s: 5}, {say: 'Hi {{ caller.name }}'}]\n",
    )
    plan = decide(rulebook, CALL, STRANGER, NOW)
    menu = plan.menu("main")
    assert menu.greeting == "Welcome."
    assert [option.spoken for option in menu.options] == [
        "Sales, press 1.",
        "To speak to a person, press 0.",
    ]
    assert menu.options[1].action == ToQueue("people")
    assert menu.invalid_text == "Sorry, that key is not in the menu."
    assert menu.failure == HangUp()
    assert [entry.kind for entry in plan.decision.hold] == ["music"]


def test_a_person_is_there_where_the_author_forgot(tmp_path: Path) -> None:
    decision = decide(own(tmp_path), CALL, STRANGER, NOW).decision
    assert shown(decision) == {"sales": "1", "agent": "0"}


def test_fixed_digits_stay_free_for_their_owners(tmp_path: Path) -> None:
    rulebook = own(
        tmp_path,
        menus="""
menus:
  main:
    max_options: 3
    order: by_propensity
    options:
      - {intent: hidden, digit: 1, when: {caller.known: true}, say: "H", do: {queue: a}}
      - {intent: first, say: "F", do: {queue: a}}
      - {intent: three, digit: 3, say: "T", do: {queue: a}}
      - {intent: second, say: "S", do: {queue: a}}
      - {intent: too_many, say: "X", do: {queue: a}}
""",
    )
    decision = decide(rulebook, CALL, STRANGER, NOW).decision
    assert shown(decision) == {"first": "2", "three": "3", "second": "4", "agent": "0"}
    assert "no propensities yet" in decision.options[0].reasons[0]


def test_hours_are_those_of_the_number(tmp_path: Path) -> None:
    rulebook = own(
        tmp_path,
        numbers="numbers:\n  default: {menu: main, timezone: Asia/Shanghai}\n",
        rules="rules:\n  route:\n    - name: night\n      when: {call.hour: {gte: 20}}\n"
        "      then: {queue: night, skip_menu: true}\n",
    )
    at_20_in_shanghai = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    assert decide(rulebook, CALL, STRANGER, at_20_in_shanghai).decision.route.target == "night"
    assert decide(rulebook, CALL, STRANGER, NOW).decision.route.kind == "menu"


def test_dialled_numbers_are_compared_by_their_digits(shop: Rulebook) -> None:
    for dialled in ("18005550188", "+18005550188", "+1 (800) 555-0188"):
        assert decide(shop, replace(CALL, dialled=dialled), STRANGER, NOW).decision.language == "zh"
    assert shop.number_for("s").key == "default"


def plan_of_shop(shop: Rulebook) -> CallPlan:
    return decide(shop, CALL, STRANGER, NOW)


def test_the_four_outcomes_of_a_menu(shop: Rulebook) -> None:
    menu = plan_of_shop(shop).menu("main")
    match = press(menu, "2")
    assert match.outcome is Outcome.MATCH
    assert match.option is not None
    assert match.option.action == ToMenu("billing")
    invalid = press(menu, "7")
    assert (invalid.outcome, invalid.say) == (Outcome.INVALID, menu.invalid_text)
    silent = press(menu, "", attempt=2)
    assert (silent.outcome, silent.say) == (Outcome.TIMEOUT, menu.timeout_text)
    assert press(menu, "", attempt=3).outcome is Outcome.FAILURE
    assert press(menu, "7", attempt=3).outcome is Outcome.FAILURE
    assert press(menu, "1", attempt=3).outcome is Outcome.MATCH
