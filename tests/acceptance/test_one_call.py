"""Walks docs/one-call.md: the very call it tells of, step by step, on a real Asterisk."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from calls.call import CallOutcome
from calls.errors import SwitchboardError
from crm_adapter.call_history import CallDetail, CallHistory
from crm_adapter.embedded import demo_cast
from storage.database import Database
from switchboard.demo import cast
from switchboard.demo.centre import DemoCentre
from switchboard.demo.sip_callers import ScriptedCall
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape, Press
from tests.acceptance.waiting import until
from tests.fakes.hook_peer import Peer, peer

pytestmark = [pytest.mark.acceptance, pytest.mark.alone]

ROOT = Path(__file__).parents[2]
STORY = (ROOT / "docs" / "one-call.md").read_text(encoding="utf-8")


@pytest.fixture
async def wallboard() -> AsyncIterator[Peer]:
    """Another system that is sent the pops."""
    async with peer() as here:
        yield here


@pytest.fixture
async def centre(tmp_path: Path, wallboard: Peer) -> AsyncIterator[DemoCentre]:
    phone = PhoneShape(ring_ms=400, talk_ms=700)
    pops = {
        "hosts": ["127.0.0.1"],
        "webhooks": [{"name": "wallboard", "url": wallboard.url, "secret": "hush"}],
        "addresses": [{"url": f"{wallboard.url}{{contact_id}}?{{intent}}", "callers": "known"}],
    }
    async with DemoCentre(
        folder=tmp_path, agents=2, phone=phone, strategy="ringall", overrides={"pops": pops}
    ) as centre:
        yield centre


def test_every_file_of_the_story_is_there() -> None:
    named = re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.(?:py|conf))`", STORY)
    assert len(named) >= 14
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_the_story_goes_one_way() -> None:
    steps = [int(number) for number in re.findall(r"(?m)^(\d+)\. ", STORY)]
    assert steps == list(range(1, len(steps) + 1))


async def ended_call(centre: DemoCentre, number: str) -> CallDetail:
    """The one call of `number`, once it has ended and the CRM has its record."""
    async with Database(centre.storage_url) as database:
        history = CallHistory(database=database)

        async def found() -> CallDetail | None:
            calls = [c for c in await history.recent_calls(50) if c.number == number]
            if not calls or calls[0].ended_at is None:
                return None
            detail = await history.call_detail(calls[0].call_id)
            return detail if detail and detail.record_state == "done" else None

        detail = await until(found, "the call's end in the CRM")
        assert isinstance(detail, CallDetail)
        return detail


async def test_marias_call(centre: DemoCentre, wallboard: Peer) -> None:
    keys = (Press(2500, "1"), Press(6000, "0"))
    call = ScriptedCall(demo_cast.MARIA, cast.SHOP, shape=CallerShape(presses=keys))
    result = await centre.callers.run([call], deadline_s=60)
    assert (result.offered, result.successful, result.failed) == (1, 1, 0), result.errors

    detail = await ended_call(centre, demo_cast.MARIA)
    # 1, 2: through the contract, journaled, not by the fallback
    assert detail.summary.fallback is False
    # 3: the line was answered and the caller looked up; the menu came in either's time
    metrics = await centre.server.metrics()
    assert metrics["agi_calls_total"] == 1
    # 4: recognised
    assert (detail.identity_outcome, detail.identity_method) == ("unique", "e164")
    assert detail.summary.contact_name == "Maria Garcia"
    # 5, 6: decided on what she bought, and why is kept; `explain` says the same
    decision = detail.decision
    assert decision is not None
    assert decision["options"][0]["intent"] == "order_status"
    late = next(rule for rule in decision["rules"] if rule["name"] == "late-order")
    assert late["matched"] is True
    assert "3" in late["because"]
    told = await explained(centre, demo_cast.MARIA)
    assert [one["intent"] for one in told["decision"]["options"]] == [
        one["intent"] for one in decision["options"]
    ]
    # 7: heard and pressed
    assert "Luna Solo" in decision["options"][0]["say"]
    assert [(key.menu, key.digits, key.intent) for key in detail.menu_path] == [
        ("main", "1", "order_status"),
        ("main", "0", "agent"),
    ]
    # 8: waited in the queue with the programme made for her
    assert (detail.summary.queue, decision["hold_programme"]) == ("support", "apology")
    assert "late, and we are sorry" in decision["hold"][0]["text"]
    # 9: both agents rang, one answered and was released
    assert {leg.agent for leg in detail.legs} == {"anna", "ben"}
    [answered] = [leg for leg in detail.legs if leg.answered_at is not None]
    assert answered.ended_at is not None
    assert detail.summary.outcome is CallOutcome.ANSWERED
    # 10: on both screens while it rang; whoever did not win saw it close
    for desktop in centre.desktops:
        kinds = [frame["kind"] for frame in desktop.frames if frame["kind"].startswith("pop.")]
        assert kinds[0] == "pop.offer"
        offer = next(frame for frame in desktop.frames if frame["kind"] == "pop.offer")
        assert offer["content"]["contact"]["name"] == "Maria Garcia"
        assert offer["content"]["segments"]["tier"]
        assert offer["content"]["segments"]["reasons"]
        won = desktop.login == answered.agent
        assert ("pop.claim" in kinds, desktop.counters.acks >= 1) == (won, True)
        assert won or "pop.close" in kinds
        ref = offer["content"]["contact"]["ref"].partition(":")[2]
        assert offer["content"]["open"]["url"] == f"{wallboard.url}{ref}?agent"
        # ... and sent to another system, signed, in the same order
        shown = [frame for frame in desktop.frames if frame["kind"].startswith("pop.")]
        await until(partial(_told, wallboard, desktop.login, len(shown)), "the webhook")
        told_of = [one["data"] for one in wallboard.told]
        assert [one["frame"] for one in told_of if one["agent"] == desktop.login] == shown
    wallboard.check_signatures(b"hush")
    # 11: one record in the CRM, and no lead
    assert detail.record_id is not None
    assert detail.lead_id is None


async def _told(wallboard: Peer, login: str, count: int) -> bool:
    return sum(one["data"]["agent"] == login for one in wallboard.told) >= count


async def explained(centre: DemoCentre, number: str) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "switchboard", "explain", number, "--dialled", cast.SHOP),
        *("--json", "--config", str(centre.server.config_file)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    told: dict[str, Any] = json.loads(out)
    return told


async def test_a_stranger_becomes_one_lead_however_often_they_ring(centre: DemoCentre) -> None:
    number = cast.STRANGERS[7]
    shape = CallerShape(presses=(Press(1500, "1"),))
    call = ScriptedCall(number, cast.SHOP, name="Sam <b>Doe</b>", shape=shape)
    for _ in range(2):
        result = await centre.callers.run([call], deadline_s=60)
        assert result.successful == 1, result.errors
    await ended_call(centre, number)
    async with Database(centre.storage_url) as database:
        history = CallHistory(database=database)

        async def settled() -> bool:
            counts = await history.counts()
            return (counts.calls, counts.owed, counts.open_calls) == (2, 0, 0)

        await until(settled, "both calls in the CRM")
        counts = await history.counts()
    assert (counts.records_written, counts.leads_written, counts.dead) == (2, 1, 0)


async def test_the_server_says_what_is_wrong_when_it_cannot_start(tmp_path: Path) -> None:
    centre = DemoCentre(folder=tmp_path, overrides={"rulebook": {"path": str(tmp_path / "none")}})
    with pytest.raises(SwitchboardError, match="none"):
        async with centre:
            pass
