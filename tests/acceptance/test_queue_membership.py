"""Agents as members of a real Asterisk's queues, from log-in on the desktop to log-out."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from calls.agents import Agent, Skill
from config.queue_settings import QueueSettings
from config.settings import WebSettings
from crm_adapter.follow_ups import DatabaseFollowUps
from scoring.offer_ledger import DatabaseOfferLedger
from screenpop.desk.admission import Admission
from screenpop.desk.desk import Desk
from screenpop.desk.routes import add_routes
from storage.database import Database
from switchboard.demo.desktop_client import DesktopClient
from switchboard.demo.private_pbx import PrivatePbx
from tests.acceptance import queue_house
from tests.acceptance.queue_house import House
from tests.acceptance.waiting import until
from tests.fakes.desk_server import PASSWORD, add_agents

pytestmark = pytest.mark.acceptance

#: In queues.conf already, of both queues.
ANNA = Agent("anna", "Anna", ("PJSIP/agent1",), ("support", "sales"))
WANDA = Agent("wanda", "Wanda Web", ("PJSIP/wanda",), ("support",), skills=(Skill("french", 7),))
SETTINGS = QueueSettings(membership_grace_s=0.5, penalty_skills={"support": "french"})

Member = Callable[..., Awaitable[list[str]]]


def shown(pbx: PrivatePbx, queue: str) -> Callable[[str], Awaitable[list[str]]]:
    """The lines of `queue show` that name a member."""

    async def lines(member: str) -> list[str]:
        told = re.sub(r"\x1b\[[0-9;]*m", "", await pbx.rx(f"queue show {queue}"))
        return [line.strip() for line in told.splitlines() if member in line]

    return lines


@asynccontextmanager
async def our_side(pbx: PrivatePbx, folder: Path, database: Database) -> AsyncIterator[House]:
    """Its desktops are at the web address that Asterisk knows, whichever of its lives it is."""
    web_settings = WebSettings()
    async with AsyncExitStack() as stack:

        async def more(app: web.Application, house: House) -> Admission:
            desk = Desk(
                database=database,
                bus=house.bus,
                queue_control=house.bridge.queue_control,
                memberships={"pbx": house.bridge.membership},
                queues=SETTINGS,
                offers=DatabaseOfferLedger(database=database),
                follow_ups=DatabaseFollowUps(database=database),
                web=web_settings,
            )
            await stack.enter_async_context(desk)
            stack.callback(desk.hub.close_all)
            add_routes(app, desk=desk, settings=web_settings)
            return desk.admission

        yield await stack.enter_async_context(queue_house.opened(pbx, folder, more=more))


def desktop(pbx: PrivatePbx, login: str) -> DesktopClient:
    return DesktopClient(f"http://127.0.0.1:{urlsplit(pbx.web_url).port}", login, PASSWORD)


def wanda_in(pbx: PrivatePbx) -> tuple[Member, Callable[[], Awaitable[bool]]]:
    """Her line in `queue show` where it has these words, and whether there is none."""
    support = shown(pbx, "support")

    async def member(*words: str) -> list[str]:
        return [line for line in await support("Wanda Web") if all(w in line for w in words)]

    async def nobody() -> bool:
        return not await support("Wanda Web")

    return member, nobody


async def test_who_works_is_a_member_and_nobody_else_is_touched(
    pbx: PrivatePbx, tmp_path: Path, database: Database
) -> None:
    await add_agents(database, ANNA, WANDA)
    support, (member, nobody) = shown(pbx, "support"), wanda_in(pbx)
    before = await support("PJSIP/agent1")
    async with (
        our_side(pbx, tmp_path, database) as house,
        desktop(pbx, "wanda") as wanda,
        desktop(pbx, "anna") as anna,
    ):
        assert await nobody()
        await wanda.send({"kind": "state.set", "state": "not_ready", "reason": "lunch"})
        # Their penalty is 10 minus the level of their French.
        await until(lambda: member("dynamic", "penalty 3", "paused:lunch"), "Wanda, paused")
        await wanda.set_state("available")
        await until(lambda: _without(member, "paused"), "Wanda, not paused")
        await anna.set_state("available")
        await until(lambda: _told(house, "PJSIP/agent1"), "Anna's state told")
        # No phone of that name is registered: what is shown as ready must be able to ring.
        phones = {m.interface: m.reachable for m in house.bridge.members.all()}
        assert (phones["PJSIP/agent1"], phones["PJSIP/wanda"]) == (True, False)
        assert len(await support("PJSIP/agent1")) == len(before) == 1

        await pbx.kill()
        await pbx.start()
        await until(lambda: member("dynamic"), "Wanda, after Asterisk's restart")
        assert len(await support("Wanda Web")) == 1
        await anna.set_state("offline")
        await wanda.send({"kind": "state.set", "state": "not_ready", "reason": "lunch"})
        await until(lambda: member("paused:lunch"), "Wanda, paused again")
        await wanda.set_state("available")
        await wanda.log_out()
        await until(nobody, "Wanda, out")
        [left] = await support("PJSIP/agent1")
        assert "dynamic" not in left
        await anna.set_state("available")
        await until(lambda: _free(support), "Anna, available")


async def test_a_restart_of_ours_finds_the_members_and_follows_them_on(
    pbx: PrivatePbx, tmp_path: Path, database: Database
) -> None:
    await add_agents(database, WANDA)
    member, nobody = wanda_in(pbx)
    async with AsyncExitStack() as at_work:
        async with our_side(pbx, tmp_path, database):
            wanda = await at_work.enter_async_context(desktop(pbx, "wanda"))
            await wanda.send({"kind": "state.set", "state": "not_ready", "reason": "lunch"})
            await until(lambda: member("paused:lunch"), "Wanda, paused")
        # While we were away somebody changed it by hand.
        await pbx.rx("queue unpause member PJSIP/wanda queue support")
        [away] = await member("dynamic", "penalty 3")
        assert "paused" not in away
        async with our_side(pbx, tmp_path, database):
            await until(lambda: member("paused:lunch"), "Wanda, as she chose to be before")
            assert len(await member("dynamic", "penalty 3")) == 1
            await until(lambda: _back(wanda), "Wanda's desktop, by itself")
            assert wanda.status["state"] == "not_ready"
            await wanda.set_state("available")
            await until(lambda: _without(member, "paused"), "Wanda, not paused")
            await wanda.log_out()
            await until(nobody, "Wanda, out")


async def _back(desktop: DesktopClient) -> bool:
    return desktop.counters.connects > 1


async def _without(member: Member, word: str) -> bool:
    lines = await member()
    return bool(lines) and word not in lines[0]


async def _told(house: House, interface: str) -> bool:
    return any(not m.paused for m in house.bridge.members.all() if m.interface == interface)


async def _free(support: Callable[[str], Awaitable[list[str]]]) -> bool:
    return "paused" not in (await support("PJSIP/agent1"))[0]
