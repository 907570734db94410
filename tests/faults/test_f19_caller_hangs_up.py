"""F19: the caller hangs up at any moment.

Before the answer, while they are looked up, in the greeting, in the menu, on the way to the queue,
in the queue: the dialog is over within 200 ms, the call is closed by how it ended and recorded
once, and nothing of it stays anywhere.

Also shown by `tests/integration/test_agi_server.py::test_the_peer_vanishes_at_every_byte`,
`tests/integration/test_agi_server.py::
test_a_caller_who_leaves_while_the_call_is_journaled_is_still_one_call`.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from switchboard.demo import cast
from switchboard.demo.centre import DemoCentre
from switchboard.demo.server_process import ServerProcess
from switchboard.demo.sip_callers import CallersResult, ScriptedCall
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape, Press
from tests.acceptance.ledger import Ledger
from tests.acceptance.load import assert_all_served, no_channels, numbers
from tests.acceptance.waiting import until
from tests.fakes.crm_server import Fault
from tests.fakes.espocrm_server import KEY, EspoCrmServer
from tests.integration.test_run_without_peers import asterisk, kept, settings

pytestmark = [pytest.mark.acceptance, pytest.mark.alone]

STEP_MS = 50
CALLS_PER_SHAPE = 2
PARTS = 3
KEY_EVERY_MS = 700


def leaving_after(ms: int) -> CallerShape:
    """Asks for a person on the way, again and again."""
    keys, left_ms = divmod(ms, KEY_EVERY_MS)
    return CallerShape(presses=(Press(KEY_EVERY_MS, "0"),) * keys, hang_up_after_ms=left_ms)


#: These try to leave before the answer. Where their CANCEL crosses it, sipp gives the call up.
EARLY = [CallerShape(patience_ms=ms, hang_up_after_ms=0) for ms in (1, 15, 40, 80)]
ANSWERED = [leaving_after(ms) for ms in range(0, 3001, STEP_MS)]


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[DemoCentre]:
    async with DemoCentre(
        folder=tmp_path, agents=1, phone=PhoneShape(ring_ms=None), desktops=False
    ) as centre:
        await centre.server.wait_for("speech")
        yield centre


def asked_for_us(centre: DemoCentre) -> set[str]:
    """Linked ids of the calls whose AGI() Asterisk ran."""
    log = (centre.pbx.run / "log/full").read_text(errors="replace")
    return set(re.findall(r' AGI\("[^"]+", "agi://[^,"]+,([0-9.]+)[,"]', log))


async def test_nothing_stays_of_who_leaves_at_any_step(centre: DemoCentre) -> None:
    every = iter(numbers((len(EARLY) + len(ANSWERED)) * CALLS_PER_SHAPE))

    async def call(shapes: list[CallerShape]) -> CallersResult:
        calls = [
            ScriptedCall(next(every), cast.SHOP, shape=shape)
            for _ in range(CALLS_PER_SHAPE)
            for shape in shapes
        ]
        return await centre.callers.run(calls, rate_per_s=15, deadline_s=25)

    early = await call(EARLY)
    assert early.offered == len(EARLY) * CALLS_PER_SHAPE
    # Each shape is a sipp of its own: a part of them at a time.
    for first in range(PARTS):
        part = ANSWERED[first::PARTS]
        assert_all_served(await call(part), len(part) * CALLS_PER_SHAPE)
    await until(lambda: no_channels(centre.pbx), "no channel left in Asterisk")

    async with Ledger(centre.storage_url) as ledger:
        asked = asked_for_us(centre)
        entries = await ledger.balanced(set(await ledger.entries()), deadline_s=60)
    by_id = {entry.call.linkedid: entry.call for entry in entries.values()}
    in_queue = {row[1] for row in centre.pbx.queue_log() if row[4] == "ENTERQUEUE"}
    assert set(by_id) == asked
    assert {i for i, call in by_id.items() if call.outcome == "abandoned_in_queue"} == in_queue
    assert {i for i, call in by_id.items() if call.outcome == "abandoned_in_menu"} == (
        set(by_id) - in_queue
    )
    assert len(in_queue) > len(by_id) // 5
    assert not any(call.end_estimated or call.fallback for call in by_id.values())
    metrics = await centre.server.metrics()
    gauges = ("agi_live", "agi_waiting", "calls_live", "channels_live", "agi_failed_total")
    assert {name: metrics[name] for name in gauges} == dict.fromkeys(gauges, 0)
    # Every one of these dialogs was over soon after its caller.
    assert metrics["agi_left_total"] > len(by_id) // 3
    assert 0 < metrics["agi_worst_leave_seconds"] < 0.2


@pytest.fixture
async def crm() -> AsyncIterator[EspoCrmServer]:
    async with EspoCrmServer() as crm:
        yield crm


@pytest.fixture
async def server(tmp_path: Path, crm: EspoCrmServer) -> AsyncIterator[ServerProcess]:
    sections = {
        "crm": {"adapter": "espocrm", "index": False, "lookup_deadline_s": 5},
        "espocrm": {"url": crm.url, "key": KEY},
    }
    server = ServerProcess(tmp_path, settings(tmp_path, **sections))
    await server.start(wait_for=("agi", "storage", "crm"))
    yield server
    await server.stop()


async def test_nobody_waits_for_the_crm_on_behalf_of_who_has_left(
    server: ServerProcess, crm: EspoCrmServer
) -> None:
    """By what Asterisk sends of it: a real CRM is too quick to be left in the middle."""
    crm.faults.append(Fault(wait_s=4.0, times=1_000, only=lambda asked: asked.method == "GET"))
    lines = [
        await asterisk(server).dial(linkedid=f"19.{n}", number=f"+120255501{n:02}")
        for n in range(20)
    ]
    for line in lines:
        assert await line.command() == "ANSWER"
        await line.reply("200 result=0")
    for line in lines:
        while not (command := await line.command() or "").startswith("WAIT FOR DIGIT"):
            assert command, "left before the CRM has answered"
            await line.reply("200 result=1")
        await line.reply("200 result=-1")
        await line.hang_up()
        await line.until_closed()
    metrics = await server.metrics()
    assert (metrics["agi_live"], metrics["agi_left_total"]) == (0, len(lines))
    assert 0 < metrics["agi_worst_leave_seconds"] < 0.2

    async def closed() -> bool:
        outcomes, _ = await kept(server.settings["storage"]["url"])
        return set(outcomes.values()) == {"abandoned_in_menu"} and len(outcomes) == len(lines)

    await until(closed, "each is closed as who left in the menu")
