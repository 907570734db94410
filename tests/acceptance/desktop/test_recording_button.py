"""An agent pauses the recording of their call by the page, and the file that Asterisk writes is
silent for that time and no other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from calls import events
from calls.ports import CallChannel, QueueRequest
from switchboard.demo.sip_phones import SipPhones
from switchboard.demo.sip_scenarios import PhoneShape
from tests.acceptance.desktop.desks import Desks, state
from tests.acceptance.desktop.phone_world import PhoneWorld, desk_world
from tests.acceptance.listening import Recording
from tests.acceptance.test_recordings import when_loud
from tests.acceptance.transfer_house import TransferHouse
from tests.fakes.desk_server import ANNA
from tests.fakes.ringing_call import now, victoria

pytestmark = [pytest.mark.acceptance, pytest.mark.asyncio(loop_scope="module")]

#: Of sound before and after; it is the time itself that is recorded.
SOUND_S = 1.3
NAME = "call-pbx-paused"


@pytest_asyncio.fixture(loop_scope="module")
async def world(hall: TransferHouse, sqlite_url: str, tmp_path: Path) -> AsyncIterator[PhoneWorld]:
    await hall.pbx.rx("module load app_mixmonitor.so")
    shapes = {"agent1": PhoneShape(ring_ms=100)}
    async with (
        desk_world(hall.pbx, sqlite_url, tmp_path, ANNA) as world,
        SipPhones(agents=hall.pbx.agents, shapes=shapes, folder=tmp_path),
    ):
        yield world


@pytest_asyncio.fixture(loop_scope="module")
async def desks(browser: Browser, world: PhoneWorld) -> AsyncIterator[Desks]:
    async with AsyncExitStack() as stack:
        yield Desks(world, browser, stack)


async def test_the_file_is_silent_while_the_agent_has_it_paused(
    desks: Desks, world: PhoneWorld
) -> None:
    async def dialog(channel: CallChannel) -> None:
        world.house.bus.publish(events.CallerIdentified(channel.call.id, now(), victoria()))
        await channel.answer()
        assert await channel.start_recording(NAME)
        await channel.to_queue(QueueRequest("anna_only"))

    world.house.dialog = dialog
    anna = await desks.available(ANNA)
    world.ring()
    await expect(state(anna)).to_contain_text("On call")
    bar = anna.page.get_by_test_id("recording")
    await expect(bar).to_contain_text("This call is recorded")
    await asyncio.sleep(SOUND_S)
    await anna.page.keyboard.press("Alt+Shift+KeyR")
    await expect(bar).to_contain_text("Recording paused")
    await expect(bar).to_contain_text("0:01")
    assert await anna.violations() == []
    # A page that is loaded anew knows of it.
    await anna.page.reload()
    await expect(bar).to_contain_text("Recording paused")
    await bar.get_by_role("button", name="Resume recording").click()
    await expect(bar).to_contain_text("This call is recorded")
    await asyncio.sleep(SOUND_S)
    await world.pbx.rx("channel request hangup all")
    path = world.pbx.run / "spool" / "monitor" / f"{NAME}.wav"
    await Recording(pbx=world.pbx, channel="", path=path).over()
    loud = await asyncio.to_thread(when_loud, path)
    assert len(loud) == 2, loud
    (began, paused), (resumed, ended) = loud
    assert min(paused - began, resumed - paused, ended - resumed) > 1.0, loud
