"""Real calls with a real Tryton behind them: recognised while it rings, written exactly once, also
what happened while Tryton could not be reached."""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path

import pytest

from config.settings import CrmSettings
from crm_adapter.live.phone_index import PhoneIndex
from storage.database import Database
from switchboard.demo import cast
from switchboard.demo.centre import DemoCentre
from switchboard.demo.sip_callers import ScriptedCall
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape, Press
from tests.acceptance.listening import callers_channel, record
from tests.acceptance.load import assert_all_served
from tests.acceptance.test_one_call import ended_call
from tests.acceptance.waiting import until
from tests.crm_worlds import tryton_world
from tests.crm_worlds.tryton_world import TrytonWorld
from tests.faults.proxy import FaultProxy
from tests.servers.tryton.server import TrytonServer

#: The first of a run may have to install Tryton.
pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(600)]

MARIA, STRANGER, ANOTHER = "+12025550171", "+12025550172", "+12025550173"
YET_ANOTHER = "+12025550174"
SHAPE = CallerShape(presses=(Press(1500, "0"), Press(3000, "0")))
#: Listens to the first words and rings off.
LISTENER = CallerShape(hang_up_after_ms=1800)
#: From Asterisk's answer to the first sound on the line, whatever Tryton does.
WITHIN_S = 0.8
FAULTS: dict[str, Callable[[FaultProxy], None]] = {
    "silence": FaultProxy.blackhole,
    "30 s latency": lambda proxy: proxy.delay(30.0),
    "reset": FaultProxy.reset,
}


@pytest.fixture
async def tryton(tryton_server: TrytonServer) -> AsyncIterator[TrytonWorld]:
    async with tryton_world.WORLDS[0].opened(tryton_server) as world:
        yield world


@pytest.fixture
async def proxy(tryton: TrytonWorld) -> AsyncIterator[FaultProxy]:
    host, _, port = tryton.url.removeprefix("http://").partition(":")
    async with FaultProxy() as proxy:
        proxy.target = (host, int(port))
        yield proxy


@pytest.fixture
async def centre(
    tmp_path: Path, tryton: TrytonWorld, proxy: FaultProxy
) -> AsyncIterator[DemoCentre]:
    await tryton.add_contact(MARIA, first_name="Maria", last_name="Garcia")
    server = tryton.server
    async with DemoCentre(
        folder=tmp_path,
        agents=1,
        phone=PhoneShape(ring_ms=300, talk_ms=500),
        overrides={
            "crm": {
                "adapter": "tryton",
                "cache_s": 0,
                "lookup_deadline_s": CrmSettings().lookup_deadline_s,
                "answer_deadline_s": CrmSettings().answer_deadline_s,
            },
            "tryton": {
                "url": f"http://127.0.0.1:{proxy.port}",
                "database": server.database,
                "username": server.username,
                "password": server.password,
            },
        },
    ) as centre:
        yield centre


async def ring(centre: DemoCentre, *numbers: str) -> None:
    calls = [ScriptedCall(number, cast.SHOP, shape=SHAPE) for number in numbers]
    result = await centre.callers.run(calls, deadline_s=60)
    assert (result.successful, result.failed) == (len(numbers), 0), result.errors


async def first_words_s(centre: DemoCentre, *numbers: str) -> list[float]:
    """By what Asterisk itself recorded of each line, all at once; never less than it was."""
    at_work, recordings = [], {}
    for number in numbers:
        at_work.append(centre.callers.start([ScriptedCall(number, cast.SHOP, shape=LISTENER)]))
        channel = await callers_channel(centre.pbx, other_than=frozenset(recordings))
        recording = await record(centre.pbx, channel)
        recordings[channel] = (recording, time.time() - recording.now_s)
    for calls in at_work:
        assert_all_served(await calls.wait(deadline_s=30), 1)
    answered = {row[4]: row[1] for row in centre.pbx.cel() if row[0] == "ANSWER"}
    waits = []
    for channel, (recording, began_at) in recordings.items():
        await recording.stop()
        answered_at = datetime.fromisoformat(answered[channel]).astimezone().timestamp()
        waits.append(began_at + recording.first_sound_s() - answered_at)
    return waits


async def test_recognised_and_written_once_whatever_happens(
    centre: DemoCentre,
    tryton: TrytonWorld,
    proxy: FaultProxy,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with Database(centre.storage_url) as database:
        index = PhoneIndex(database=database, region="US")

        async def copied() -> bool:
            return (await index.state("tryton")).is_complete

        await until(copied, "the copy of Tryton's numbers")
        assert await index.count("tryton") == 1
    await ring(centre, MARIA, STRANGER)
    maria = await ended_call(centre, MARIA)
    assert (maria.identity_outcome, maria.summary.contact_name) == ("unique", "Maria Garcia")
    [desktop] = centre.desktops
    names = [
        (frame["content"]["contact"] or {}).get("name")
        for frame in desktop.frames
        if frame["kind"] == "pop.offer"
    ]
    assert "Maria Garcia" in names
    await ended_call(centre, STRANGER)
    assert [lead.number for lead in await tryton.leads()] == [STRANGER]
    assert len(await tryton.calls()) == 2

    # Nobody reaches Tryton now: the caller notices nothing.
    proxy.close_all()
    await ring(centre, MARIA, ANOTHER)
    assert len(await tryton.calls()) == 2
    proxy.let_pass()

    async def all_there() -> bool:
        return (len(await tryton.calls()), len(await tryton.leads())) == (4, 2)

    await until(all_there, "what happened meanwhile, in Tryton", deadline_s=60)
    leads = [lead.number for lead in await tryton.leads()]
    assert sorted(leads) == [STRANGER, ANOTHER]

    # Nor does anybody wait for it.
    for name, fault in FAULTS.items():
        fault(proxy)
        waits = await first_words_s(centre, MARIA, YET_ANOTHER)
        with capsys.disabled():
            told = " and ".join(f"{seconds:.2f}" for seconds in waits)
            sys.stdout.write(f"\nfirst words with {name} before Tryton: {told} s\n")
        assert max(waits) <= WITHIN_S
        proxy.let_pass()
    assert (await centre.server.metrics())["agi_failed_total"] == 0
