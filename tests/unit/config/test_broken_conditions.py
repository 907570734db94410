# ruff: noqa: E501 (whole sentences, as they are read)
"""What authors get wrong in what they ask for, and the exact words they read then."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.condition_reader import read_condition
from config.rulebook_loader import load_rulebook
from tests.fakes.rulebook_folder import (
    example,
    hours,
    offer,
    rule,
    rules,
    sentences_about,
    write_rulebook,
)

pytestmark = pytest.mark.unit

#: name: (files that differ from the good ones, every problem in order)
BROKEN: dict[str, tuple[dict[str, str | bytes], list[str]]] = {
    "rule for a number nobody has": (
        {"rules": rule('{call.dialled: "+1 800 555 0101"}')},
        ["rules.yaml:3: warning: call.dialled is compared with 18005550101, which is not under numbers; did you mean '+18005550100'"],
    ),
    "rule for several numbers": (
        {"rules": rule('{call.dialled: ["+18005550100", "+4930123456"]}')},
        ["rules.yaml:3: warning: call.dialled is compared with 4930123456, which is not under numbers"],
    ),
    "example of a number nobody has": (
        {"tests": example('{dialled: "+18005550101"}')},
        ["tests.yaml:2: warning: the example 'it' dials 18005550101, which is not under numbers; did you mean '+18005550100'; leave 'dialled' out to try 'default'"],
    ),
    "hour that no clock shows": (
        {"rules": rule("{call.hour: {gte: 25}}")},
        ["rules.yaml:4: call.hour is never above 23, and this is 25"],
    ),
    "hours that no clock shows": (
        {"rules": rule("{call.hour: {between: [-1, 24]}}")},
        ["rules.yaml:4: call.hour is never below 0, and this is -1"],
    ),
    "propensity in percent": (
        {"offers": offer(when="{propensity: {gt: 30}}")},
        ["offers.yaml:6: propensity is never above 1, and this is 30"],
    ),
    "operator in words": (
        {"rules": rules("route", "{name: a, when: {caller.open_orders: {greater: 1}}, then: {queue: vip}}", "{name: b, when: {caller.open_orders: {below: 1}}, then: {queue: vip}}")},
        [
            "rules.yaml:3: unknown operator 'greater'; did you mean 'gt'?",
            "rules.yaml:4: unknown operator 'below'; did you mean 'lt'?",
        ],
    ),
    "operator in signs": (
        {"rules": rule('{caller.open_orders: "> 2"}')},
        ["rules.yaml:4: caller.open_orders is compared with a whole number, not '> 2'; write {gt: 2}"],
    ),
    "fact without its first half": (
        {"rules": rule("{tier: vip}")},
        ["rules.yaml:4: unknown fact 'tier'; did you mean 'caller.tier'?"],
    ),
    "day that no calendar has": (
        {"tests": example('{at: "2026-02-30"}')},
        ["tests.yaml:3: there is no day 2026-02-30"],
    ),
    "hour of a moment that no clock shows": (
        {"hours": hours('week: {mon: "09:00-18:00"}') + 'closures:\n  a: {from: "2026-11-23T25:00", to: "2026-11-31"}\n',
         "rules": rule("{hours.shop: closed}")},
        [
            "hours.yaml:5: there is no day 2026-11-31",
            "hours.yaml:5: there is no time 25:00",
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_each_mistake_has_its_sentence(name: str, tmp_path: Path) -> None:
    files, expected = BROKEN[name]
    assert sentences_about(tmp_path, **files) == expected


@pytest.mark.parametrize("written", ["+18005550100", "1-800-555-0100", "+1 (800) 555.0100"])
def test_a_dialled_number_is_compared_by_its_digits(written: str, tmp_path: Path) -> None:
    loaded = load_rulebook(write_rulebook(tmp_path, rules=rule(f'{{call.dialled: "{written}"}}')))
    [one] = loaded.or_raise().rules
    assert loaded.problems == ()
    assert one.when is not None
    assert one.when.evaluate({"call.dialled": "18005550100"}).matched


def test_wildcards_of_a_dialled_number_too() -> None:
    condition = read_condition({"call.dialled": {"matches": "+1 800*"}}, (), lambda *_: None)
    assert condition is not None
    assert condition.evaluate({"call.dialled": "18005550100"}).matched
    assert not condition.evaluate({"call.dialled": "4930123456"}).matched


def test_where_no_number_is_named_any_may_be_dialled(tmp_path: Path) -> None:
    files = {
        "numbers": "numbers:\n  default: {menu: main}\n",
        "rules": rule('{call.dialled: "1"}'),
        "tests": example('{dialled: "2"}'),
    }
    assert sentences_about(tmp_path, **files) == []
