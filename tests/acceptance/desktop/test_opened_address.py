"""The caller in another program: opened by itself once the call is answered, and by a link."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import BrowserContext, Page, expect

from config.pop_settings import PopUrl
from storage.database import Database
from tests.acceptance.desktop.conftest import Desktop
from tests.fakes.desk_server import ANNA, DeskServer, add_agents, desk_server
from tests.fakes.ringing_call import RingingCall, stranger, victoria

pytestmark = [pytest.mark.acceptance, pytest.mark.asyncio(loop_scope="module")]

A = ANNA.interfaces[0]
HOSTILE = "\"><script>window.opener.__owned=1</script>&end=2#'"


@pytest_asyncio.fixture(loop_scope="module")
async def crm() -> AsyncIterator[TestServer]:
    async def page(request: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><title>CRM</title>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/{path:.*}", page)
    async with TestServer(app) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def server(sqlite_url: str, crm: TestServer) -> AsyncIterator[DeskServer]:
    address = str(crm.make_url("/find")) + "?who={number}&says=--A--network_name--B--&end=1"
    addresses = (
        PopUrl(url=address, open="auto", callers="unknown"),
        PopUrl(url=str(crm.make_url("/c/")) + "{contact_id}", callers="known"),
    )
    async with Database(sqlite_url) as database:
        await add_agents(database)
        async with desk_server(database, addresses=addresses) as server:
            yield server


def pages_opened_in(context: BrowserContext) -> list[Page]:
    """From now on. Playwright writes on what it is given to call, and lists' own methods refuse."""
    opened: list[Page] = []

    def note(page: Page) -> None:
        opened.append(page)

    context.on("page", note)
    return opened


async def test_an_answered_call_opens_its_page_once_in_two_tabs_and_a_reload(
    desktop: Desktop, server: DeskServer, context: BrowserContext, crm: TestServer
) -> None:
    await desktop.log_in()
    second = await context.new_page()
    await second.goto(server.base_url)
    await second.get_by_text("Connected").wait_for()
    opened = pages_opened_in(context)
    call = RingingCall(number="+12025550150", name=HOSTILE)
    await server.publish(*call.until_ringing(stranger(), A))
    link = desktop.page.get_by_role("link", name=f"Open 127.0.0.1:{crm.port}")
    await expect(link).to_be_visible()
    assert opened == []
    async with context.expect_page() as coming:
        await server.publish(call.answered(A))
    page = await coming.value
    await page.wait_for_load_state()
    parts = urlsplit(page.url)
    assert (parts.netloc, parts.path, parts.fragment) == (f"127.0.0.1:{crm.port}", "/find", "")
    said = parse_qs(parts.query)
    assert (said["who"], said["says"], said["end"]) == (["+12025550150"], [HOSTILE], ["1"])
    assert await page.evaluate("window.opener") is None
    assert await page.evaluate("document.referrer") == ""
    assert await page.title() == "CRM"
    # Late news of the call, and a desktop loaded anew, open nothing more.
    await server.publish(call.refused("kettle"), call.pressed("1", "buy"))
    await desktop.page.reload()
    await expect(desktop.page.get_by_test_id("pop-state")).to_contain_text("On call")
    await server.publish(call.pressed("2", "talk_to_agent"))
    for one in (desktop.page, second):
        await expect(one.get_by_text("Talk to agent").first).to_be_visible()
    assert len(opened) == 1


async def test_what_waits_for_a_click_opens_by_its_link_alone(
    desktop: Desktop, server: DeskServer, context: BrowserContext
) -> None:
    await desktop.log_in()
    opened = pages_opened_in(context)
    call = RingingCall()
    await server.publish(*call.until_ringing(victoria(), A), call.answered(A))
    page = desktop.page
    await expect(page.get_by_test_id("pop-state")).to_contain_text("On call")
    assert await desktop.violations() == []
    await desktop.picture("open-link")
    assert opened == []
    async with context.expect_page() as coming:
        await page.get_by_role("link", name="Open 127.0.0.1").click()
    shown = await coming.value
    await shown.wait_for_load_state()
    assert urlsplit(shown.url).path == "/c/c-102"
    assert await shown.evaluate("window.opener") is None
