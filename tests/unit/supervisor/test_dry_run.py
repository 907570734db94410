"""Nothing of a rulebook is left out of the dry run."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.rulebook_loader import load_rulebook
from config.spoken_text import Text
from ivr.rules import CallPlan
from supervisor.dry_run import dry_run
from tests.fakes.rulebook_folder import AROUND, write_rulebook

pytestmark = pytest.mark.unit

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NUMBERS = """
numbers:
  default: {menu: main, hours: shop, closed: {say: We are closed, then: {hangup: true}}}
hours: {shop: {week: {mon: "09:00-18:00"}}}
rules:
  route:
    - {name: one, when: {caller.tier: vip}, then: {say: Dear guest, then: {queue: vip}}}
offers:
  case: {product: CASE, menu: A case, cap: {heard: 1, per_days: 9},
         do: {say: A good choice, then: {queue: sales}}}
"""
HOLD = "programmes: {sorry: [{music_s: 9}, {say: {en: We are sorry}}]}\n"
MENUS = """
menus:
  main:
    options:
      - {intent: sales, say: Sales, do: {say: One moment, then: {queue: sales}}}
      - {offer_slot: 1}
    invalid: {tries: 1, then: {say: We help you, then: {queue: sales}}}
    timeout: {tries: 1, then: {say: Are you there, then: {queue: sales}}}
    failure: {say: We give up, then: {queue: sales}}
"""


def test_the_texts_of_every_action_are_filled_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: set[str | None] = set()
    as_it_is = CallPlan.say

    def say(plan: CallPlan, text: Text) -> str | None:
        spoken = as_it_is(plan, text)
        said.add(spoken)
        return spoken

    monkeypatch.setattr(CallPlan, "say", say)
    folder = write_rulebook(tmp_path, numbers=NUMBERS, menus=MENUS, hold=HOLD)
    assert dry_run(load_rulebook(folder, around=AROUND).or_raise(), NOON) == []
    assert said >= {
        "We are closed",
        "Dear guest",
        "A good choice",
        "One moment",
        "We help you",
        "Are you there",
        "We give up",
        "We are sorry",
    }
