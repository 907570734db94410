"""What an agent sees, from the bus to the pixels."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import pytest
from playwright.async_api import BrowserContext, expect

from calls.events import LeadConfirmed, LeadCreated
from calls.offers import OfferAnswer
from config.agent_settings import AgentSettings
from tests.acceptance.desktop.conftest import Desktop
from tests.acceptance.desktop.hostile import NAMES
from tests.fakes.desk_server import ANNA, BEN, DeskServer
from tests.fakes.ringing_call import (
    RingingCall,
    household,
    now,
    stranger,
    victoria,
    withheld_caller,
)

pytestmark = [pytest.mark.acceptance, pytest.mark.asyncio(loop_scope="module")]

A, B = ANNA.interfaces[0], BEN.interfaces[0]
#: All at once would take longer than a scenario may.
HOSTILE_PARTS = 3


#: What the build made and came as large as it is.
_UNCOMPRESSED = """performance.getEntriesByType('resource')
  .filter(one => /\\.(js|css|svg)$/.test(one.name) && one.encodedBodySize >= one.decodedBodySize)
  .map(one => one.name)"""


def told_in_full(call: RingingCall):
    return [
        call.arrived(),
        call.identified(victoria()),
        call.decided("kettle_pro", note="Sits on our board: be brief."),
        call.pressed("9", None, "invalid"),
        call.pressed("2", "where_is_my_order"),
        call.pressed("1", "talk_to_agent", menu="order_status"),
        call.queued("key_accounts"),
        call.ringing(A, "key_accounts"),
    ]


async def test_the_caller_is_on_the_screen_while_it_rings(
    desktop: Desktop, server: DeskServer
) -> None:
    await desktop.log_in()
    page = desktop.page
    await page.get_by_label("Available", exact=True).click()
    await expect(page.get_by_label("Available", exact=True)).to_be_checked()
    await expect(page.get_by_text("Ready when they are")).to_be_visible()
    # Her phone stands on the desk: none of the page's is shown, or loaded.
    await expect(page.get_by_test_id("phone")).to_have_count(0)
    loaded = await page.evaluate("performance.getEntriesByType('resource').map(e => e.name)")
    assert any("/assets/index-" in name for name in loaded)
    assert not any("JsSIP" in name for name in loaded)
    assert await page.evaluate(_UNCOMPRESSED) == []
    assert await desktop.violations() == []
    await desktop.picture("idle")
    await page.get_by_role("button", name="中文").focus()
    call = RingingCall()
    await server.publish(*told_in_full(call))
    await expect(page.get_by_role("heading", name="Victoria Stone")).to_be_visible()
    await expect(page.get_by_role("alert")).to_have_text(
        "Incoming call: Victoria Stone, queue Key accounts"
    )
    card = page.get_by_role("article")
    for text in (
        "+1 202 555 0102", "Stone & Daughters", "VIP", "At risk", "97% sure", "Where is my order",
        "Espresso machine Nine", "$1,249.00", "3 days late", "Pressure drops after ten minutes",
        "Worth offering", "Kettle pro", "Mention the kettle_pro.", "vip first", "Key accounts",
        "Heard while waiting · 12 days ago", "Heard from an agent, refused · 120 days ago",
        "2 of 3 left in 30 days, with this call", "For this call", "Sits on our board: be brief.",
    ):  # fmt: skip
        await expect(card.get_by_text(text).first).to_be_visible()
    await expect(page.get_by_test_id("pop-state")).to_contain_text("Ringing")
    await expect(page.get_by_role("link", name="Open in CRM")).to_have_attribute(
        "href", "https://crm.example/contacts/102"
    )
    # An agent may be typing: the focus stays where it was.
    await expect(page.get_by_role("button", name="中文")).to_be_focused()
    assert await page.title() == "☎ Victoria Stone"
    assert await desktop.violations() == []
    await desktop.picture("ringing-light", top=780)
    await page.emulate_media(color_scheme="dark")
    assert await desktop.violations() == []
    await desktop.picture("ringing-dark", top=780)


async def test_answer_note_wrap_up_and_done(desktop: Desktop, server: DeskServer) -> None:
    await desktop.log_in()
    page = desktop.page
    call = RingingCall()
    heard = replace(call.refused("kettle_pro"), answer=OfferAnswer.HEARD)
    await server.publish(*told_in_full(call), heard, call.answered(A))
    await expect(page.get_by_test_id("pop-state")).to_contain_text("On call")
    await expect(page.get_by_text("Heard in the menu")).to_be_visible()
    await page.get_by_label("Accepted").click()
    await expect(page.get_by_text("Noted by anna")).to_be_visible()
    await page.get_by_label("Reason (optional)").fill("Has one already")
    await page.get_by_label("Refused").click()
    await expect(page.get_by_label("Refused")).to_be_checked()
    # Without scrolling, on the small screens that agents have.
    await expect(page.get_by_label("Note")).to_be_in_viewport(ratio=1)
    await page.keyboard.press("Alt+Shift+KeyN")
    await expect(page.get_by_label("Note")).to_be_focused()
    await page.get_by_label("Note").fill("Wants the wand kit sent by courier.")
    await expect(page.get_by_test_id("pop-state")).to_contain_text("0:0")
    assert await desktop.violations() == []
    await desktop.picture("on-call")
    await desktop.picture("offer", of=".offer")
    await page.keyboard.press("Alt+Shift+KeyP")
    await expect(page.get_by_label("When (optional)")).to_be_focused()
    await page.get_by_role("button", name="Tomorrow 9:00").click()
    to_do = page.get_by_label("What is to be done")
    await expect(to_do).to_have_value("Wants the wand kit sent by courier.")
    assert await desktop.violations() == []
    await desktop.picture("follow-up", of=".follow-ups")
    await page.get_by_role("button", name="Save the follow-up").press("Enter")
    planned = page.get_by_role("listitem").filter(has_text="Waiting for the CRM")
    await expect(planned).to_contain_text("9:00")
    await expect(to_do).to_be_hidden()
    await server.publish(call.released(A), call.ended())
    await expect(page.get_by_role("heading", name="How did it go?")).to_be_visible()
    await expect(page.get_by_label("Note")).to_have_value("Wants the wand kit sent by courier.")
    await expect(page.get_by_role("button", name="Finish")).to_be_disabled()
    await expect(page.get_by_label("Refused")).to_be_checked()
    await expect(page.get_by_label("Reason (optional)")).to_have_value("Has one already")
    # Nothing is chosen yet: that is asked for.
    await page.keyboard.press("Alt+Shift+KeyF")
    await expect(page.get_by_label("Resolved")).to_be_focused()
    pressed_ms = await page.evaluate("performance.now()")
    await page.get_by_label("Follow up").check()
    await expect(planned).to_contain_text("Wants the wand kit")
    assert await desktop.violations() == []
    await desktop.picture("wrap-up")
    # Sooner it would be taken for a slip.
    await page.wait_for_function("since => performance.now() > since + 400", arg=pressed_ms)
    await page.keyboard.press("Alt+Shift+KeyF")
    await expect(page.get_by_test_id("pop-state")).to_contain_text("Finished")
    await planned.get_by_role("button", name="Take back").click()
    await expect(planned).to_have_count(0)
    await page.reload()
    await page.get_by_role("navigation").get_by_text("Victoria Stone").click()
    await expect(page.get_by_test_id("pop-state")).to_contain_text("Finished")


async def test_the_keys_of_the_page(
    desktop: Desktop, server: DeskServer, context: BrowserContext
) -> None:
    await desktop.log_in()
    page = desktop.page
    await page.keyboard.press("Alt+Shift+KeyS")
    await expect(page.get_by_label("Available", exact=True)).to_be_checked()
    first, second = RingingCall(), RingingCall(number="+12025550150", name="ACME BIKES")
    await server.publish(*first.until_ringing(victoria(), A), first.answered(A))
    await server.publish(*second.until_ringing(stranger(), A))
    heading = page.get_by_role("article").get_by_role("heading", level=2)
    await expect(heading).to_have_text("Victoria Stone")
    await expect(page.get_by_role("navigation").get_by_text("ACME BIKES")).to_be_visible()
    await page.keyboard.press("Alt+Shift+ArrowDown")
    await expect(heading).to_have_text("ACME BIKES")
    await page.keyboard.press("Alt+Shift+ArrowUp")
    await expect(heading).to_have_text("Victoria Stone")
    await context.route("https://crm.example/**", lambda route: route.fulfill(body="the CRM"))
    async with context.expect_page() as opened:
        await page.keyboard.press("Alt+Shift+KeyO")
    crm = await opened.value
    await crm.wait_for_url("https://crm.example/contacts/102")
    await crm.close()
    await page.get_by_label("Note").fill("Really?")
    await page.get_by_label("Note").press("?")
    help_ = page.get_by_role("dialog", name="Shortcuts")
    await expect(help_).to_have_count(0)
    await page.get_by_role("heading", name="Victoria Stone").click()
    await page.keyboard.press("?")
    await expect(help_).to_be_visible()
    # What is below the list stays as it is.
    await page.keyboard.press("Alt+Shift+ArrowDown")
    await expect(heading).to_have_text("Victoria Stone")
    await help_.get_by_role("button", name="Change: Write the note, Alt+Shift+N").click()
    await page.keyboard.press("Alt+Shift+KeyO")
    await expect(help_.get_by_role("status")).to_have_text(
        "These keys are used already: Open in CRM."
    )
    await page.keyboard.press("Alt+Shift+KeyJ")
    await expect(help_.get_by_role("button", name="Write the note, Alt+Shift+J")).to_be_focused()
    assert await desktop.violations() == []
    await desktop.picture("keys", of="dialog")
    await page.emulate_media(color_scheme="dark")
    assert await desktop.violations() == []
    await desktop.picture("keys-dark")
    await page.keyboard.press("Escape")
    await expect(help_).to_have_count(0)
    await expect(page.get_by_label("Note")).to_have_attribute("aria-keyshortcuts", "Alt+Shift+J")
    await page.get_by_role("button", name="中文").click()
    await page.get_by_role("button", name="快捷键").click()
    await expect(page.get_by_role("dialog", name="快捷键")).to_contain_text("填写备注")


async def test_what_the_rulebook_says_has_headings_in_chinese(
    desktop: Desktop, server: DeskServer
) -> None:
    await desktop.log_in()
    page = desktop.page
    await page.get_by_role("button", name="中文").click()
    await server.publish(*told_in_full(RingingCall()))
    card = page.get_by_role("article")
    await expect(card.get_by_role("heading", name="值得推荐")).to_be_visible()
    await expect(card.get_by_role("heading", name="提示")).to_be_visible()
    await expect(card.get_by_text("已由坐席介绍，已拒绝 · 120 天前")).to_be_visible()
    await expect(card.get_by_text("还剩 2 次（含本次）")).to_be_visible()
    await expect(card.get_by_text("本次来电须知")).to_be_visible()
    assert await desktop.violations() == []
    await desktop.picture("ringing-chinese", top=780)


async def test_the_loser_sees_that_a_colleague_was_faster(
    desktop: Desktop, server: DeskServer
) -> None:
    await desktop.log_in()
    call = RingingCall()
    await server.publish(*call.until_ringing(victoria(), A, B), call.answered(B))
    state = desktop.page.get_by_test_id("pop-state")
    await expect(state).to_contain_text("Answered by a colleague")
    await expect(desktop.page.get_by_role("alert")).to_have_text("")


async def test_a_shared_number_asks_and_never_guesses(desktop: Desktop, server: DeskServer) -> None:
    await desktop.log_in()
    page = desktop.page
    call = RingingCall(number="+12025550103", name="WEBER")
    await server.publish(*call.until_ringing(household(), A), call.answered(A))
    await expect(page.get_by_role("heading", name="Who is it?")).to_be_visible()
    assert await desktop.violations() == []
    await desktop.picture("shared-number")
    await page.get_by_role("button", name="Mira Weber").click()
    await expect(page.get_by_role("heading", name="Mira Weber")).to_be_visible()
    await page.get_by_role("button", name="Undo the choice").click()
    await expect(page.get_by_role("heading", name="Shared number")).to_be_visible()


async def test_a_stranger_and_a_withheld_number(desktop: Desktop, server: DeskServer) -> None:
    await desktop.log_in()
    page = desktop.page
    first = RingingCall(number="+12025550150", name="ACME BIKES")
    await server.publish(*first.until_ringing(stranger(), A))
    await expect(page.get_by_role("heading", name="New lead")).to_be_visible()
    assert await desktop.violations() == []
    await desktop.picture("stranger")
    await server.publish(first.missed(A))
    await expect(page.get_by_test_id("pop-state")).to_contain_text("Missed")
    second = RingingCall(number="+12025550177", name="SECRET", withheld=True)
    await server.publish(*second.until_ringing(withheld_caller(), A))
    await expect(page.get_by_role("heading", name="Number withheld")).to_be_visible()
    assert "5550177" not in await page.content()
    assert "SECRET" not in await page.content()


async def test_a_late_answer_fills_the_card_in(desktop: Desktop, server: DeskServer) -> None:
    await desktop.log_in()
    page = desktop.page
    call = RingingCall()
    await server.publish(call.arrived(), call.queued(), call.ringing(A))
    await expect(page.get_by_role("article").get_by_text("Looking up the caller…")).to_be_visible()
    await server.publish(call.identified(victoria(), late=True))
    await expect(page.get_by_role("heading", name="Victoria Stone")).to_be_visible()


async def test_chinese(desktop: Desktop, server: DeskServer) -> None:
    await desktop.log_in("chen")
    page = desktop.page
    await page.get_by_role("button", name="中文").click()
    call = RingingCall()
    await server.publish(*call.until_ringing(victoria(), "PJSIP/agent3"))
    await expect(page.get_by_test_id("pop-state")).to_contain_text("振铃中")
    assert await page.evaluate("document.documentElement.lang") == "zh-CN"
    assert await desktop.violations() == []
    await desktop.picture("chinese")
    await page.reload()
    await expect(page.get_by_role("button", name="退出")).to_be_visible()


async def test_the_log_in_page(desktop: Desktop, server: DeskServer) -> None:
    page = desktop.page
    await page.goto(server.base_url)
    await page.get_by_label("Login").fill("anna")
    await page.get_by_label("Password").fill("not this one")
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("alert")).to_have_text("Login or password is wrong.")
    assert await desktop.violations() == []
    await desktop.picture("log-in")
    await desktop.log_in()
    await page.get_by_role("button", name="Log out").click()
    await expect(page.get_by_role("button", name="Log in")).to_be_visible()


async def test_the_banner_while_the_line_is_lost_and_what_was_missed(
    desktop: Desktop, server: DeskServer, context: BrowserContext
) -> None:
    await desktop.log_in()
    page = desktop.page
    first, second = RingingCall(), RingingCall(number="+12025550150", name="ACME BIKES")
    await server.publish(*first.until_ringing(victoria(), A))
    await expect(page.get_by_role("heading", name="Victoria Stone")).to_be_visible()
    await context.set_offline(True)
    server.desk.hub.close_desktops("anna", 4408, "test")
    await expect(page.get_by_test_id("reconnect")).to_be_visible()
    assert await desktop.violations() == []
    await desktop.picture("reconnecting", top=350)
    await server.publish(first.answered(A), first.released(A))
    await server.publish(*second.until_ringing(stranger(), A))
    await expect(page.get_by_test_id("pop-state")).to_contain_text("Ringing")
    await context.set_offline(False)
    await expect(page.get_by_test_id("reconnect")).to_have_count(0)
    await expect(page.get_by_test_id("pop-state")).to_contain_text("Wrap-up")
    await expect(page.get_by_role("navigation").get_by_text("ACME BIKES")).to_be_visible()


@pytest.mark.parametrize("part", range(HOSTILE_PARTS))
async def test_hostile_callers_are_text(desktop: Desktop, server: DeskServer, part: int) -> None:
    """No script runs, no policy is violated, and the card still shows what was sent."""
    assert len(NAMES) >= 120
    await desktop.log_in()
    page = desktop.page
    await page.evaluate("window.__owned = 0")
    for n, name in list(enumerate(NAMES))[part::HOSTILE_PARTS]:
        call = RingingCall(number=name if n % 2 else "+12025550150", name=name)
        await server.publish(
            *call.until_ringing(stranger(name if n % 3 == 0 else "+12025550150"), A),
            call.identified(victoria(name=name)),
            call.pressed(name[:20], name),
            call.answered(A),
            call.released(A),
        )
        pops = server.desk.pops.snapshot("anna")
        shown = next(p for p in pops if p.content.call.id == str(call.id)).content.contact
        assert shown is not None
        heading = page.get_by_role("article").get_by_role("heading", level=2)
        await expect(heading).to_have_text(shown.name, use_inner_text=True)
        server.desk.pops.dispose("anna", pops[-1].pop_id, "other", name)
        await expect(page.get_by_test_id("pop-state")).to_contain_text("Finished")
    await server.desk.flush()
    await page.keyboard.press("Alt+Shift+C")
    await expect(page.locator(".my-calls tbody tr").first).to_contain_text("Other")
    assert await page.evaluate("window.__owned") == 0
    assert await page.locator("#root script, #root iframe, #root object").count() == 0
    assert await page.locator("#root img:not([src='/icon.svg'])").count() == 0
    for link in await page.locator("#root a").all():
        assert (await link.get_attribute("href") or "").startswith("https://crm.example/")
    # Nor could a fault of ours make a page of a text (Trusted Types).
    other = await page.context.new_page()
    await other.goto(server.base_url)
    told = await other.evaluate(
        "() => { try { document.body.innerHTML = '<b>x</b>' } catch (e) { return e.name } }"
    )
    assert told == "TypeError"


async def test_rendered_ms_is_reported_after_the_paint(
    desktop: Desktop, server: DeskServer
) -> None:
    await desktop.log_in()
    for _ in range(5):
        call = RingingCall()
        await server.publish(*call.until_ringing(victoria(), A), call.ended())
    async with asyncio.timeout(30):
        while server.metric("pop_rendered_seconds_count") < 5:
            await asyncio.sleep(0.02)
    mean = server.metric("pop_rendered_seconds_sum") / 5
    assert 0 < mean < 5


async def test_a_new_lead_waits_for_a_word_of_its_owner(
    desktop: Desktop, server: DeskServer
) -> None:
    confirmed: list[LeadConfirmed] = []

    async def keep(event: LeadConfirmed) -> None:
        confirmed.append(event)

    server.bus.subscribe("test", keep, LeadConfirmed)
    await desktop.log_in()
    page = desktop.page
    call = RingingCall()
    for number in (1, 2):
        lead = LeadCreated(
            call.id,
            now(),
            f"L-{number}",
            f"+1202555015{number}",
            name=f"Caller +1 202-555-015{number}",
            owner="anna",
            queue="support",
            dialled="+18005550100",
        )
        await server.publish(lead)
    await server.publish(
        LeadCreated(call.id, now(), "L-9", "+12025550159", name="Ben's", owner="ben")
    )
    cards = page.get_by_test_id("new-lead")
    await expect(cards).to_have_count(2)
    await expect(cards.first).to_contain_text("New lead for you")
    await expect(cards.first.get_by_role("link")).to_have_attribute("href", "tel:+12025550151")
    assert await desktop.violations() == []
    await desktop.picture("new-lead")
    await page.get_by_role("button", name="中文").click()
    await expect(cards.first).to_contain_text("您有一条新线索")
    await page.reload()
    await expect(cards).to_have_count(2)
    await cards.first.get_by_role("button", name="确认线索").click()
    await expect(cards).to_have_count(1)
    await server.bus.drain()
    assert [(event.lead_id, event.agent) for event in confirmed] == [("L-1", "anna")]


@pytest.mark.parametrize("work", [AgentSettings(wrapup="timed", wrapup_limit_s=300)])
async def test_a_timed_wrap_up_what_comes_next_and_a_missed_call(
    desktop: Desktop, server: DeskServer
) -> None:
    await desktop.log_in()
    page = desktop.page
    await page.get_by_label("Available", exact=True).click()
    call = RingingCall()
    await server.publish(*call.until_ringing(victoria(), A), call.answered(A))
    await expect(page.get_by_test_id("activity")).to_contain_text("On call")
    await page.get_by_label("Not ready").click()
    await expect(page.get_by_test_id("next-state")).to_contain_text("Next: Not ready")
    await expect(page.get_by_label("Available", exact=True)).to_be_checked()
    await page.get_by_test_id("next-state").get_by_role("button", name="Cancel").click()
    await expect(page.get_by_test_id("next-state")).to_have_count(0)
    await server.publish(call.released(A), call.ended())
    left = page.get_by_test_id("wrapup-time")
    await expect(left).to_contain_text("then it ends as Other")
    await expect(left.locator("time")).to_have_text(re.compile(r"^4:5\d$"))
    await left.get_by_role("button", name="1:00 more").click()
    await expect(left.locator("time")).to_have_text(re.compile(r"^5:5\d$"))
    await page.reload()
    await expect(left.locator("time")).to_have_text(re.compile(r"^5:[45]\d$"))
    assert await desktop.violations() == []
    await desktop.picture("wrap-up-timed", of=".wrapup")
    await page.get_by_label("Sale").check()
    await page.get_by_role("button", name="Finish").click()
    await expect(page.get_by_test_id("today")).to_contain_text("Answered1/1")
    again = RingingCall()
    await server.publish(*again.until_ringing(victoria(), A), again.missed(A))
    missed = page.get_by_test_id("missed-call")
    await expect(missed).to_contain_text("You missed a call.")
    await expect(page.get_by_label("Not ready")).to_be_checked()
    assert await desktop.violations() == []
    await desktop.picture("missed-call", top=350)
    await page.get_by_role("button", name="中文").click()
    await expect(missed).to_contain_text("您错过了一个来电")
    await missed.get_by_role("button", name="重新就绪").click()
    await expect(missed).to_have_count(0)
    await expect(page.get_by_label("可接听")).to_be_checked()


async def test_an_agents_own_calls_are_found_and_give_way_to_a_ring(
    desktop: Desktop, server: DeskServer
) -> None:
    """By keyboard alone, from the idle page to an old card and back, over a call that rings."""
    sold = RingingCall()
    await server.publish(*told_in_full(sold), sold.answered(A), sold.released(A), sold.ended())
    [pop] = server.desk.pops.snapshot("anna")
    server.desk.pops.dispose("anna", pop.pop_id, "sale", "Wand kit by courier")
    lost = RingingCall(number="+12025550150", name="ACME Bikes")
    await server.publish(*lost.until_ringing(stranger(), A), lost.missed(A))
    await server.desk.flush()
    await desktop.log_in()
    page = desktop.page
    rows = page.locator(".my-calls tbody tr")
    search = page.get_by_role("searchbox", name="Search my calls")
    await page.keyboard.press("Alt+Shift+C")
    await expect(rows).to_have_count(2)
    await expect(search).to_be_focused()
    await expect(rows.nth(0)).to_contain_text("ACME Bikes")
    await expect(rows.nth(0)).to_contain_text("Missed")
    await expect(rows.nth(1)).to_contain_text("Victoria Stone")
    await expect(rows.nth(1)).to_contain_text("Key accounts")
    await expect(rows.nth(1)).to_contain_text("1:05")
    assert await desktop.violations() == []
    await desktop.picture("my-calls", top=430)
    await page.keyboard.type("courier")
    await expect(rows).to_have_count(1)
    await expect(page.locator(".my-calls").get_by_role("status")).to_contain_text("Searched back")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    went = page.get_by_role("region", name="How it went")
    await expect(went).to_contain_text("Wand kit by courier")
    await expect(page.get_by_role("link", name="Open in CRM")).to_be_visible()
    await expect(page.get_by_role("textbox")).to_have_count(0)
    assert await desktop.violations() == []
    await desktop.picture("my-calls-card")
    call = RingingCall()
    await server.publish(*call.until_ringing(household(), A))
    await expect(page.get_by_test_id("pop-state")).to_contain_text("Ringing")
    await expect(went).to_have_count(0)
    await page.keyboard.press("Alt+Shift+C")
    await expect(page.get_by_test_id("pop-state")).to_contain_text("Ringing")
    await server.publish(call.missed(A))
    await expect(went).to_contain_text("Wand kit by courier")
    await page.keyboard.press("Escape")
    await expect(search).to_have_value("courier")
    await expect(rows.get_by_role("button")).to_be_focused()
    await page.get_by_role("button", name="中文").click()
    await page.get_by_role("searchbox", name="搜索我的通话").fill("成交")
    await expect(rows).to_have_count(1)
    await page.route("**/agent/calls?*", lambda route: route.fulfill(status=503))
    await page.get_by_role("searchbox").fill("")
    failed = page.locator(".my-calls").get_by_role("alert")
    await expect(failed).to_contain_text("无法读取您的通话")
    await page.emulate_media(color_scheme="dark")
    assert await desktop.violations() == []
    await desktop.picture("my-calls-chinese-dark")
    await page.unroute_all()
    await failed.get_by_role("button").click()
    await expect(rows).to_have_count(3)
    await page.get_by_role("button", name="关闭").click()
    await expect(page.locator(".my-calls")).to_have_count(0)
