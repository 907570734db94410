"""A day of the phone in the page: a real Chromium, a real Asterisk, real callers, real voices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Locator, Page, expect

from calls import events
from calls.decision import PopWish
from calls.ports import CallChannel, QueueRequest
from switchboard.demo.private_pbx import MUSIC_HZ, PrivatePbx
from switchboard.demo.sip_scenarios import CallerShape
from tests.acceptance.desktop.conftest import Desktop
from tests.acceptance.desktop.phone_world import (
    LISTEN,
    QUEUE,
    VERA,
    PhoneWorld,
    accepts,
    hears_the_caller,
    phone_world,
)
from tests.acceptance.listening import Recording, callers_channel
from tests.acceptance.waiting import until
from tests.fakes.desk_server import DeskServer
from tests.fakes.ringing_call import now, offering

#: In so long the fake microphone beeps at least once.
PART_S = 0.8

pytestmark = [pytest.mark.acceptance, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module")
async def world(pbx: PrivatePbx, sqlite_url: str, tmp_path: Path) -> AsyncIterator[PhoneWorld]:
    async with phone_world(pbx, sqlite_url, tmp_path) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="module")
async def server(world: PhoneWorld) -> DeskServer:
    return world.server


@pytest_asyncio.fixture(loop_scope="module")
async def desk(desktop: Desktop, world: PhoneWorld, context: BrowserContext) -> Desktop:
    """Logged in, registered, and available."""
    await context.grant_permissions(["microphone", "notifications"])
    await desktop.page.add_init_script(LISTEN)
    await desktop.log_in(VERA.login)
    await expect(desktop.page.get_by_test_id("phone")).to_contain_text("Ready")
    await world.registered()
    await desktop.page.get_by_label("Available", exact=True).click()
    return desktop


def phone(page: Page) -> Locator:
    return page.get_by_test_id("phone")


async def test_a_call_from_ring_to_wrap_up(desk: Desktop, world: PhoneWorld) -> None:
    page = desk.page
    keys = world.pbx.run / "log" / "keys"
    await world.pbx.rx("logger add channel keys dtmf,verbose(3)")
    work = world.ring()
    box = phone(page)
    await expect(box.get_by_text("Victoria Stone")).to_be_visible()
    await expect(page.get_by_test_id("pop-state")).to_contain_text("Ringing")
    assert await desk.violations() == []
    await desk.picture("phone-ringing")
    await accepts(page)
    await expect(page.get_by_test_id("pop-state")).to_contain_text("On call")
    assert await may_leave(page) is False
    caller = await world.caller()
    await hears_the_caller(page)
    mute = box.get_by_role("button", name="Mute")
    assert caller.now_s > 0.6
    spoken = (0.0, caller.now_s)
    await mute.click()
    await expect(mute).to_have_attribute("aria-pressed", "true")
    await expect(box.get_by_text("Talking · Muted")).to_be_visible()
    assert await desk.violations() == []
    await desk.picture("phone-talking")
    await page.emulate_media(color_scheme="dark")
    assert await desk.violations() == []
    await desk.picture("phone-talking-dark")
    await page.emulate_media(color_scheme="light")
    # The fake microphone beeps twice a second.
    await heard_since(caller, spoken[1], is_silent)
    await mute.click()
    await box.get_by_role("button", name="Keypad").click()
    # Not #: Asterisk's own way to transfer, as the queue's option `t` allows.
    for digit in "42*":
        await box.get_by_role("button", name=f"Key {digit}").click()
    await expect(box.get_by_label("Keys pressed")).to_have_text("42*")
    assert await desk.violations() == []
    await desk.picture("phone-keypad")
    await until(lambda: pressed(keys, "42*"), "the keys at Asterisk")
    hold = box.get_by_role("button", name="Hold")
    begun = await music_began(keys)
    held = caller.now_s
    await hold.click()
    await expect(box.get_by_text("On hold")).to_be_visible()
    await expect(page.get_by_test_id("activity")).to_contain_text("On hold")
    await until(lambda: music_began(keys, more_than=begun), "music on hold")
    await heard_since(caller, held, is_music)
    await hold.click()
    await expect(box.get_by_text("Talking", exact=True)).to_be_visible()
    await hears_the_caller(page)
    await box.get_by_role("button", name="Hang up").click()
    await expect(page.get_by_role("heading", name="How did it go?")).to_be_visible()
    await expect(page.get_by_test_id("phone-call")).to_have_count(0)
    assert await may_leave(page) is True
    await caller.stop()
    await work.wait(deadline_s=30)
    assert caller.loudness(*spoken) > 0.005


async def may_leave(page: Page) -> bool:
    """Whether the page lets itself be closed unasked."""
    asked = "dispatchEvent(new Event('beforeunload', {cancelable: true}))"
    return bool(await page.evaluate(asked))


def is_silent(caller: Recording, start_s: float, end_s: float) -> bool:
    return caller.loudness(start_s, end_s) < 0.001


def is_music(caller: Recording, start_s: float, end_s: float) -> bool:
    """Music on hold swells and fades (at its softest 0.011): it is known by its notes."""
    share = caller.share_of(MUSIC_HZ, start_s, end_s)
    return share > 0.5 and caller.loudness(start_s, end_s) > 0.005


async def heard_since(
    caller: Recording, start_s: float, is_it: Callable[[Recording, float, float], bool]
) -> None:
    """Returns once the caller has heard it for `PART_S`: on a busy machine sound comes to the
    recording later than it was made."""

    async def heard() -> bool:
        await caller.so_far()
        starts = np.arange(start_s, caller.seconds - PART_S, 0.1)
        return any(is_it(caller, float(at), float(at) + PART_S) for at in starts)

    await until(heard, is_it.__name__)


async def music_began(log: Path, *, more_than: int = -1) -> int:
    """How often, once it is more (res_musiconhold.c of Asterisk 22.10)."""
    text = await asyncio.to_thread(log.read_text)
    count = text.count("Started music on hold")
    return count if count > more_than else 0


async def pressed(log: Path, wanted: str) -> bool:
    """The keys that came from the agent's phone, in order."""
    lines = await asyncio.to_thread(log.read_text)
    found = [
        line.partition("DTMF end '")[2][:1]
        for line in lines.splitlines()
        if "DTMF end '" in line and f"received on PJSIP/{VERA.login}-" in line
    ]
    return "".join(found) == wanted


