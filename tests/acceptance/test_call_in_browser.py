"""Everything real: a SIP caller, Asterisk, the server process, and an agent's Chromium."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect
from sqlalchemy import select

from crm_adapter.call_history import CallHistory
from crm_adapter.embedded import demo_cast
from screenpop.pops.pop_tables import pop_deliveries
from storage.database import Database
from switchboard.demo import cast, free_ports, prepared
from switchboard.demo.centre import INES, DemoCentre
from switchboard.demo.desktop_client import DesktopClient
from switchboard.demo.sip_callers import ScriptedCall
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape, Press
from tests.acceptance.desktop.conftest import ARTEFACTS, FLAGS, violations
from tests.acceptance.desktop.phone_world import LISTEN, heard
from tests.acceptance.waiting import until

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.alone,
    pytest.mark.asyncio(loop_scope="module"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def centre(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DemoCentre]:
    phone = PhoneShape(ring_ms=2500, talk_ms=1500)
    folder = tmp_path_factory.mktemp("centre")
    async with DemoCentre(
        folder=folder, agents=1, phone=phone, desktops=False, call_page=free_ports.tcp()
    ) as centre:
        yield centre


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    program = shutil.which("chromium")
    assert program, "Chromium is missing: run deploy/install-programs.sh chromium"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        await browser.close()


@asynccontextmanager
async def logged_in(browser: Browser, login: str, address: str) -> AsyncIterator[Page]:
    page = await browser.new_page(viewport={"width": 1360, "height": 820}, locale="en-US")
    page.set_default_timeout(30_000)
    await page.goto(address)
    await page.get_by_label("Login").fill(login)
    await page.get_by_label("Password").fill(prepared.PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await page.get_by_text("Connected", exact=True).wait_for()
    yield page
    await page.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(centre: DemoCentre, browser: Browser) -> AsyncIterator[Page]:
    async with logged_in(browser, "anna", centre.server.base_url) as page:
        await page.get_by_label("Available", exact=True).click()
        yield page


async def arrived_at(centre: DemoCentre) -> float:
    """Seconds since 1970: when the newest call came to us."""
    async with Database(centre.storage_url) as database:
        [newest] = await CallHistory(database=database).recent_calls(1)
        return newest.arrived_at.timestamp()


async def paints(centre: DemoCentre) -> list[float]:
    """Milliseconds from the event to paint of every offer, once acknowledged."""
    async with Database(centre.storage_url) as database, database.read() as connection:
        rows = await connection.execute(
            select(pop_deliveries.c.rendered_ms).where(
                pop_deliveries.c.kind == "pop.offer", pop_deliveries.c.rendered_ms.is_not(None)
            )
        )
        return [row[0] for row in rows]


async def test_maria_is_on_the_screen_before_anybody_says_hello(
    centre: DemoCentre, page: Page
) -> None:
    keys = (Press(2500, "1"), Press(5500, "0"))
    call = ScriptedCall(
        demo_cast.MARIA, cast.SHOP, name="GARCIA M", shape=CallerShape(presses=keys)
    )
    at_work = centre.callers.start([call])
    try:
        await expect(page.get_by_role("alert")).to_have_text(
            "Incoming call: Maria Garcia, queue Support", timeout=30_000
        )
        state = page.get_by_test_id("pop-state")
        await expect(state).to_contain_text("Ringing")
        card = page.get_by_role("article")
        for text in ("+1 202 555 0101", "Luna Solo", "3 days late", "Order status"):
            await expect(card.get_by_text(text).first).to_be_visible()
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=ARTEFACTS / "maria-rings.png")
        await expect(state).to_contain_text("On call")
        await expect(page.get_by_role("heading", name="How did it go?")).to_be_visible()
    finally:
        result = await at_work.wait(deadline_s=30)
    assert (result.successful, result.failed) == (1, 0), result.errors
    painted_ms, *_ = await until(lambda: paints(centre), "the paint in the database")
    assert 0 <= painted_ms < 2000
    metrics = await page.request.get(f"{centre.server.base_url}/metrics")
    assert 'switchboard_queue_wait_seconds_count{queue="support"} 1.0' in await metrics.text()


#: Writes down when each stage of the first call was in the page, in seconds since 1970.
_WATCH = """() => {
  window.__seen = {};
  const look = () => {
    const stage = document.querySelector(".sv-calls tbody .sv-stage");
    if (stage) window.__seen[stage.textContent] ??= Date.now() / 1000;
  };
  const frame = document.querySelector(".sv-calls");
  const all = {subtree: true, childList: true, characterData: true};
  new MutationObserver(look).observe(frame, all);
}"""


async def test_a_supervisor_follows_it_from_the_menu_and_reads_why(
    centre: DemoCentre, browser: Browser, page: Page
) -> None:
    shape = CallerShape(presses=(Press(2500, "0"),))
    call = ScriptedCall(demo_cast.MARIA, cast.SHOP, name="GARCIA M", shape=shape)
    at_work = None
    async with logged_in(browser, INES.login, f"{centre.server.base_url}/supervisor") as board:
        try:
            await expect(board.get_by_text("No calls at this moment.")).to_be_visible()
            await board.evaluate(_WATCH)
            await page.get_by_label("Not ready", exact=True).click()
            at_work = centre.callers.start([call])
            row = board.locator(".sv-calls").get_by_role("row").filter(has_text="Maria Garcia")
            await expect(row).to_contain_text("Menu")
            await expect(row).to_contain_text("In the queue", timeout=40_000)
            await page.get_by_label("Available", exact=True).click()
            await expect(row).to_contain_text("Ringing", timeout=40_000)
            await expect(row).to_contain_text("anna")
            await expect(row).to_contain_text("Talking", timeout=40_000)
            ARTEFACTS.mkdir(parents=True, exist_ok=True)
            await board.screenshot(path=ARTEFACTS / "supervisor-follows.png")
            await row.get_by_role("link").click()
            await expect(board.get_by_role("heading", name="Maria Garcia")).to_be_visible()
            await expect(board.get_by_text("in main pressed 0: agent")).to_be_visible()
            offer = board.locator(".sv-pops").get_by_role("row").filter(has_text="Offer")
            await expect(offer.first).to_contain_text("On the screen after")
        finally:
            result = await at_work.wait(deadline_s=30) if at_work is not None else None
        seen = await board.evaluate("window.__seen")
    assert result is not None
    assert (result.successful, result.failed) == (1, 0), result.errors
    assert {"Menu", "In the queue", "Ringing", "Talking"} <= seen.keys()
    assert 0 <= seen["Menu"] - await arrived_at(centre) < 1


#: Of what Asterisk, the server and two pages do together, on a machine that is busy.
SLOWEST_MS = 20_000


@asynccontextmanager
async def ringing_in(centre: DemoCentre, browser: Browser, *may: str) -> AsyncIterator[Page]:
    """The page for callers, in a browser where nobody is logged in."""
    context = await browser.new_context(
        viewport={"width": 1360, "height": 900}, locale="en-US", permissions=may
    )
    context.set_default_timeout(SLOWEST_MS)
    await context.add_init_script(LISTEN)
    page = await context.new_page()
    assert centre.call_page is not None
    await page.goto(centre.call_page.address)
    await page.get_by_role("radio", name="Maria Garcia").wait_for()
    try:
        yield page
    finally:
        await context.close()


async def desk_opened(page: Page, context: BrowserContext) -> Page:
    """By the button: nobody types a password."""
    async with context.expect_page() as opening:
        await page.get_by_role("button", name="Open the agent's desktop").click()
    desk = await opening.value
    await desk.get_by_text("Connected", exact=True).wait_for()
    await expect(desk.get_by_test_id("phone")).to_contain_text("Ready", timeout=SLOWEST_MS)
    await desk.get_by_label("Available", exact=True).click()
    return desk


async def test_a_person_calls_the_centre_as_maria_and_answers_as_the_agent(
    centre: DemoCentre, browser: Browser
) -> None:
    async with ringing_in(centre, browser, "microphone") as page:
        desk = await desk_opened(page, page.context)
        await page.bring_to_front()
        await page.get_by_role("button", name="Call", exact=True).focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_test_id("phase")).to_have_text("In the call", timeout=SLOWEST_MS)
        assert (await heard(page, 3))["loudest"] > 0.01
        steps = page.get_by_test_id("steps")
        await expect(steps).to_contain_text("Recognised as Maria Garcia", timeout=SLOWEST_MS)
        await expect(page.get_by_test_id("microphone")).to_have_text("Your microphone is heard.")
        await page.keyboard.press("0")
        await expect(page.get_by_label("Keys pressed")).to_have_text("0")
        await expect(desk.get_by_role("alert")).to_have_text(
            "Incoming call: Maria Garcia, queue Support", timeout=SLOWEST_MS
        )
        await expect(steps).to_contain_text("Rings at dora", timeout=SLOWEST_MS)
        assert await violations(page) == []
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=ARTEFACTS / "demo-call.png", full_page=True)
        await desk.get_by_role("button", name="Accept").click()
        await expect(steps).to_contain_text("Talks with dora", timeout=SLOWEST_MS)
        # Chromium's microphone that beeps, at either end.
        assert (await heard(desk, 1.5))["loudest"] > 0.005
        assert (await heard(page, 1.5))["loudest"] > 0.005
        await page.get_by_role("button", name="Hang up").press("Enter")
        await expect(steps).to_contain_text("The call is over", timeout=SLOWEST_MS)
        await expect(desk.get_by_role("heading", name="How did it go?")).to_be_visible()
    async with Database(centre.storage_url) as database:
        [newest] = await CallHistory(database=database).recent_calls(1)
    assert (newest.number, newest.contact_name) == (demo_cast.MARIA, "Maria Garcia")


async def test_the_best_customer_and_a_stranger_ring_in(
    centre: DemoCentre, browser: Browser
) -> None:
    told = {
        "Victoria Stone": "Recognised as Victoria Stone (VIP)",
        "A stranger": "Nobody is known by this number",
    }
    async with ringing_in(centre, browser) as page:
        for who, step in told.items():
            await page.get_by_role("radio", name=who).check()
            await page.get_by_role("button", name="Call", exact=True).click()
            phase = page.get_by_test_id("phase")
            await expect(phase).to_have_text("In the call", timeout=SLOWEST_MS)
            steps = page.get_by_test_id("steps")
            await expect(steps).to_contain_text(step, timeout=SLOWEST_MS)
            assert (await heard(page, 1))["loudest"] > 0.01
            await page.get_by_role("button", name="Hang up").click()
            await expect(steps).to_contain_text("The call is over", timeout=SLOWEST_MS)
    async with Database(centre.storage_url) as database:
        newest, before = await CallHistory(database=database).recent_calls(2)
    assert (before.number, before.contact_name) == (demo_cast.VIP, "Victoria Stone")
    assert (newest.number, newest.contact_name) == (cast.STRANGERS[0], None)


async def test_who_withholds_the_number_and_has_no_microphone_is_nobody_and_hears(
    centre: DemoCentre, browser: Browser
) -> None:
    anna = DesktopClient(centre.server.base_url, "anna", prepared.PASSWORD)
    async with (
        anna,
        ringing_in(centre, browser, "microphone") as other,
        ringing_in(centre, browser) as page,
    ):
        await anna.set_state("available")
        # Dora's phone is open, and nobody is to wait for her.
        dora = await desk_opened(other, other.context)
        await dora.get_by_label("Not ready", exact=True).click()
        await expect(dora.get_by_label("Not ready", exact=True)).to_be_checked()
        await page.emulate_media(color_scheme="dark")
        await page.get_by_role("button", name="中文").click()
        await page.get_by_role("radio", name="隐藏号码").check()
        await page.get_by_role("radio", name="中文").check()
        await page.get_by_role("button", name="呼叫", exact=True).click()
        await expect(page.get_by_test_id("phase")).to_have_text("通话中", timeout=SLOWEST_MS)
        await expect(page.get_by_test_id("microphone")).to_contain_text("没有麦克风")
        assert (await heard(page, 3))["loudest"] > 0.01
        steps = page.get_by_test_id("steps")
        await expect(steps).to_contain_text("没有号码：未识别任何人", timeout=SLOWEST_MS)
        assert "Maria" not in await steps.inner_text()
        assert await violations(page) == []
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=ARTEFACTS / "demo-call-chinese-dark.png", full_page=True)
        await page.get_by_role("button", name="按键 0").click()
        offer = json.dumps(await anna.wait_frame("pop.offer", SLOWEST_MS / 1000))
        assert '"+18005550188"' in offer
        assert '"language": "zh"' in offer
        for text in ("Maria", "Garcia", "caller-", "+1202"):
            assert text not in offer
        await page.get_by_role("button", name="挂断").click()
        await expect(steps).to_contain_text("通话已结束", timeout=SLOWEST_MS)
    async with Database(centre.storage_url) as database:
        [newest] = await CallHistory(database=database).recent_calls(1)
    assert (newest.number, newest.contact_name) == (None, None)
