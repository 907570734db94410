"""The FastAGI server with a real Asterisk and real SIP callers."""

from __future__ import annotations

import asyncio
import math
import struct
import wave
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from ami_bridge.agi_server import AgiServer
from calls.bus import EventBus
from calls.call import Call, CallId, CallOutcome
from calls.clocks import Clock
from calls.ports import CallChannel, Keys, QueueRequest
from config.settings import AgiSettings
from switchboard.demo.private_pbx import PrivatePbx
from switchboard.demo.sip_callers import ScriptedCall, SipCallers
from switchboard.demo.sip_scenarios import CallerShape, Press
from tests.acceptance.waiting import until

pytestmark = pytest.mark.acceptance

DIALLED = "+18005550100"


class Centre:
    """A server whose dialog the test chooses, and the Asterisk that calls it."""

    def __init__(self, folder: Path) -> None:
        self.dialog: Callable[[CallChannel], Awaitable[None]] | None = None
        self.calls: list[Call] = []
        self.ends: asyncio.Queue[tuple[bool, bool]] = asyncio.Queue()
        self.folder = folder
        self.server: AgiServer
        self.callers: SipCallers
        self.pbx: PrivatePbx

    async def open_call(self, call: Call, *, fallback: bool = False) -> None:
        self.calls.append(call)

    async def open_calls(self, system: str) -> Sequence[CallId]:
        return []

    async def open_placed(self, system: str) -> Sequence[CallId]:
        return ()

    def dialog_started(self, call_id: CallId, now: Clock | None = None) -> None:
        return

    def dialog_ended(
        self, call_id: CallId, *, hung_up: bool, queued: bool, left_for: CallOutcome | None = None
    ) -> None:
        self.ends.put_nowait((hung_up, queued))

    async def handle(self, channel: CallChannel) -> None:
        assert self.dialog is not None
        await self.dialog(channel)

    async def ring(self, shape: CallerShape, name: str = "") -> None:
        result = await self.callers.run(
            [ScriptedCall("+12025550101", DIALLED, name, shape)], deadline_s=30
        )
        assert (result.successful, result.failed) == (1, 0), result.errors

    async def end(self) -> tuple[bool, bool]:
        async with asyncio.timeout(30):
            return await self.ends.get()


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Centre]:
    centre = Centre(tmp_path)
    centre.server = server = AgiServer(
        settings=AgiSettings(port=0),
        system="pbx",
        journal=centre,
        bus=EventBus(),
        calls=centre,
        handler=centre.handle,
    )
    await server.start()
    async with PrivatePbx(
        agi_port=server.port, web_url="http://127.0.0.1:1", ami_secret="not-a-secret"
    ) as pbx:
        centre.pbx = pbx
        centre.callers = SipCallers(trunk=pbx.trunk, folder=tmp_path)
        yield centre
    await server.stop(0)


def tone(folder: Path, seconds: float) -> str:
    """A sound by its name as Asterisk wants it, without the extension."""
    path = folder / f"tone{seconds}".replace(".", "-")
    with wave.open(f"{path}.wav", "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        samples = (int(6000 * math.sin(n * 0.3)) for n in range(int(8000 * seconds)))
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return str(path)


async def test_keys_sounds_and_the_way_to_the_queue(centre: Centre) -> None:
    """A key during `play` is kept, sounds follow each other, missing ones are left out."""
    short, long = tone(centre.folder, 0.3), tone(centre.folder, 1.5)
    heard: list[Keys] = []

    async def dialog(channel: CallChannel) -> None:
        await channel.answer()
        await channel.begin_dialog()
        await channel.play([long])  # 4 is pressed here
        heard.append(await channel.ask([short], max_digits=2, timeout_s=3))  # and 2 here
        heard.append(await channel.ask([short, "no-such-sound"], max_digits=1, timeout_s=3))  # #
        heard.append(await channel.ask(["no-such-sound", short], max_digits=1, timeout_s=0.2))
        await channel.to_queue(QueueRequest("support", priority=3, timeout_s=30))

    centre.dialog = dialog
    presses = (Press(700, "4"), Press(1500, "2"), Press(1000, "#"))
    await centre.ring(CallerShape(presses=presses, hang_up_after_ms=2500), name="Maria <b>")
    assert await centre.end() == (False, True)
    assert heard == [Keys("42", False), Keys("#", False), Keys("", True)]
    (call,) = centre.calls
    assert (call.from_raw, call.from_name, call.dialled) == ("+12025550101", "Maria <b>", DIALLED)
    entered = [row for row in centre.pbx.queue_log() if row[4] == "ENTERQUEUE"]
    assert [(row[1], row[2]) for row in entered] == [(call.id.linkedid, "support")]


async def test_a_hang_up_ends_the_dialog_wherever_it_is(centre: Centre) -> None:
    long = tone(centre.folder, 5)

    async def playing(channel: CallChannel) -> None:
        await channel.answer()
        await channel.play([long])

    async def looking_up(channel: CallChannel) -> None:
        await channel.answer()
        await asyncio.Event().wait()

    for dialog in (playing, looking_up):
        centre.dialog = dialog
        await centre.ring(CallerShape(hang_up_after_ms=500))
        assert await centre.end() == (True, False)

    async def both_left() -> bool:
        return centre.server.counters.left == 2

    await until(both_left, "both dialogs over")
    assert 0 < centre.server.counters.worst_leave_s < 0.2
    assert (await centre.pbx.rx("core show channels concise")).strip() == ""
    assert centre.pbx.queue_log()[1:] == []


async def test_a_dialog_that_fails_is_served_by_the_fallback(centre: Centre) -> None:
    async def dialog(channel: CallChannel) -> None:
        await channel.answer()
        raise ValueError("a mistake of ours")

    centre.dialog = dialog
    await centre.ring(CallerShape(hang_up_after_ms=1000))
    assert await centre.end() == (False, True)
    entered = [row for row in centre.pbx.queue_log() if row[4] == "ENTERQUEUE"]
    assert [row[2] for row in entered] == ["default"]


async def test_keys_pressed_while_we_think_or_play_are_never_lost(centre: Centre) -> None:
    """Between two AGI commands Asterisk throws keys away."""
    sounds = [tone(centre.folder, seconds) for seconds in (0.3, 0.6, 2.0)]
    heard: list[Keys] = []

    async def dialog(channel: CallChannel) -> None:
        await channel.answer()
        await channel.begin_dialog()
        await channel.listen_during(asyncio.sleep(1.2))  # 1 and 2 are pressed here
        # Whoever types ahead hears nothing; 3 is waited for.
        heard.append(await channel.collect(sounds, max_digits=3, timeout_s=2, secret=True))
        heard.append(
            await channel.collect(sounds, max_digits=9, timeout_s=2)
        )  # 4 in the 2nd sound, 5, #
        heard.append(await channel.collect([], max_digits=9, timeout_s=2, end_key="*"))  # 6, #, *
        await channel.hang_up()

    centre.dialog = dialog
    presses = tuple(Press(500, digit) for digit in "12345#6#*")
    await centre.ring(CallerShape(presses=presses))
    assert await centre.end() == (False, False)
    assert heard == [Keys("123", False), Keys("45", False), Keys("6#", False)]