async def test_voices_outlive_a_lost_connection(desk: Desktop, world: PhoneWorld) -> None:
    page, box = desk.page, phone(desk.page)
    work = world.ring()
    await accepts(page)
    await hears_the_caller(page)
    caller = await world.caller()
    world.network.close_all()
    banner = page.get_by_test_id("phone-lost")
    await expect(banner).to_have_text("Phone line lost. Voice is up, controls are delayed.")
    await hears_the_caller(page)
    await box.get_by_role("button", name="Hold").click()
    await expect(box.get_by_text("Goes on hold when the line is back.")).to_be_visible()
    assert await desk.violations() == []
    await desk.picture("phone-line-lost")
    spoken = (0.0, caller.now_s)
    world.network.let_pass()
    await expect(banner).to_have_count(0)
    await expect(box.get_by_text("On hold")).to_be_visible()
    await box.get_by_role("button", name="Hold").click()
    await expect(box.get_by_text("Talking", exact=True)).to_be_visible()
    await hears_the_caller(page)
    # What Asterisk says finds the new connection: the caller's goodbye arrives.
    await world.pbx.rx(f"channel request hangup {await callers_channel(world.pbx)}")
    await expect(page.get_by_test_id("phone-call")).to_have_count(0)
    await caller.stop()
    await work.stop()
    assert caller.loudness(*spoken) > 0.005


async def test_what_rings_is_accepted_once_the_connection_is_back(
    desk: Desktop, world: PhoneWorld
) -> None:
    page, box = desk.page, phone(desk.page)
    world.ring()
    accept = box.get_by_role("button", name="Accept")
    await expect(accept).to_be_enabled()
    world.network.close_all()
    await expect(accept).to_be_disabled()
    await expect(box).to_contain_text("Can be accepted when the line is back.")
    assert await desk.violations() == []
    await desk.picture("phone-ringing-line-lost")
    world.network.let_pass()
    await expect(accept).to_be_enabled()
    await accepts(page)
    await hears_the_caller(page)
    await expect(page.get_by_test_id("pop-state")).to_contain_text("On call")
    world.network.close_all()
    await expect(page.get_by_test_id("phone-lost")).to_be_visible()
    await box.get_by_role("button", name="Hang up").click()
    await expect(box).to_contain_text("Is hung up when the line is back.")
    world.network.let_pass()
    await expect(page.get_by_test_id("phone-call")).to_have_count(0)
    await expect(page.get_by_role("heading", name="How did it go?")).to_be_visible()


