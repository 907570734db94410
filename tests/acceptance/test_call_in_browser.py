"""Everything real: a SIP caller, Asterisk, the server process, and an agent's Chromium."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect
from sqlalchemy import select

from crm_adapter.embedded import demo_cast
from screenpop.pops.pop_tables import pop_deliveries
from storage.database import Database
from switchboard.demo import cast, prepared
from switchboard.demo.centre import DemoCentre
from switchboard.demo.sip_callers import ScriptedCall
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape, Press
from tests.acceptance.desktop.conftest import ARTEFACTS, FLAGS
from tests.acceptance.waiting import until

pytestmark = [pytest.mark.acceptance, pytest.mark.alone]


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[DemoCentre]:
    phone = PhoneShape(ring_ms=2500, talk_ms=1500)
    async with DemoCentre(folder=tmp_path, agents=1, phone=phone, desktops=False) as centre:
        yield centre


@pytest.fixture
async def page(centre: DemoCentre) -> AsyncIterator[Page]:
    program = shutil.which("chromium")
    assert program, "Chromium is missing: run deploy/install-programs.sh chromium"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=FLAGS)
        page = await browser.new_page(viewport={"width": 1360, "height": 820})
        page.set_default_timeout(20_000)
        await page.goto(centre.server.base_url)
        await page.get_by_label("Login").fill("anna")
        await page.get_by_label("Password").fill(prepared.PASSWORD)
        await page.get_by_role("button", name="Log in").click()
        await page.get_by_text("Connected").wait_for()
        await page.get_by_label("Available", exact=True).click()
        yield page
        await browser.close()


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
    [painted_ms] = await until(lambda: paints(centre), "the paint in the database")
    assert 0 <= painted_ms < 2000
