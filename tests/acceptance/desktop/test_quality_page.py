"""The page on the contacts' quality in a real browser: by day, by night, in both languages."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from supervisor.quality_page import page as quality_page
from tests.acceptance.desktop.conftest import ARTEFACTS, AXE
from tests.fakes.contact_quality import hostile_report

pytestmark = [pytest.mark.acceptance, pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_can_be_read(browser: Browser, tmp_path: Path, scheme: str) -> None:
    path = tmp_path / "quality.html"
    at = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    path.write_text(quality_page(hostile_report(), at=at), encoding="utf-8")
    context = await browser.new_context(
        viewport={"width": 900, "height": 1200}, color_scheme=scheme, bypass_csp=True
    )
    page = await context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: asked.append(dialog.message))
    await page.goto(path.as_uri())
    await expect(page.get_by_role("heading", name="Quality of the contacts")).to_be_visible()
    await expect(page.get_by_text("联系人数据质量", exact=True)).to_be_hidden()
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    found = await page.evaluate("() => axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa']})")
    assert [problem["id"] for problem in found["violations"]] == []
    await page.get_by_label("中文").check()
    await expect(page.get_by_role("heading", name="联系人数据质量")).to_be_visible()
    await expect(page.get_by_text("Quality of the contacts", exact=True)).to_be_hidden()
    await expect(page.get_by_role("cell", name="电话号码")).to_be_visible()
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=ARTEFACTS / f"quality-{scheme}.png", full_page=True)
    assert asked == [path.as_uri()]
    assert await page.title() == "Quality of the contacts · 联系人数据质量"
    await context.close()
