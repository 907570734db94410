"""A transfer to a number outside, where `agents.transfer_numbers` was set too wide: the guard is
asked first, and the agent is told in words why not."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from calls.call import CallId
from calls.errors import Unavailable
from calls.ports import Asked, AskingEnd, TransferTarget
from config.agent_settings import AgentSettings
from config.dialling_settings import DiallingSettings
from storage.database import Database
from switchboard.demo.desktop_client import DesktopClient
from tests.fakes.desk_server import ANNA, DeskServer, add_agents, desk_server
from tests.fakes.ringing_call import RingingCall, victoria
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

A = ANNA.interfaces[0]
ANYTHING = AgentSettings(transfer_numbers=".*")
TWO = DiallingSettings(agent_an_hour=2)


@dataclass
class TransfersTwin:
    """Implements `calls.ports.Transfers`; `broken` makes it refuse as Asterisk does."""

    dialled: list[str] = field(default_factory=list)
    broken: bool = False

    async def give(self, call_id: CallId, interface: str, target: TransferTarget) -> None:
        await self.ask(call_id, interface, target)

    async def ask(self, call_id: CallId, interface: str, target: TransferTarget) -> None:
        if self.broken:
            raise Unavailable("refused")
        self.dialled.append(target.extension or target.name)

    async def asked(self, call_id: CallId) -> Asked:
        return "called"

    async def end_asking(self, call_id: CallId, interface: str, how: AskingEnd) -> None:
        return None


async def talks(server: DeskServer) -> tuple[RingingCall, str]:
    call = RingingCall()
    await server.publish(
        call.arrived(),
        call.identified(victoria()),
        call.queued("support"),
        call.ringing(A, "support"),
        call.answered(A, "support"),
    )
    return call, server.desk.pops.snapshot("anna")[-1].pop_id


async def transfer(anna: DesktopClient, pop_id: str, target: str, how: str = "blind") -> None:
    frame = {"kind": "call.transfer", "pop_id": pop_id, "target": target, "how": how}
    await anna.send(frame)


async def refused(anna: DesktopClient, code: str) -> str:
    text = str((await anna.wait_frame("notice", code=code))["text"])
    anna.frames.clear()
    return text


async def test_nothing_costly_is_dialled_and_the_agent_reads_why(database: Database) -> None:
    await add_agents(database)
    twin = TransfersTwin()
    async with (
        desk_server(database, work=ANYTHING, dialling=TWO, transfers=twin) as server,
        server.client() as anna,
    ):
        call, pop = await talks(server)
        for how in ("blind", "attended"):
            await transfer(anna, pop, "19005550100", how)
            assert "cost so much" in await refused(anna, "dial_costly")
        await transfer(anna, pop, "011442079460018")
        await refused(anna, "dial_country")
        await transfer(anna, pop, "12025550123", "attended")
        await wait_until(lambda: twin.dialled == ["12025550123"])
        await anna.send({"kind": "call.transfer_cancel", "pop_id": pop})
        await anna.wait_frame("call.consult", state="over")
        await transfer(anna, pop, "12025550123")
        await wait_until(lambda: len(twin.dialled) == 2)
        # It goes on, whoever talks in it now.
        second, pop = await talks(server)
        await transfer(anna, pop, "12025550123")
        await refused(anna, "dial_at_once")
        await transfer(anna, pop, "100")
        await wait_until(lambda: twin.dialled[2:] == ["100"])
        await server.publish(call.ended())
        await transfer(anna, pop, "12025550123")
        await refused(anna, "dial_agent_limit")
        assert server.metric("dials_total") == 2
        await server.publish(second.ended())


async def test_what_numbers_outside_cost_today_outlives_the_desk(database: Database) -> None:
    await add_agents(database)
    twin = TransfersTwin()
    costs = DiallingSettings(prices={"+1": 0.6}, day_cost=0.9)
    async with (
        desk_server(database, work=ANYTHING, dialling=costs, transfers=twin) as server,
        server.client() as anna,
    ):
        call, pop = await talks(server)
        await transfer(anna, pop, "12025550123")
        await wait_until(lambda: twin.dialled == ["12025550123"])
        await server.publish(call.ended())
    async with (
        desk_server(database, work=ANYTHING, dialling=costs, transfers=twin) as server,
        server.client() as anna,
    ):
        assert server.metric("dials_cost_today") == 0.6
        _, pop = await talks(server)
        await transfer(anna, pop, "12025550123")
        assert "cost more today" in await refused(anna, "dial_day_cost")
        await transfer(anna, pop, "100")
        await wait_until(lambda: twin.dialled[1:] == ["100"])


async def test_what_asterisk_refuses_goes_on_nowhere(database: Database) -> None:
    await add_agents(database)
    twin = TransfersTwin(broken=True)
    async with (
        desk_server(database, work=ANYTHING, transfers=twin) as server,
        server.client() as anna,
    ):
        _, pop = await talks(server)
        for how in ("blind", "attended"):
            await transfer(anna, pop, "12025550123", how)
            await refused(anna, "transfer_failed")
        twin.broken = False
        await transfer(anna, pop, "12025550123")
        await wait_until(lambda: twin.dialled == ["12025550123"])
