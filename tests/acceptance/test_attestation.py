"""The best customer's number, shown by anybody: what is said aloud hangs on whether a carrier
vouches for it, and the agent sees it either way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from crm_adapter.embedded import demo_cast
from switchboard.demo import cast
from switchboard.demo.centre import DemoCentre
from switchboard.demo.sip_callers import ScriptedCall
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape, Press
from tests.acceptance.example_centre import Example, kept_rulebook, with_ears
from tests.acceptance.ledger import Ledger
from tests.acceptance.listening import recorded_line
from tests.acceptance.load import assert_all_served

pytestmark = pytest.mark.acceptance

RULEBOOK = """
numbers:
  default: {menu: main, language: en}
menus:
  main:
    greeting: "Hello{% if caller.first_name %}, {{ caller.first_name }}{% endif %}."
    options:
      - intent: order_status
        when: {caller.open_orders: {gt: 0}}
        say: For news of your order
        do: {queue: support}
      - {intent: sales, say: To order, do: {queue: sales}}
programmes:
  default:
    - {say: Your blend is on its way., when: {caller.open_orders: {gt: 0}}}
    - {say: There is a bill to pay., when: {caller.balance: {lt: 0}}}
    - {music_s: 20}
rules:
  route: [{name: vip, when: {caller.tier: vip}, then: {queue: key_accounts}}]
"""
NAME, ORDER = "Hello, Victoria.", "For news of your order, press 1."
ON_HOLD, BILL = "Your blend is on its way.", "There is a bill to pay."
PLAIN = "Hello."
#: What is told of a number; `failed` stands for whatever is no attestation.
TOLD = (None, "A", "C", "failed")
#: The last sentence before the key is over after some 3.5 s; the menu is said again after 8.
SHAPE = CallerShape(presses=(Press(6000, "0"),), hang_up_after_ms=5000, audio=False)


@asynccontextmanager
async def opened(folder: Path, *, require: bool) -> AsyncIterator[Example]:
    rulebook = kept_rulebook(folder, RULEBOOK)
    centre = DemoCentre(
        folder=folder,
        agents=len(TOLD),
        phone=PhoneShape(ring_ms=None),
        overrides={
            "rulebook": {"path": rulebook, "watch": False, "control_share": 0},
            "crm": {"require_attestation": require},
        },
    )
    async with with_ears(centre) as example:
        yield example


async def heard(example: Example) -> dict[str | None, list[str]]:
    """By attestation: what the best customer's number heard, four calls at once."""
    recordings, calls = {}, []
    for told in TOLD:
        # As an administrator does it: set before the call is sent to us.
        line, recordings[told] = await recorded_line(
            example.centre.pbx, cast.SHOP, f"Set(SWB_ATTESTATION={told or ''})"
        )
        calls.append(ScriptedCall(demo_cast.VIP, line, shape=SHAPE))
    assert_all_served(await example.centre.callers.run(calls), len(calls))
    sounds = await example.wavs(NAME, PLAIN, ORDER, ON_HOLD, BILL)
    return {told: (await one.over()).heard(sounds) for told, one in recordings.items()}


async def pops(example: Example) -> set[tuple[str | None, str | None]]:
    """What the agents' screens said of each call: the attestation, and who it is."""
    told = set()
    for desktop in example.centre.desktops:
        for frame in desktop.frames:
            if frame["kind"] == "pop.offer":
                content = frame["content"]
                told.add((content["call"]["attestation"], (content["contact"] or {}).get("name")))
    return told


async def test_no_personal_fact_is_said_to_a_number_nobody_vouches_for(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        trusting = await stack.enter_async_context(opened(tmp_path / "default", require=False))
        strict = await stack.enter_async_context(opened(tmp_path / "strict", require=True))
        by_default, where_required = await asyncio.gather(heard(trusting), heard(strict))
        greeted = [NAME, ORDER, ON_HOLD]
        assert by_default == {None: greeted, "A": greeted, "C": [PLAIN], "failed": [PLAIN]}
        assert where_required == {None: [PLAIN], "A": greeted, "C": [PLAIN], "failed": [PLAIN]}
        for example in (trusting, strict):
            assert await pops(example) == {(told, "Victoria Stone") for told in TOLD}
            async with Ledger(example.centre.storage_url) as ledger:
                rung = (await ledger.settled(deadline_s=60))[demo_cast.VIP].calls
            # Where a call goes says nothing aloud: the number alone decides that.
            assert [call.queue for call in rung] == ["key_accounts"] * len(TOLD)
