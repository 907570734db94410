"""Real calls with a real Tryton behind them: recognised while it rings, written exactly once, also
what happened while Tryton could not be reached."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from crm_adapter.live.phone_index import PhoneIndex
from storage.database import Database
from switchboard.demo import cast
from switchboard.demo.centre import DemoCentre
from switchboard.demo.sip_callers import ScriptedCall
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape, Press
from tests.acceptance.test_one_call import ended_call
from tests.acceptance.waiting import until
from tests.crm_worlds import tryton_world
from tests.crm_worlds.tryton_world import TrytonWorld
from tests.fakes.tcp_proxy import TcpProxy
from tests.servers.tryton.server import TrytonServer

#: The first of a run may have to install Tryton.
pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(600)]

MARIA, STRANGER, ANOTHER = "+12025550171", "+12025550172", "+12025550173"
SHAPE = CallerShape(presses=(Press(1500, "0"), Press(3000, "0")))


@pytest.fixture
async def tryton(tryton_server: TrytonServer) -> AsyncIterator[TrytonWorld]:
    async with tryton_world.WORLDS[0].opened(tryton_server) as world:
        yield world


@pytest.fixture
async def proxy(tryton: TrytonWorld) -> AsyncIterator[TcpProxy]:
    host, _, port = tryton.url.removeprefix("http://").partition(":")
    async with TcpProxy() as proxy:
        proxy.target = (host, int(port))
        yield proxy


@pytest.fixture
async def centre(tmp_path: Path, tryton: TrytonWorld, proxy: TcpProxy) -> AsyncIterator[DemoCentre]:
    await tryton.add_contact(MARIA, first_name="Maria", last_name="Garcia")
    server = tryton.server
    async with DemoCentre(
        folder=tmp_path,
        agents=1,
        phone=PhoneShape(ring_ms=300, talk_ms=500),
        overrides={
            "crm": {"adapter": "tryton", "cache_s": 0},
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


async def test_recognised_and_written_once_whatever_happens(
    centre: DemoCentre, tryton: TrytonWorld, proxy: TcpProxy
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
        return len(await tryton.calls()) == 4

    await until(all_there, "what happened meanwhile, in Tryton", deadline_s=60)
    leads = [lead.number for lead in await tryton.leads()]
    assert sorted(leads) == [STRANGER, ANOTHER]
    assert (await centre.server.metrics())["agi_failed_total"] == 0
