"""Everything real: a SIP caller, Asterisk, the server process, and an agent's Chromium."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect
from sqlalchemy import select

from crm_adapter.call_history import CallHistory
from crm_adapter.embedded import demo_cast
from screenpop.pops.pop_tables import pop_deliveries
from storage.database import Database
from switchboard.demo import cast, prepared
from switchboard.demo.centre import INES, DemoCentre
from switchboard.demo.sip_callers import ScriptedCall
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape, Press
from tests.acceptance.desktop.conftest import ARTEFACTS, FLAGS
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
    async with DemoCentre(folder=folder, agents=1, phone=phone, desktops=False) as centre:
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
    page.set_default_timeout(20_000)
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
            await expect(row).to_contain_text("In the queue", timeout=20_000)
            await page.get_by_label("Available", exact=True).click()
            await expect(row).to_contain_text("Ringing", timeout=20_000)
            await expect(row).to_contain_text("anna")
            await expect(row).to_contain_text("Talking", timeout=20_000)
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
