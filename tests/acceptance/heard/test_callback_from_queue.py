"""From the queue to a promise: offered on hold, the key, the number read back, a yes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from crm_adapter.embedded import demo_cast
from switchboard.demo.centre import DemoCentre
from switchboard.demo.sip_scenarios import PhoneShape, Press
from tests.acceptance.example_centre import Example, kept_rulebook, with_ears

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
programmes:
  default: [{music_s: 2}, {position: true}, {callback: true}, {music_s: 6}]
"""
PLACE = "You are next in the queue."
OFFER = "If you would rather not wait, press 1 and we will call you back."
RIGHT = "If that is right, press 1."
DONE = "Thank you. We will call you back."


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Example]:
    centre = DemoCentre(
        folder=tmp_path,
        agents=1,
        # A ringing agent would have the chance to answer first.
        phone=PhoneShape(busy=True),
        desktops=False,
        overrides={"rulebook": {"path": kept_rulebook(tmp_path, RULEBOOK), "watch": False}},
    )
    async with with_ears(centre) as example:
        yield example


async def test_who_would_rather_not_wait_is_promised_a_call(shop: Example) -> None:
    sounds = await shop.wavs(PLACE, OFFER, RIGHT, DONE)
    presses = (Press(1200, "1"), Press(11_000, "1"), Press(12_000, "1"))
    heard = await shop.call(NUMBER, *presses, number=demo_cast.LAPSED, stay_ms=8000)
    assert heard.heard(sounds) == [PLACE, OFFER, RIGHT, DONE]
    entry = await shop.entry(demo_cast.LAPSED)
    assert (entry.call.queue, entry.call.outcome) == ("sales", "callback")


async def test_who_says_nothing_waits_on(shop: Example) -> None:
    sounds = await shop.wavs(PLACE, OFFER, RIGHT, DONE)
    presses = (Press(1200, "1"), Press(11_000, "1"))
    heard = await shop.call(NUMBER, *presses, number=demo_cast.LAPSED, stay_ms=25_000)
    assert heard.heard(sounds)[:5] == [PLACE, OFFER, RIGHT, PLACE, OFFER]
    entry = await shop.entry(demo_cast.LAPSED)
    assert (entry.call.queue, entry.call.outcome) == ("sales", "abandoned_in_queue")
