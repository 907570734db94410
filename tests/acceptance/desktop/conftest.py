"""One Chromium for the module, a fresh server and a fresh page for each test."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import (
    Browser,
    BrowserContext,
    FloatRect,
    Page,
    async_playwright,
    expect,
)

from config.agent_settings import AgentSettings
from screenpop.desk.static_files import STATIC
from storage.database import Database
from tests.fakes.desk_server import PASSWORD, DeskServer, add_agents, desk_server

ROOT = Path(__file__).parents[3]
ARTEFACTS = ROOT / "tests" / "artefacts"
AXE = ROOT / "desktop" / "node_modules" / "axe-core" / "axe.min.js"
#: For a page that is broken, not one that is slow: Playwright's 5 s were too few on a busy machine.
EXPECT_MS = 30_000
expect.set_options(timeout=EXPECT_MS)
FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
    # A microphone that beeps, for pages that are granted one; voices within this machine.
    "--use-fake-device-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
]


@dataclass
class Desktop:
    """A page with its complaints: script errors and policy violations."""

    page: Page
    server: DeskServer
    complaints: list[str] = field(default_factory=list)

    async def log_in(self, login: str = "anna") -> None:
        await self.page.goto(self.server.base_url)
        await self.page.get_by_label("Login").fill(login)
        await self.page.get_by_label("Password").fill(PASSWORD)
        await self.page.get_by_role("button", name="Log in").click()
        await self.page.get_by_text("Connected").wait_for()

    async def picture(self, name: str, *, of: str = "", top: int = 0) -> None:
        """Of the window, or of an element, or of so many pixels from the window's top. Those that a
        page of docs/ shows go there by `make pictures`."""
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        path = ARTEFACTS / f"{name}.png"
        if of:
            await self.page.locator(of).screenshot(path=path)
        elif top:
            width = (self.page.viewport_size or {"width": 1360})["width"]
            clip: FloatRect = {"x": 0, "y": 0, "width": width, "height": top}
            await self.page.screenshot(path=path, clip=clip)
        else:
            await self.page.screenshot(path=path)

    async def violations(self) -> list[str]:
        return await violations(self.page)


async def violations(page: Page) -> list[str]:
    """What axe-core finds against WCAG 2.2 AA, one line each."""
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    found = await page.evaluate("tags => axe.run({runOnly: {type: 'tag', values: tags}})", tags)
    return [
        f"{problem['id']}: {json.dumps(node['target'])} {node['failureSummary']}"
        for problem in found["violations"]
        for node in problem["nodes"]
    ]


def how_to_launch() -> dict[str, Any]:
    """The arguments of Playwright's `launch`."""
    program = shutil.which("chromium")
    assert program, "Chromium is missing: run deploy/install-programs.sh chromium"
    return {"executable_path": program, "headless": True, "args": FLAGS}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    assert (STATIC / "index.html").is_file(), "the desktop is not built: run `make desktop`"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**how_to_launch())
        yield browser
        await browser.close()


@pytest.fixture
def work() -> AgentSettings:
    return AgentSettings()


@pytest_asyncio.fixture(loop_scope="module")
async def server(sqlite_url: str, work: AgentSettings) -> AsyncIterator[DeskServer]:
    async with Database(sqlite_url) as database:
        await add_agents(database)
        async with desk_server(database, work=work) as server:
            yield server


@pytest_asyncio.fixture(loop_scope="module")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(
        viewport={"width": 1360, "height": 900}, locale="en-US", color_scheme="light"
    )
    context.set_default_timeout(EXPECT_MS)
    yield context
    await context.close()


@asynccontextmanager
async def opened(context: BrowserContext, server: DeskServer) -> AsyncIterator[Desktop]:
    """A page that must complain of nothing."""
    page = await context.new_page()
    desktop = Desktop(page, server)
    page.on("pageerror", lambda error: desktop.complaints.append(str(error)))
    page.on("dialog", lambda dialog: desktop.complaints.append(f"dialog {dialog.message}"))
    page.on(
        "console",
        lambda line: (
            desktop.complaints.append(line.text) if "Content Security Policy" in line.text else None
        ),
    )
    await page.add_init_script(
        "window.addEventListener('securitypolicyviolation', e =>"
        " console.error('Content Security Policy', e.violatedDirective, e.blockedURI))"
    )
    yield desktop
    assert desktop.complaints == []


@pytest_asyncio.fixture(loop_scope="module")
async def desktop(context: BrowserContext, server: DeskServer) -> AsyncIterator[Desktop]:
    async with opened(context, server) as desktop:
        yield desktop