async def test_a_caller_is_sent_on_and_one_who_cannot_be_stays(
    desk: Desktop, world: PhoneWorld
) -> None:
    """By the card, as with a phone on the desk: the phone's button leads there."""
    page, box = desk.page, phone(desk.page)
    work = world.ring(CallerShape(hang_up_after_ms=60_000))
    await accepts(page)
    transfer = box.get_by_role("button", name="Transfer", exact=True)
    await transfer.click()
    await expect(transfer).to_have_attribute("aria-expanded", "true")
    card = page.get_by_test_id("transfer")
    target = card.get_by_label("Name, queue or number")
    await target.fill("049301234")
    await card.get_by_role("button", name="Transfer now").click()
    await expect(page.get_by_text("Calls go to colleagues")).to_be_visible()
    await hears_the_caller(page)
    assert await desk.violations() == []
    await desk.picture("phone-transfer")
    await target.fill("85-00")
    await card.get_by_role("button", name="Transfer now").click()
    await expect(page.get_by_test_id("phone-call")).to_have_count(0)
    await until(lambda: echoing(world), "the caller at the extension")
    await work.stop()


async def echoing(world: PhoneWorld) -> bool:
    return any("!Echo!" in line for line in await world.channels())


async def test_a_call_without_a_card_is_sent_on_by_the_phone_itself(
    desk: Desktop, world: PhoneWorld
) -> None:
    page, box = desk.page, phone(desk.page)

    async def dialog(channel: CallChannel) -> None:
        decision = offering(pop=PopWish(False, None))
        world.house.bus.publish(events.DecisionMade(channel.call.id, now(), decision))
        await channel.answer()
        await channel.to_queue(QueueRequest(QUEUE))

    world.house.dialog = dialog
    world.ring()
    await accepts(page)
    await expect(page.get_by_test_id("transfer")).to_have_count(0)
    await page.keyboard.press("Control+Shift+X")
    target = box.get_by_label("Extension or number")
    await target.fill("nobody")
    await box.get_by_role("button", name="Transfer now").click()
    await expect(box.get_by_role("alert")).to_have_text(
        "The transfer to nobody failed. The caller is still with you."
    )
    # The context of its endpoint would take it, but that of its transfers has no such number.
    await target.fill("2025550123")
    await box.get_by_role("button", name="Transfer now").click()
    await expect(box.get_by_role("alert")).to_have_text(
        "The transfer to 2025550123 failed. The caller is still with you."
    )
    await hears_the_caller(page)
    await target.fill("85-00")
    await box.get_by_role("button", name="Transfer now").click()
    await expect(page.get_by_test_id("phone-call")).to_have_count(0)
    await until(lambda: echoing(world), "the caller at the extension")


async def test_a_caller_who_gives_up_and_one_who_is_declined(
    desk: Desktop, world: PhoneWorld
) -> None:
    page, box = desk.page, phone(desk.page)
    await page.evaluate("Object.defineProperty(document, 'hidden', {get: () => true})")
    work = world.ring(CallerShape(hang_up_after_ms=8000))
    await expect(box.get_by_role("button", name="Accept")).to_be_visible()
    await expect(box.get_by_text("Victoria Stone")).to_be_visible()
    # The number stood there until the pop came; the name takes its place.
    await page.wait_for_function(
        "() => window.__notices.at(-1).title === 'Ringing: Victoria Stone'"
    )
    assert await page.evaluate("new Set(window.__notices.map(n => n.tag)).size") == 1
    await expect(page.get_by_test_id("phone-call")).to_have_count(0)
    await page.wait_for_function("() => window.__notices.at(-1).closed")
    await work.wait(deadline_s=30)
    await expect(page.get_by_test_id("pop-state")).to_contain_text("Caller hung up")
    # Whom nobody gave the time to answer has missed nothing, and is rung again.
    await expect(page.get_by_label("Available", exact=True)).to_be_checked()
    world.ring()
    decline = box.get_by_role("button", name="Decline")
    await expect(decline).to_be_visible()
    await page.keyboard.press("Control+Shift+D")
    await decline.wait_for(state="hidden")
    await expect(page.get_by_test_id("missed-call")).to_be_visible()
    phones = world.server.desk.phones
    phones.close_sessions(phones.sessions())
    over = page.get_by_test_id("phone-logged-out")
    await expect(over).to_contain_text("Your session has ended, and the phone with it.")
    assert await desk.violations() == []
    await desk.picture("phone-logged-out")
    await over.get_by_role("button", name="Log in again").click()
    await expect(page.get_by_label("Password")).to_be_visible()


