"""Hours, promotions and closures that change nothing for any caller are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.rulebook_folder import number, option, rule, sentences_about

pytestmark = pytest.mark.unit

HOURS = 'hours:\n  shop: {week: {mon: "09:00-18:00"}}\n'
PROMOTION = 'promotions:\n  sale: {from: "2026-11-23", to: "2026-11-30"}\n'


def test_hours_that_nobody_goes_by(tmp_path: Path) -> None:
    assert sentences_about(tmp_path, hours=HOURS) == [
        "hours.yaml:2: warning: no number, rule or text goes by the hours 'shop'"
    ]


@pytest.mark.parametrize(
    "files",
    [
        {"numbers": number("hours: shop, closed: {hangup: true}")},
        {"rules": rule("{not: {hours.shop: open}}")},
        {"menus": option(do='{say: "{{ opens.shop | time }}", then: {queue: sales}}')},
        {"hold": "programmes: {default: [{music_s: 9, when: {hours.shop: open}}]}\n"},
    ],
)
def test_hours_that_somebody_goes_by(files: dict[str, str], tmp_path: Path) -> None:
    assert sentences_about(tmp_path, hours=HOURS, **files) == []


def test_a_promotion_that_nobody_asks_for(tmp_path: Path) -> None:
    assert sentences_about(tmp_path, promotions=PROMOTION) == [
        "promotions.yaml:2: warning: no rule, option, offer or text asks for promotion.sale"
    ]
    asked = option(when="{promotion.sale: true}")
    assert sentences_about(tmp_path, promotions=PROMOTION, menus=asked) == []


def test_a_closure_of_nothing(tmp_path: Path) -> None:
    closures = 'closures:\n  flood: {from: "2026-11-23", to: "2026-11-30"}\n'
    assert sentences_about(tmp_path, closures=closures) == [
        "closures.yaml:2: warning: the closure 'flood' shuts nothing: there are no hours"
    ]


def test_an_error_elsewhere_may_be_why(tmp_path: Path) -> None:
    assert sentences_about(tmp_path, hours=HOURS, rules=rule("{hours.shpo: open}")) == [
        "rules.yaml:4: unknown fact 'hours.shpo'; did you mean 'hours.shop'?"
    ]
