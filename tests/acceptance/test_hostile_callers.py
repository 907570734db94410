"""Names and numbers that mean something to somebody else: each is one call and one record."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from switchboard.demo import cast
from switchboard.demo.centre import DemoCentre
from switchboard.demo.sip_callers import ScriptedCall
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape, Press
from tests.acceptance.ledger import Ledger
from tests.acceptance.load import assert_all_served, no_channels
from tests.acceptance.waiting import until

pytestmark = pytest.mark.acceptance

CALLER = CallerShape(presses=(Press(1500, "0"),), hang_up_after_ms=1500, audio=False)
#: Number and name, as they stand in From.
HOSTILE = (
    ("+12025550141", '<img src=x onerror=alert(1)> "quoted" \\'),
    ("+12025550142", "${SHELL(id)},1,Hangup()"),
    ("100&PJSIP/agent1", "HANGUP"),
    ("+12025550144%e2%80%a8%c2%85", "Robert') OR 1=1 --"),
    ("%00%01%ff", "王小明 \u202e\u0007"),
    ("+" + "9" * 120, "x" * 200),
)


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[DemoCentre]:
    async with DemoCentre(
        folder=tmp_path, agents=1, phone=PhoneShape(ring_ms=None), desktops=False
    ) as centre:
        yield centre


async def test_each_is_served_and_ends_as_exactly_one_record(centre: DemoCentre) -> None:
    calls = [ScriptedCall(number, cast.SHOP, name, CALLER) for number, name in HOSTILE]
    assert_all_served(await centre.callers.run(calls, rate_per_s=5), len(calls))
    async with Ledger(centre.storage_url) as ledger:
        entries = await ledger.settled(deadline_s=60)
    assert {(len(entry.calls), len(entry.records)) for entry in entries.values()} == {(1, 1)}
    assert len(entries) == len(HOSTILE)
    assert not any(entry.call.fallback for entry in entries.values())
    assert await no_channels(centre.pbx)
    ready = await centre.server.readyz()
    assert ready["parts"]["ami"]["ok"], "nobody logged us off"


PATIENT = CallerShape(presses=(Press(1200, "0"),), hang_up_after_ms=9000, audio=False)
VICTIM = "+12025550148"


def lines(*told: str) -> str:
    """As a SIP address holds them; Asterisk makes line ends of it again."""
    return "".join(f"%0d%0a{line.replace(' ', '%20').replace(':', '%3a')}" for line in told)


async def test_no_number_tells_of_another_call(centre: DemoCentre) -> None:
    """The one who waits is told of as gone by numbers and extensions that hold lines of AMI."""
    waiting = centre.callers.start([ScriptedCall(VICTIM, cast.SHOP, shape=PATIENT)])

    async def in_the_queue() -> str | None:
        listed = await centre.pbx.rx("core show channels concise")
        rows = [row.split("!") for row in listed.splitlines() if "!" in row]
        return next((row[-1] for row in rows if row[5] == "Queue"), None)

    victim = await until(in_the_queue, "a caller in the queue")
    ids = (f"Uniqueid: {victim}", f"Linkedid: {victim}")
    gone = ("", "Event: Hangup", ids[0], "", "")
    forgers = [
        ScriptedCall(f"+1{lines(*gone)}", cast.SHOP, shape=CALLER),
        ScriptedCall(f"+2{lines(*ids)}", cast.SHOP, shape=CALLER),
        ScriptedCall("+3%0aagi_arg_1%3a%20forged", cast.SHOP, shape=CALLER),
        ScriptedCall(f"+4{lines('Action: Logoff')}", cast.SHOP, shape=CALLER),
        ScriptedCall("+12025550149", f"+1800{lines(*ids)}", shape=CALLER),
    ]
    assert_all_served(await centre.callers.run(forgers, rate_per_s=5), len(forgers))
    async with Ledger(centre.storage_url) as ledger:

        async def forgers_gone() -> bool:
            rows = [row for entry in (await ledger.entries()).values() for row in entry.calls]
            return sum(row.ended_at is not None for row in rows) >= len(forgers)

        await until(forgers_gone, "the forgers' calls over")
        [before] = (await ledger.entries())[VICTIM].calls
        assert before.ended_at is None, "nobody hung up"
        assert_all_served(await waiting.wait(deadline_s=30), 1)
        entries = await ledger.settled(deadline_s=60)
    assert entries[VICTIM].call.outcome == "abandoned_in_queue"
    # Their senders are served as callers without a number, and not by the fallback.
    unreadable = entries["invalid"]
    assert (len(unreadable.calls), len(unreadable.records)) == (4, 4)
    assert {row.identity_method for row in unreadable.calls} == {"unreadable"}
    assert not any(row.fallback for entry in entries.values() for row in entry.calls)
    ready = await centre.server.readyz()
    assert ready["parts"]["ami"]["ok"], "nobody logged us off"
