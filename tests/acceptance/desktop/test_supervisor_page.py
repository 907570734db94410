"""What a supervisor sees, from the bus to the pixels, and what they may do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa
from playwright.async_api import BrowserContext, expect

from calls.events import MenuPresented, RecordingPaused
from crm_adapter.call_tables import calls
from scoring.registry.card import Measured, ModelCard, ModelKind, Verdict
from storage.database import Database
from tests.acceptance.desktop.conftest import Desktop, opened
from tests.acceptance.desktop.hostile import NAMES
from tests.fakes.desk_server import ANNA, BEN, CHEN, PASSWORD, add_agents
from tests.fakes.ringing_call import RingingCall, now, offering, stranger, victoria
from tests.fakes.rulebook_folder import option, write_rulebook
from tests.fakes.supervisor_server import INES, SupervisorServer, supervisor_server

pytestmark = [pytest.mark.acceptance, pytest.mark.asyncio(loop_scope="module")]

A, B = ANNA.interfaces[0], BEN.interfaces[0]
VERSION = "20261101-023000-0123abcd"


@pytest_asyncio.fixture(loop_scope="module")
async def house(sqlite_url: str, tmp_path: Path) -> AsyncIterator[SupervisorServer]:
    folder = write_rulebook(tmp_path / "rulebook")
    async with Database(sqlite_url) as database:
        await add_agents(database, ANNA, BEN, CHEN, INES)
        async with supervisor_server(database, tmp_path, rulebook=folder) as house:
            yield house


@pytest_asyncio.fixture(loop_scope="module")
async def desktop(context: BrowserContext, house: SupervisorServer) -> AsyncIterator[Desktop]:
    async with opened(context, house.desk) as desktop:
        yield desktop


async def log_in(desktop: Desktop, login: str = "ines", at: str = "") -> None:
    page = desktop.page
    await page.goto(f"{desktop.server.base_url}/supervisor{at}")
    await page.get_by_label("Login").fill(login)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()


async def log_out(desktop: Desktop) -> None:
    """Until it is done: whoever leaves the page at once may still be logged in on the next."""
    await desktop.page.get_by_role("button", name="Log out").click()
    await expect(desktop.page.get_by_label("Login")).to_be_visible()


async def keep(house: SupervisorServer, call: RingingCall) -> None:
    """As the recorder does, which this house has none of."""
    decision = offering("kettle_pro").as_json() | {
        "rules": [
            {"group": "route", "name": "vip first", "matched": True, "because": "tier is vip"},
            {"group": "route", "name": "others", "matched": False, "because": "tier is vip"},
        ],
        "options": [
            {"digit": "1", "intent": "orders", "say": "For orders", "reasons": ["asked before"],
             "probability": 0.4, "seconds": 2.0, "offer": None},
        ],
    }  # fmt: skip
    row = {
        "system": call.id.system, "linkedid": call.id.linkedid, "channel": "PJSIP/trunk-1",
        "from_raw": call.call.from_raw, "from_name": "", "withheld": False,
        "number": "+12025550102", "dialled": "+18005550100", "language": "en",
        "arrived_at": call.call.arrived_at, "fallback": False, "queue": "support",
        "contact_crm": "embedded", "contact_id": "c-102", "contact_name": "Victoria Stone",
        "identity_outcome": "unique", "identity_method": "e164", "identity_confidence": 0.97,
        "first_queued_at": now() - timedelta(seconds=18), "answered_at": now(), "ended_at": now(),
        "outcome": "answered", "end_estimated": False, "decision": decision,
        "rulebook_version": "0123456789abcdef",
        "menu_path": [{"at": now().isoformat(), "menu": "main", "digits": "1",
                       "outcome": "match", "intent": "orders"}],
    }  # fmt: skip
    await house.desk.database.writer.write(lambda c: c.execute(sa.insert(calls).values(row)))


async def test_calls_from_the_menu_to_the_agent(desktop: Desktop, house: SupervisorServer) -> None:
    await log_in(desktop)
    page = desktop.page
    await expect(page.get_by_text("Connected")).to_be_visible()
    await expect(page.get_by_text("No calls at this moment.")).to_be_visible()
    first, second = RingingCall(), RingingCall(number="+12025550150", name="ACME <b>BIKES</b>")
    await house.desk.publish(
        first.arrived(),
        first.identified(victoria()),
        MenuPresented(first.id, now(), "main"),
        second.arrived(),
        second.identified(stranger()),
        second.queued(),
    )
    row = page.get_by_role("row").filter(has_text="Victoria Stone")
    await expect(row).to_contain_text("Menu")
    await expect(row).to_contain_text("…02")
    await expect(page.get_by_role("row").filter(has_text="…50")).to_contain_text("In the queue")
    await house.desk.publish(first.pressed("2", "where_is_my_order"), first.queued())
    await expect(row).to_contain_text("In the queue")
    frame = page.locator(".sv-calls")
    height = await frame.bounding_box()
    await house.desk.publish(first.ringing(A))
    await expect(row).to_contain_text("Ringing")
    others = [RingingCall(number=f"+120255501{n}") for n in range(51, 63)]
    await house.desk.publish(first.answered(A), *(call.arrived() for call in others))
    await house.desk.publish(*(MenuPresented(call.id, now(), "main") for call in others))
    await expect(row).to_contain_text("Talking")
    await expect(row).to_contain_text("anna")
    await house.desk.publish(RecordingPaused(first.id, now(), on=True))
    await expect(row).to_contain_text("Recording paused")
    await expect(page.locator(".sv-calls tbody tr")).to_have_count(14)
    assert await frame.bounding_box() == height
    anna = page.locator(".sv-agents").get_by_role("row").filter(has_text="Anna Lindqvist")
    await expect(anna).to_contain_text("Talking")
    assert "+12025550102" not in await page.content()
    assert await desktop.violations() == []
    await desktop.picture("supervisor-light")
    await page.emulate_media(color_scheme="dark")
    assert await desktop.violations() == []
    await desktop.picture("supervisor-dark")
    await page.get_by_role("button", name="中文").click()
    await expect(page.get_by_role("heading", name="进行中的通话")).to_be_visible()
    assert await desktop.violations() == []
    await desktop.picture("supervisor-chinese")


async def test_hostile_names_are_text(desktop: Desktop, house: SupervisorServer) -> None:
    await log_in(desktop)
    page = desktop.page
    await expect(page.get_by_text("No calls at this moment.")).to_be_visible()
    await page.evaluate("window.__owned = 0")
    for n, name in enumerate(NAMES):
        call = RingingCall(number=name if n % 2 else "+12025550150", name=name)
        await house.desk.publish(
            call.arrived(), call.identified(victoria(name=name)), call.pressed(name[:9], name)
        )
    shown = page.locator(".sv-calls tbody tr")
    await expect(shown).to_have_count(len(NAMES))
    assert await page.evaluate("window.__owned") == 0
    assert await page.locator("#root script, #root iframe, #root object").count() == 0
    assert await page.locator("#root img:not([src='/icon.svg'])").count() == 0
    for link in await page.locator(".sv-calls a").all():
        assert (await link.get_attribute("href") or "").startswith("#/call/pbx%2F")


async def test_a_click_shows_the_decision_and_the_pops_way(
    desktop: Desktop, house: SupervisorServer
) -> None:
    call = RingingCall()
    await keep(house, call)
    async with house.desk.client() as anna:
        await log_in(desktop)
        page = desktop.page
        await house.desk.publish(*call.until_ringing(victoria(), A, B), call.answered(A))
        await anna.wait_frame("pop.claim")
        await house.desk.desk.flush()
        await page.get_by_role("link", name="Victoria Stone").click()
        await expect(page.get_by_role("heading", name="Victoria Stone")).to_be_visible()
    rule = page.get_by_role("row").filter(has_text="route: vip first")
    await expect(rule).to_contain_text("yes")
    await expect(rule).to_contain_text("tier is vip")
    await expect(page.get_by_text("in main pressed 1: orders")).to_be_visible()
    pops = page.locator(".sv-pops")
    ben = pops.get_by_role("row").filter(has_text="ben").filter(has_text="Offer")
    await expect(ben).to_contain_text("No desktop was open")
    await expect(pops.get_by_role("row").filter(has_text="anna").first).to_contain_text("1")
    stop = page.locator(".sv-stops").get_by_role("listitem")
    await expect(stop).to_contain_text("Agent not logged in")
    await expect(stop).to_contain_text("What to do ben logs in before taking calls")
    await expect(stop.locator("code")).to_have_text("queues.membership: ours")
    assert await desktop.violations() == []
    await desktop.picture("supervisor-call")
    await desktop.picture("supervisor-stop", of=".sv-stops")
    await page.get_by_role("button", name="中文").click()
    await expect(stop).to_contain_text("ben 没有登录")
    await page.get_by_role("button", name="English").click()
    await page.get_by_role("link", name="Back to now").click()
    await expect(page.get_by_role("heading", name="Live calls")).to_be_visible()
    lost = page.locator(".sv-lost-pops").get_by_role("row").filter(has_text="ben")
    # Figures are read every few seconds.
    await expect(lost).to_contain_text("Agent not logged in")
    await lost.get_by_role("link").click()
    await expect(stop).to_be_visible()
    await page.goto(f"{house.base_url}/supervisor#/call/pbx%2Fnone")
    await expect(page.get_by_role("alert")).to_have_text("Nothing is kept of this call (yet).")


async def test_a_broken_rulebook_is_told_and_changes_nothing_a_good_one_asks_first(
    desktop: Desktop, house: SupervisorServer
) -> None:
    folder = house.settings.rulebook.path
    assert folder is not None
    first = house.rulebooks.current.version
    write_rulebook(folder, menus=option(sya="x"))
    await log_in(desktop, at="#/rulebook")
    page = desktop.page
    await page.get_by_role("button", name="Check the folder").click()
    await expect(page.get_by_text("This cannot be published. Nothing has changed.")).to_be_visible()
    problem = page.locator(".sv-problems tbody tr").first
    await expect(problem).to_contain_text("menus.yaml")
    await expect(problem).to_contain_text("sya")
    await expect(problem.get_by_role("cell").first).to_have_text("7")
    await expect(page.get_by_role("button", name="Publish…")).to_have_count(0)
    assert house.rulebooks.current.version == first
    assert await desktop.violations() == []
    await desktop.picture("supervisor-broken-rulebook")

    write_rulebook(folder, menus=option(say='"To buy"'))
    await page.get_by_role("button", name="Check the folder").click()
    await page.get_by_role("button", name="Publish…").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("New calls have it at once.")
    assert await desktop.violations() == []
    await page.keyboard.press("Escape")
    assert house.rulebooks.current.version == first
    await page.get_by_role("button", name="Publish…").click()
    await dialog.get_by_label("What changes, and why").fill("Shorter")
    await dialog.get_by_role("button", name="Publish").click()
    await expect(page.get_by_role("row").filter(has_text="Shorter")).to_contain_text("Current")
    second = house.rulebooks.current.version
    assert second != first
    await page.get_by_role("button", name=f"Roll back to {first}").click()
    await desktop.picture("supervisor-roll-back")
    await dialog.get_by_role("button", name="Roll back").click()
    await expect(page.get_by_text(f"Version {first} is current.")).to_be_visible()
    assert house.rulebooks.current.version == first


async def test_models_have_cards_that_can_do_nothing(
    desktop: Desktop, house: SupervisorServer
) -> None:
    metrics = {"auc": Measured(value=0.8125)}
    card = ModelCard(
        kind=ModelKind.CHURN, version=VERSION, contact_schema="c1", columns=("visits",),
        objective="binary:logistic", trained_at=now(), rows=900, metrics=metrics,
        decision=Verdict(promoted=True, because=("<script>alert(1)</script> better",)),
    )  # fmt: skip
    place = house.settings.scoring.models_dir / "churn" / VERSION
    place.mkdir(parents=True)
    (place / "card.json").write_text(card.as_text())
    (place.parent / "current.json").write_text(f'{{"current": "{VERSION}"}}')
    await log_in(desktop, at="#/models")
    page = desktop.page
    row = page.get_by_role("row").filter(has_text=VERSION)
    for text in ("Churn", "In use", "Passed", "auc 0.813", "<script>alert(1)</script> better"):
        await expect(row).to_contain_text(text)
    assert await desktop.violations() == []
    await desktop.picture("supervisor-models")
    async with page.context.expect_page() as card_page:
        await row.get_by_role("link", name=f"Card of Churn {VERSION}").click()
    opened_card = await card_page.value
    await expect(opened_card.get_by_text("alert(1)").first).to_be_visible()
    policy = await opened_card.evaluate("window.origin")
    assert policy == "null"


async def test_an_agent_is_kept_outside(desktop: Desktop, house: SupervisorServer) -> None:
    await log_in(desktop, "anna")
    page = desktop.page
    await expect(page.get_by_text("This page is for supervisors")).to_be_visible()
    for path in ("board", "events", "rulebook", "models", "call?id=pbx/1"):
        answer = await page.request.get(f"{house.base_url}/api/v1/supervisor/{path}")
        assert answer.status == 403, path
    assert await desktop.violations() == []
    await desktop.picture("supervisor-refused")
    await log_out(desktop)
    await log_in(desktop)
    await expect(page.get_by_text("No calls at this moment.")).to_be_visible()
    house.desk.desk.agents._agents["ines"] = replace(INES, role="agent")
    await log_out(desktop)
    await log_in(desktop)
    await expect(page.get_by_text("This page is for supervisors")).to_be_visible()
    house.desk.desk.agents._agents["ines"] = replace(INES, role="auditor")
    await log_out(desktop)
    await log_in(desktop, at="#/rulebook")
    await expect(page.get_by_text("You are an auditor")).to_be_visible()
    await page.get_by_role("button", name="Check the folder").click()
    await expect(page.get_by_text("The folder holds the current version.")).to_be_visible()
    await expect(page.get_by_role("button", name="Publish…")).to_have_count(0)
    await expect(page.get_by_role("button", name="Roll back")).to_have_count(0)
    await page.get_by_role("link", name="Outbox").click()
    await expect(page.get_by_text("Nothing was given up.")).to_be_visible()
    await expect(page.get_by_text("Administrators have these delivered once more.")).to_be_visible()
    assert await desktop.violations() == []
