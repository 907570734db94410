"""Several agents, each with a desk phone and a page: whom a real Asterisk rings sees who calls, and
the page tells the truth through lost lines, killed browsers, and second tabs."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from switchboard.demo.private_pbx import PrivatePbx
from switchboard.demo.sip_phones import SipPhones
from switchboard.demo.sip_scenarios import PhoneShape
from tests.acceptance.desktop.conftest import Desktop, how_to_launch
from tests.acceptance.desktop.desks import Desks, crm_answers_late, state, unknown_yet
from tests.acceptance.desktop.phone_world import PhoneWorld, desk_world
from tests.acceptance.transfer_house import Operator, TransferHouse
from tests.acceptance.waiting import until
from tests.fakes.desk_server import ANNA, BEN, CHEN
from tests.real_asterisk import PhonesFor

pytestmark = [pytest.mark.acceptance, pytest.mark.asyncio(loop_scope="module")]

RINGS_ON = PhoneShape(ring_ms=None)
LOOKING_UP = "Looking up the caller…"


@pytest_asyncio.fixture(loop_scope="module")
async def world(pbx: PrivatePbx, sqlite_url: str, tmp_path: Path) -> AsyncIterator[PhoneWorld]:
    async with desk_world(pbx, sqlite_url, tmp_path, ANNA, BEN, CHEN) as world:
        yield world
    for agent in pbx.agents:
        await pbx.rx(f"queue unpause member PJSIP/{agent.endpoint}")


@pytest_asyncio.fixture(loop_scope="module")
async def hands(
    hall: TransferHouse, sqlite_url: str, tmp_path: Path
) -> AsyncIterator[tuple[PhoneWorld, Operator]]:
    """Where agents transfer by their desk phones, and who presses the keys."""
    operator = Operator(hall.pbx)
    try:
        async with desk_world(hall.pbx, sqlite_url, tmp_path, ANNA, BEN) as world:
            yield world, operator
    finally:
        operator.close()


@pytest_asyncio.fixture(loop_scope="module")
async def desks(browser: Browser, world: PhoneWorld) -> AsyncIterator[Desks]:
    async with AsyncExitStack() as stack:
        yield Desks(world, browser, stack)


async def test_three_are_rung_and_one_is_faster(
    desks: Desks, world: PhoneWorld, phones: PhonesFor
) -> None:
    anna, ben, chen = [await desks.available(one) for one in (ANNA, BEN, CHEN)]
    unknown_yet(world, "everybody")
    shapes = {"agent1": RINGS_ON, "agent2": RINGS_ON, "agent3": PhoneShape(ring_ms=8000)}
    async with phones(shapes):
        world.ring()
        for desk in (anna, ben, chen):
            await expect(state(desk)).to_contain_text("Ringing")
            await expect(desk.page.get_by_role("article").get_by_text(LOOKING_UP)).to_be_visible()
        await crm_answers_late(world)
        for desk in (anna, ben, chen):
            await expect(desk.page.get_by_role("heading", name="Victoria Stone")).to_be_visible()
        await expect(state(chen)).to_contain_text("On call")
        for desk in (anna, ben):
            await expect(state(desk)).to_contain_text("Answered by a colleague", timeout=1_000)
            # Who was slower has missed nothing, and is rung again.
            await expect(desk.page.get_by_label("Available", exact=True)).to_be_checked()
            await expect(desk.page.get_by_test_id("activity")).to_have_count(0)
        await world.pbx.rx("channel request hangup all")
        await expect(chen.page.get_by_role("heading", name="How did it go?")).to_be_visible()


async def test_who_lets_it_ring_is_passed_over_for_one_with_two_tabs(
    desks: Desks, world: PhoneWorld, phones: PhonesFor
) -> None:
    anna, ben = [await desks.available(one) for one in (ANNA, BEN)]
    other = Desktop(await ben.page.context.new_page(), ben.server)
    await other.page.goto(world.server.base_url)
    await other.page.get_by_text("Connected").wait_for()
    unknown_yet(world, "in_turn")
    async with phones({"agent1": RINGS_ON, "agent2": PhoneShape(ring_ms=1000)}):
        world.ring()
        await expect(state(anna)).to_contain_text("Ringing")
        await expect(state(ben)).to_have_count(0)
        await expect(state(anna)).to_contain_text("Missed")
        await expect(anna.page.get_by_test_id("missed-call")).to_be_visible()
        await expect(anna.page.get_by_label("Not ready")).to_be_checked()
        for tab in (ben, other):
            await expect(state(tab)).to_contain_text("On call")
        await world.pbx.rx("channel request hangup all")
        await other.page.get_by_label("Follow up").check()
        await other.page.get_by_role("button", name="Finish").click()
        for tab in (ben, other):
            await expect(state(tab)).to_contain_text("Finished")


async def test_a_line_cut_while_it_rings_and_a_browser_killed_in_the_call(
    desks: Desks, browser: Browser, world: PhoneWorld, phones: PhonesFor
) -> None:
    async with await browser.browser_type.launch(**how_to_launch()) as doomed:
        anna = await desks.available(ANNA, at=doomed)
        unknown_yet(world, "everybody")
        async with phones({"agent1": PhoneShape(ring_ms=5000)}):
            world.ring()
            await expect(state(anna)).to_contain_text("Ringing")
            world.network.close_all()
            await expect(anna.page.get_by_test_id("reconnect")).to_be_visible()
            # What is sent now finds nobody.
            await crm_answers_late(world)
            await expect(anna.page.get_by_role("article").get_by_text(LOOKING_UP)).to_be_visible()
            world.network.let_pass()
            caller = anna.page.get_by_role("heading", name="Victoria Stone")
            await expect(caller).to_be_visible()
            await expect(state(anna)).to_contain_text("Ringing")
            await expect(state(anna)).to_contain_text("On call")
            await anna.page.get_by_label("Note").fill("Wants it by courier.")
            await until(lambda: noted(world, "Wants it by courier."), "the note at the server")
            await kill(doomed)
            again = await desks.taken(ANNA)
            await expect(state(again)).to_contain_text("On call")
            await expect(again.page.get_by_role("heading", name="Victoria Stone")).to_be_visible()
            await expect(again.page.get_by_label("Note")).to_have_value("Wants it by courier.")
            await world.pbx.rx("channel request hangup all")
            await expect(again.page.get_by_role("heading", name="How did it go?")).to_be_visible()


async def noted(world: PhoneWorld, text: str) -> bool:
    return any(pop.note == text for pop in world.server.desk.pops.snapshot(ANNA.login))


async def kill(browser: Browser) -> None:
    """Without a goodbye, as a machine that loses its power."""
    told = await (await browser.new_browser_cdp_session()).send("SystemInfo.getProcessInfo")
    [pid] = [one["id"] for one in told["processInfo"] if one["type"] == "browser"]
    gone = asyncio.Event()
    browser.on("disconnected", lambda _: gone.set())
    os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(10):
        await gone.wait()


@pytest.mark.filterwarnings("ignore::DeprecationWarning:asterisk.manager")
async def test_a_colleague_who_is_asked_first_sees_the_caller(
    browser: Browser, hands: tuple[PhoneWorld, Operator], tmp_path: Path
) -> None:
    world, operator = hands
    async with AsyncExitStack() as stack:
        desks = Desks(world, browser, stack)
        anna, ben = [await desks.available(one) for one in (ANNA, BEN)]
        unknown_yet(world, "anna_only")
        shapes = {"agent1": PhoneShape(ring_ms=100), "agent2": PhoneShape(ring_ms=3000)}
        await stack.enter_async_context(
            SipPhones(agents=world.pbx.agents, shapes=shapes, folder=tmp_path)
        )
        world.ring()
        await crm_answers_late(world)
        await expect(state(anna)).to_contain_text("On call")
        await anna.page.get_by_label("Note").fill("Asks for a refund.")
        await until(lambda: noted(world, "Asks for a refund."), "the note at the server")
        channel = await operator.channel("agent1")
        await operator.act("Atxfer", Channel=channel, Context="from-agents", Exten="102")
        await expect(state(ben)).to_contain_text("Ringing")
        await expect(ben.page.get_by_role("heading", name="Victoria Stone")).to_be_visible()
        await expect(state(anna)).to_contain_text("On call")
        await expect(state(ben)).to_contain_text("On call")
        await operator.act("Hangup", Channel=channel)
        await expect(anna.page.get_by_role("heading", name="How did it go?")).to_be_visible()
        await expect(ben.page.get_by_role("article")).to_contain_text("Asks for a refund.")
        await world.pbx.rx("channel request hangup all")
        await expect(ben.page.get_by_role("heading", name="How did it go?")).to_be_visible()
