"""An administrator sets up a second factor at the log-in page, and logs in with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pyotp
import pytest
import pytest_asyncio
from playwright.async_api import expect
from pydantic import SecretStr

from config.oidc_settings import OidcSettings
from config.settings import WebSettings
from storage.database import Database
from tests.acceptance.desktop.conftest import Desktop
from tests.fakes.desk_server import BEN, PASSWORD, DeskServer, add_agents, desk_server
from tests.servers.openid import CLIENT, SECRET, openid_provider

pytestmark = [pytest.mark.acceptance, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module")
async def server(sqlite_url: str) -> AsyncIterator[DeskServer]:
    async with Database(sqlite_url) as database:
        await add_agents(database, replace(BEN, role="admin"))
        settings = WebSettings(second_factor="admins")
        async with openid_provider() as provider:
            provider.person = {"preferred_username": "mallory"}
            oidc = OidcSettings(
                issuer=provider.issuer, client_id=CLIENT, client_secret=SecretStr(SECRET),
                name="Office", deadline_s=60,
            )  # fmt: skip
            async with desk_server(database, web_settings=settings, oidc=oidc) as server:
                yield server


async def test_a_second_factor_is_set_up_and_asked_for(desktop: Desktop) -> None:
    page = desktop.page
    code, error = page.get_by_label("Code of your authenticator app"), page.get_by_role("alert")

    async def password() -> None:
        await page.get_by_label("Login").fill("ben")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Log in").click()

    await page.goto(desktop.server.base_url)
    # The company's own log-in names somebody whom nobody knows here.
    await page.get_by_role("link", name="Log in with Office").click()
    await expect(error).to_contain_text("Nobody here is called “mallory”")
    assert await desktop.violations() == []
    await desktop.picture("log-in-over")
    await password()
    await expect(page.get_by_role("img", name="Picture for the authenticator app")).to_be_visible()
    await expect(code).to_be_focused()
    assert await desktop.violations() == []
    await desktop.picture("second-factor")
    secret = await page.locator(".door-hint code").inner_text()
    await code.fill("000")
    await code.press("Enter")
    await expect(error).to_contain_text("not right")
    await page.get_by_role("button", name="中文").click()
    await expect(page.get_by_role("heading", name="设置第二重验证")).to_be_visible()
    assert await desktop.violations() == []
    await page.get_by_role("button", name="English").click()
    await code.fill(pyotp.TOTP(secret.replace(" ", "")).now())
    await code.press("Enter")
    await expect(page.locator(".door-codes li")).to_have_count(10)
    recovery = await page.locator(".door-codes li").first.inner_text()
    assert await desktop.violations() == []
    await page.get_by_role("button", name="I have kept them").click()
    await page.get_by_text("Connected").wait_for()

    await page.get_by_role("button", name="Log out").click()
    await password()
    await expect(code).to_be_focused()
    assert await desktop.violations() == []
    await desktop.picture("second-factor-code")
    await code.fill(recovery)
    await code.press("Enter")
    await page.get_by_text("Connected").wait_for()