async def test_one_tab_has_the_phone(
    desk: Desktop, world: PhoneWorld, context: BrowserContext
) -> None:
    [before] = await world.contacts()
    second = Desktop(await context.new_page(), desk.server)
    await second.page.add_init_script(LISTEN)
    await second.page.goto(desk.server.base_url)
    other = phone(second.page)
    await expect(other).to_contain_text("The phone is in another tab.")
    assert await second.violations() == []
    await second.picture("phone-other-tab")
    work = world.ring()
    await accepts(desk.page)
    rings = [await one.evaluate("window.__tones") for one in (desk.page, second.page)]
    assert rings[0] > 0
    assert rings[1] == 0
    await other.get_by_role("button", name="Use this tab").click()
    await expect(other).to_contain_text("The other tab is in a call.")
    await hears_the_caller(desk.page)
    await phone(desk.page).get_by_role("button", name="Hang up").click()
    await expect(desk.page.get_by_test_id("phone-call")).to_have_count(0)
    await work.wait(deadline_s=30)
    await other.get_by_role("button", name="Use this tab").click()
    await expect(other).to_contain_text("Ready")
    await expect(phone(desk.page)).to_contain_text("The phone is in another tab.")

    async def moved() -> bool:
        return len(now := await world.contacts()) == 1 and now != [before]

    await until(moved, "the other tab's registration alone")
    # The tab that has it goes: the one that is left takes it up by itself.
    await second.page.close()
    await expect(phone(desk.page)).to_contain_text("Ready")
    await world.registered()


async def test_without_a_microphone_there_are_no_calls(
    desktop: Desktop, world: PhoneWorld, context: BrowserContext
) -> None:
    page = desktop.page
    await page.add_init_script(LISTEN)
    await desktop.log_in(VERA.login)
    trouble = page.get_by_test_id("microphone-trouble")
    await expect(trouble).to_contain_text("The microphone is blocked.")
    assert await world.contacts() == []
    await until(lambda: world.can_ring(False), "the phone, as the queue has it")
    await page.get_by_label("Available", exact=True).click()
    await expect(page.get_by_label("Not ready", exact=True)).to_be_checked()
    assert await desktop.violations() == []
    await desktop.picture("phone-no-microphone")
    await context.grant_permissions(["microphone"])
    await expect(phone(page)).to_contain_text("Ready")
    await world.registered()
    await until(lambda: world.can_ring(True), "the registered phone in the queue")
    await page.get_by_label("Available", exact=True).click()
    await expect(page.get_by_label("Available", exact=True)).to_be_checked()
    await phone(page).get_by_role("button", name="Check sound").click()
    await expect(page.get_by_role("meter")).to_be_visible()
    level = page.get_by_role("meter")

    async def moves() -> bool:
        return float(await level.get_attribute("value") or 0) > 20

    await until(moves, "the microphone's level")
    await desktop.picture("phone-check-sound", of="[data-testid=phone]")
    await another_device_is_chosen_and_taken_away(page)
    assert await desktop.violations() == []
    await page.emulate_media(color_scheme="dark")
    assert await desktop.violations() == []
    await desktop.picture("phone-check-sound-dark")
    await page.get_by_role("button", name="中文").click()
    await expect(phone(page)).to_contain_text("就绪")
    await context.clear_permissions()
    await expect(trouble).to_contain_text("麦克风被阻止")
    await expect(page.get_by_label("未就绪", exact=True)).to_be_checked()


async def another_device_is_chosen_and_taken_away(page: Page) -> None:
    """The ring goes to another loudspeaker than voices do, until that is unplugged."""
    ring, speaker = page.get_by_label("It rings on"), page.get_by_label("Voices are heard on")
    await ring.select_option(label="Fake Audio Output 2")
    await expect(speaker).to_have_value("")
    await page.get_by_label("Volume of the ring").fill("80")
    await page.get_by_role("button", name="Test ring").click()
    chosen = await ring.input_value()
    # The others are the meter's.
    rings_there = "id => window.__sounds.some(one => one.sinkId === id)"
    await page.wait_for_function(rings_there, arg=chosen)
    gone = """id => {
      const all = navigator.mediaDevices.enumerateDevices.bind(navigator.mediaDevices);
      navigator.mediaDevices.enumerateDevices = async () =>
        (await all()).filter(device => device.deviceId !== id);
      navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
    }"""
    await page.evaluate(gone, chosen)
    await expect(page.get_by_test_id("gone-devices")).to_have_text(
        "Fake Audio Output 2 is not there: it rings on the default device."
    )
    await expect(ring).to_have_value(chosen)
    await page.wait_for_function("window.__sounds.every(one => one.sinkId === '')")
