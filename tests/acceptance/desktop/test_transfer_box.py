"""Agents give their calls away by the page: Asterisk moves them, whatever phone they have, and the
page of whoever gets one knows of it before they answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, expect

from switchboard.demo.sip_phones import SipPhones
from switchboard.demo.sip_scenarios import PhoneShape
from tests.acceptance.desktop.conftest import Desktop
from tests.acceptance.desktop.desks import Desks, crm_answers_late, state, unknown_yet
from tests.acceptance.desktop.phone_world import PhoneWorld, desk_world
from tests.acceptance.transfer_house import TransferHouse
from tests.acceptance.waiting import until
from tests.fakes.desk_server import ANNA, BEN, CHEN

pytestmark = [pytest.mark.acceptance, pytest.mark.asyncio(loop_scope="module")]

#: Rings long enough to be looked at.
SHAPES = {
    "agent1": PhoneShape(ring_ms=100),
    "agent2": PhoneShape(ring_ms=1200),
    "agent3": PhoneShape(ring_ms=100),
}
WRAP_UP = "How did it go?"


@pytest_asyncio.fixture(loop_scope="module")
async def world(hall: TransferHouse, sqlite_url: str, tmp_path: Path) -> AsyncIterator[PhoneWorld]:
    async with (
        desk_world(hall.pbx, sqlite_url, tmp_path, ANNA, BEN, CHEN) as world,
        SipPhones(agents=hall.pbx.agents, shapes=SHAPES, folder=tmp_path),
    ):
        try:
            yield world
        finally:
            for agent in hall.pbx.agents:
                await hall.pbx.rx(f"queue unpause member PJSIP/{agent.endpoint}")


@pytest_asyncio.fixture(loop_scope="module")
async def desks(browser: Browser, world: PhoneWorld) -> AsyncIterator[Desks]:
    async with AsyncExitStack() as stack:
        yield Desks(world, browser, stack)


def box(desktop: Desktop) -> Locator:
    return desktop.page.get_by_test_id("transfer")


def button(desktop: Desktop, name: str) -> Locator:
    return box(desktop).get_by_role("button", name=name, exact=True)


async def in_a_call(world: PhoneWorld, anna: Desktop) -> None:
    unknown_yet(world, "anna_only")
    world.ring()
    await crm_answers_late(world)
    await expect(state(anna)).to_contain_text("On call")


async def below(desktop: Desktop) -> float:
    """Where what stands under the box begins."""
    found = await desktop.page.locator(".panels").bounding_box()
    assert found is not None
    return found["y"]


async def looks_right(desktop: Desktop, name: str) -> None:
    for scheme in ("light", "dark"):
        await desktop.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # its Literal
        assert await desktop.violations() == []
        await desktop.picture(f"transfer-{name}-{scheme}")
    await desktop.page.emulate_media(color_scheme="light")


async def test_a_colleague_is_asked_and_gets_the_call_with_its_note(
    desks: Desks, world: PhoneWorld
) -> None:
    anna, ben = [await desks.available(one) for one in (ANNA, BEN)]
    await in_a_call(world, anna)
    await anna.page.get_by_label("Note").fill("Asks for a refund.")
    await anna.page.keyboard.press("Control+Shift+X")
    whom = box(anna).get_by_label("Name, queue or number")
    await expect(whom).to_be_focused()
    other = box(anna).get_by_text("Ben Okafor", exact=False).locator("xpath=ancestor::label")
    await expect(other).to_contain_text("Available")
    await expect(box(anna).get_by_text("Anna Lindqvist")).to_have_count(0)
    await ben.page.get_by_label("Not ready").click()
    await expect(other).to_contain_text("Not ready")
    height = await below(anna)
    await looks_right(anna, "choice")
    await whom.fill("ben")
    await whom.press("Enter")
    asking = anna.page.get_by_test_id("asking")
    await expect(asking).to_contain_text("Ben Okafor")
    await expect(asking).to_contain_text("Being called.")
    await expect(state(ben)).to_contain_text("Ringing")
    await expect(ben.page.get_by_role("heading", name="Victoria Stone")).to_be_visible()
    await expect(ben.page.get_by_role("article")).to_contain_text("Asks for a refund.")
    await expect(button(anna, "Conference")).to_be_disabled()
    await expect(asking).to_contain_text("Talking with you.")
    assert await below(anna) == height
    await looks_right(anna, "asking")
    # A page that is loaded anew knows what goes on.
    await anna.page.reload()
    await expect(asking).to_contain_text("Talking with you.")
    await button(anna, "Complete").click()
    await expect(anna.page.get_by_role("heading", name=WRAP_UP)).to_be_visible()
    await expect(anna.page.get_by_role("article")).to_contain_text("Transferred")
    await expect(state(ben)).to_contain_text("On call")
    await expect(ben.page.get_by_role("article")).to_contain_text("Asks for a refund.")


async def test_the_call_is_taken_back_and_then_three_talk(desks: Desks, world: PhoneWorld) -> None:
    anna, ben = [await desks.available(one) for one in (ANNA, BEN)]
    await in_a_call(world, anna)
    await anna.page.get_by_role("button", name="中文").click()
    await box(anna).get_by_role("button", name="转接…").click()
    other = box(anna).get_by_role("radio", name="Ben Okafor")
    await expect(other).to_be_visible()
    await box(anna).get_by_label("姓名、队列或号码").press("ArrowDown")
    await expect(other).to_be_focused()
    await expect(other).to_be_checked()
    assert await anna.violations() == []
    await anna.picture("transfer-choice-zh")
    await anna.page.get_by_role("button", name="English").click()
    await button(anna, "Ask first").click()
    asking = anna.page.get_by_test_id("asking")
    await expect(asking).to_contain_text("Talking with you.")
    await button(anna, "Take back").click()
    await expect(asking).to_have_count(0)
    await expect(ben.page.get_by_role("heading", name=WRAP_UP)).to_be_visible()
    await expect(state(anna)).to_contain_text("On call")
    # At once: Asterisk takes nothing while it beeps to who takes a call back.
    await other.check()
    await button(anna, "Ask first").click()
    await expect(asking).to_contain_text("Talking with you.")
    await button(anna, "Conference").click()
    await expect(asking).to_contain_text("All three of you talk.")

    async def three() -> bool:
        shown = await world.pbx.rx("bridge show all")
        return any(" 3 " in line for line in shown.splitlines())

    await until(three, "a bridge of three")
    await looks_right(anna, "conference")
    await button(anna, "Leave the call to them").click()
    await expect(anna.page.get_by_role("heading", name=WRAP_UP)).to_be_visible()
    await expect(state(ben)).to_contain_text("On call")


async def test_a_call_goes_into_a_queue_at_once(desks: Desks, world: PhoneWorld) -> None:
    anna, ben = [await desks.available(one) for one in (ANNA, BEN)]
    await in_a_call(world, anna)
    # Not rung by the queue herself.
    await anna.page.get_by_label("Not ready").click()
    await button(anna, "Transfer…").click()
    await box(anna).get_by_role("radio", name="support").check()
    await expect(button(anna, "Ask first")).to_be_disabled()
    await button(anna, "Transfer now").click()
    await expect(anna.page.get_by_role("heading", name=WRAP_UP)).to_be_visible()
    await expect(state(ben)).to_contain_text("On call")
    await expect(ben.page.get_by_role("article")).to_contain_text("Transferred from")


async def test_who_lets_it_ring_leaves_the_caller_with_the_agent(
    desks: Desks, world: PhoneWorld
) -> None:
    anna = await desks.available(ANNA)
    await in_a_call(world, anna)
    await button(anna, "Transfer…").click()
    # A number that is none of the house's, then one that leads nowhere.
    whom = box(anna).get_by_label("Name, queue or number")
    await whom.fill("0493 01234")
    await button(anna, "Transfer now").click()
    await expect(
        anna.page.get_by_text("Calls go to colleagues, queues and house numbers only.")
    ).to_be_visible()
    await whom.fill("99")
    await expect(button(anna, "Ask first")).to_be_enabled()
    await button(anna, "Ask first").click()
    nobody = anna.page.get_by_text("The caller is with you.")
    await expect(nobody).to_be_visible()
    await expect(whom).to_be_visible()
    await expect(state(anna)).to_contain_text("On call")
