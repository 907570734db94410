"""One customer rings again and again: an offer is heard as often as its cap says, wherever."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from config.settings import SpeechSettings
from crm_adapter.embedded import demo_cast
from ivr.prompt_store import PromptStore
from ivr.prompts import Prompts
from ivr.speech_engines import engine_for
from supervisor import check
from switchboard.demo.centre import DemoCentre
from switchboard.demo.sip_scenarios import PhoneShape, Press
from tests.acceptance.example_centre import Example
from tests.acceptance.ledger import Ledger

pytestmark = pytest.mark.acceptance

NUMBER = "+18005550100"
RULEBOOK = """
numbers:
  default: {menu: main, language: en}
menus:
  main:
    greeting: Hello.
    options:
      - {intent: sales, say: To order, do: {queue: sales}}
      - offer_slot: 1
programmes:
  default: [{music_s: 2}, {offer: true}, {music_s: 2}]
offers:
  care:
    product: plan-basic
    when: {caller.known: true}
    menu: To be looked after
    hold: Ask us about our yearly care plan.
    agent: Mention the care plan.
    do: {queue: sales}
    cap: {heard: 2, per_days: 30, after_refusal_days: 90}
"""
IN_MENU = "To be looked after, press 2."
ON_HOLD = "Ask us about our yearly care plan."


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Example]:
    folder = tmp_path / "rulebook"
    folder.mkdir()
    (folder / "all.yaml").write_text(RULEBOOK, encoding="utf-8")
    assert check.check(folder) == ()
    centre = DemoCentre(
        folder=tmp_path,
        agents=1,
        phone=PhoneShape(ring_ms=None),
        desktops=False,
        overrides={"rulebook": {"path": str(folder), "watch": False, "control_share": 0}},
    )
    store = PromptStore(folder=tmp_path / "prompts", limit_bytes=10**8, base_url="http://x")
    async with centre, store, engine_for(SpeechSettings()) as engine:
        yield Example(centre, Prompts(store=store, engine=engine), store)


async def test_the_cap_holds_over_calls_and_places(shop: Example) -> None:
    sounds = await shop.wavs(IN_MENU, ON_HOLD)
    patient, hurried = Press(9000, "1"), Press(1200, "0")

    async def ring(press: Press) -> list[str]:
        heard = await shop.call(NUMBER, press, number=demo_cast.LAPSED, stay_ms=9500)
        return sorted(set(heard.heard(sounds)))

    assert await ring(patient) == [IN_MENU]
    # Not heard in the menu this time, so it may be on hold.
    assert await ring(hurried) == [ON_HOLD]
    assert await ring(patient) == []
    assert await ring(hurried) == []
    async with Ledger(shop.centre.storage_url) as ledger:
        calls = (await ledger.entries())[demo_cast.LAPSED].calls
    decided = [call.decision["offers"] for call in sorted(calls, key=lambda row: row.arrived_at)]
    assert [offers[0]["chosen"] for offers in decided] == [True, True, False, False]
    assert "heard 2 times in 30 days" in decided[-1][0]["reasons"][0]
