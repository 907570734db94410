"""One customer rings again and again: an offer is heard as often as its cap says, wherever."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from calls.offers import OfferAnswer, OfferPlace
from crm_adapter.embedded import demo_cast
from scoring.memory_tables import offer_meetings
from storage import migrate
from storage.database import Database
from switchboard.demo.centre import DemoCentre
from switchboard.demo.sip_scenarios import PhoneShape, Press
from tests.acceptance.example_centre import Example, kept_rulebook, with_ears
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
  beans:
    product: beans-monthly
    when: {caller.known: true}
    agent: Mention the beans of the month.
    cap: {heard: 2, per_days: 30, after_refusal_days: 90}
"""
#: By offer: heard by so many callers of the past, and accepted by so many.
LEARNED = {"care": (400, 200), "beans": (400, 0)}
IN_MENU = "To be looked after, press 2."
ON_HOLD = "Ask us about our yearly care plan."


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Example]:
    rulebook = kept_rulebook(tmp_path, RULEBOOK)
    url = f"sqlite:///{tmp_path / 'learned.db'}"
    await learn(url)
    centre = DemoCentre(
        folder=tmp_path,
        agents=1,
        storage_url=url,
        phone=PhoneShape(ring_ms=None),
        desktops=False,
        overrides={
            "rulebook": {"path": rulebook, "watch": False, "control_share": 0},
            # Every caller of these tests hears what is best, none what is tried.
            "scoring": {"explore": 1e-6},
        },
    )
    async with with_ears(centre) as example:
        yield example


async def learn(url: str) -> None:
    """What callers of the past said to each offer, as the ledger keeps it."""
    at = datetime.now(UTC) - timedelta(days=60)
    rows = [
        {
            "system": "pbx",
            "linkedid": f"past-{number}",
            "offer": offer,
            "contact_crm": "past",
            "contact_id": str(number),
            "place": OfferPlace.MENU.value,
            "answer": (OfferAnswer.ACCEPTED if number < accepted else OfferAnswer.REFUSED).value,
            "at": at,
            "answered_at": at,
        }
        for offer, (heard, accepted) in LEARNED.items()
        for number in range(heard)
    ]
    async with Database(url) as database:
        await migrate.upgrade(database)
        await database.writer.write(lambda link: link.execute(offer_meetings.insert(), rows))


async def explained(centre: DemoCentre, call_id: str) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "switchboard", "explain", "--call", call_id),
        *("--json", "--config", str(centre.server.config_file)),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    told: dict[str, Any] = json.loads(out)
    return told


async def test_the_cap_holds_over_calls_and_places(shop: Example) -> None:
    sounds = await shop.wavs(IN_MENU, ON_HOLD)
    patient, hurried = Press(14_000, "1"), Press(1200, "0")

    async def ring(press: Press) -> list[str]:
        heard = await shop.call(NUMBER, press, number=demo_cast.LAPSED, stay_ms=12_000)
        return sorted(set(heard.heard(sounds)))

    assert await ring(patient) == [IN_MENU]
    # Not heard in the menu this time, so it may be on hold.
    assert await ring(hurried) == [ON_HOLD]
    assert await ring(patient) == []
    async with Ledger(shop.centre.storage_url) as ledger:
        calls = (await ledger.entries())[demo_cast.LAPSED].calls
    calls = sorted(calls, key=lambda row: row.arrived_at)
    decided = [call.decision["offers"] for call in calls]
    assert [offers[0]["chosen"] for offers in decided] == [True, True, False]
    assert "heard 2 times in 30 days" in decided[-1][0]["reasons"][0]
    # How the first one was chosen is kept with the call, and told of it later.
    first = (await explained(shop.centre, f"{calls[0].system}/{calls[0].linkedid}"))["decision"]
    assert first["policy"] == "thompson"
    care, beans = first["offers"]
    assert care["chosen"]
    assert care["probability"] + beans["probability"] == pytest.approx(1)
    assert care["probability"] > 0.99
    assert any("drawn at a chance of 1" in reason for reason in care["reasons"])
