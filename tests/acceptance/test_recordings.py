"""What Asterisk's own recordings of a line hold: nothing of a secret, nothing of who refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calls.errors import Unavailable
from calls.ports import CallChannel
from ivr import sound
from ivr.quiet import Quiet
from ivr.voice import Voice
from switchboard.demo.centre import DemoCentre
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape, Press
from tests.acceptance.example_centre import kept_rulebook
from tests.acceptance.followed import Followed, following
from tests.acceptance.ledger import Ledger
from tests.acceptance.listening import recorded_line
from tests.acceptance.load import (
    QueueVisit,
    assert_all_served,
    numbers,
    queue_visits,
    strangers,
)
from tests.acceptance.test_agi_dialog import Centre, centre, tone
from tests.acceptance.waiting import until
from tests.fakes.line_recordings import FakeRecordings
from tests.fakes.spoken_text import FakeSpeech

pytestmark = pytest.mark.acceptance

__all__ = ["centre"]

RULEBOOK = """
numbers: {default: {menu: main, language: en, record: {consent: ask}}}
menus:
  main:
    options:
      - {intent: support, say: For help, do: {queue: support}}
      - {intent: sales, say: To order something, do: {queue: sales}}
"""
#: Of a second of tone, and the silences around it.
TONE_S, STEP_S = 1.0, 0.05


@pytest.fixture
async def asked(tmp_path: Path) -> AsyncIterator[DemoCentre]:
    async with DemoCentre(
        folder=tmp_path,
        agents=1,
        phone=PhoneShape(ring_ms=None),
        desktops=False,
        overrides={"rulebook": {"path": kept_rulebook(tmp_path, RULEBOOK)}},
    ) as demo:
        await demo.pbx.rx("module load app_mixmonitor.so")
        yield demo


async def test_a_secret_is_in_no_recording_of_the_line(centre: Centre) -> None:
    """Four seconds of tone are played, the second one in a secret and the last one in a secret
    that could not be muted: ours and the PBX's own recording have the other two."""
    pbx, sounds = centre.pbx, tone(centre.folder, TONE_S)
    await pbx.rx("module load app_mixmonitor.so")
    own = pbx.run / "spool" / "monitor" / "own.wav"
    quiet: list[bool] = []
    left: list[str] = []
    followed = Followed(pbx)
    recordings = followed.bridge.recordings

    async def heard_again() -> bool:
        return recordings.waiting == 0

    async def dialog(channel: CallChannel) -> None:
        voice = Voice(channel=channel, speech=FakeSpeech(), language="en", deadline_s=1)
        line = Quiet(channel=channel, recordings=recordings)
        deaf = FakeRecordings()
        deaf.refusal = Unavailable("deaf")
        await channel.answer()
        assert await channel.start_recording("call-pbx-1")
        await pbx.rx(f"mixmonitor start {channel.call.channel} {own}")
        await channel.play([sounds])
        async with line.secret(voice) as is_quiet:
            quiet.append(is_quiet)
            await channel.collect([sounds], max_digits=4, timeout_s=1, secret=True)
        await channel.listen_during(until(heard_again, "heard again"))
        await channel.play([sounds])
        async with Quiet(channel=channel, recordings=deaf).secret(voice) as is_quiet:
            quiet.append(is_quiet)
            await channel.play([sounds])
        # As the desk ends them, over AMI; also where none is left.
        line_of = channel.call.channel
        await pbx.rx(f"mixmonitor start {line_of} {own.with_name('ended.wav')}")
        left.append(await pbx.rx(f"mixmonitor list {line_of}"))
        for _ in range(2):
            await recordings.stop(channel.call)
        left.append(await pbx.rx(f"mixmonitor list {line_of}"))
        await channel.hang_up()

    centre.dialog = dialog
    async with following(followed):
        await centre.ring(CallerShape(presses=(Press(2200, "7"),)))
        assert await centre.end() == (False, False)
    assert quiet == [True, True]
    assert ["monitor/ended" in listed for listed in left] == [True, False], left
    for path in (own, own.with_name("call-pbx-1.wav")):
        loud = await asyncio.to_thread(when_loud, path)
        assert len(loud) == 2, (path, loud)
        assert all(0.5 * TONE_S < end - begin < 2 * TONE_S for begin, end in loud), (path, loud)


def when_loud(path: Path) -> list[tuple[float, float]]:
    """From when to when, in seconds; shorter pauses than a tone (a busy machine) do not count."""
    samples = sound.decode_wav(path.read_bytes())
    size = round(STEP_S * sound.RATE)
    parts = samples[: samples.size // size * size].reshape(-1, size)
    places = np.flatnonzero(np.sqrt(np.mean(parts**2, axis=1)) > 0.02) * STEP_S
    spells: list[tuple[float, float]] = []
    for at in map(float, places):
        if spells and at - spells[-1][1] < TONE_S:
            spells[-1] = (spells[-1][0], at + STEP_S)
        else:
            spells.append((at, at + STEP_S))
    return spells


async def test_who_agrees_is_recorded_and_who_refuses_is_not(asked: DemoCentre) -> None:
    """Both are put through; the same key goes on to answer the menu after the question. The PBX
    records the one who refuses, which ends before they hang up."""
    shapes = [
        CallerShape(presses=tuple(Press(1500, key) for _ in range(5)), hang_up_after_ms=1000)
        for key in "12"
    ]
    callers = strangers(shapes[0], 2)
    line, own = await recorded_line(asked.pbx, callers[1].dialled)
    callers[1] = replace(callers[1], dialled=line, shape=shapes[1])
    went_on: list[bool] = []

    async def waits() -> bool:
        went_on.append(await own.goes_on())
        return QueueVisit(callers[1].number, "sales") in queue_visits(asked.pbx)

    async def has_ended() -> bool:
        return not await own.goes_on()

    at_work = asked.callers.start(callers)
    await until(waits, "whoever refuses waits")
    await until(has_ended, "the PBX's own recording ends")
    left = [row[4] for row in asked.pbx.queue_log() if row[4] == "ABANDON"]
    assert (any(went_on), left) == (True, [])
    assert_all_served(await at_work.wait(deadline_s=60), 2)
    async with Ledger(asked.storage_url) as ledger:
        entries = await ledger.balanced(numbers(2), deadline_s=30)
    agreed, refused = (entries[number].call for number in numbers(2))
    told = [call.decision["recording"] for call in (agreed, refused)]
    assert [one["answer"] for one in told] == ["agreed", "refused"]
    assert [one["name"] for one in agreed.recordings] == [told[0]["name"]]
    assert (told[1]["name"], refused.recordings) == (None, None)
    assert (agreed.queue, refused.queue) == ("support", "sales")
    files = await asyncio.to_thread(lambda: list((asked.pbx.run / "spool/monitor").iterdir()))
    assert [file.name for file in files] == [f"{told[0]['name']}.wav"]
    assert agreed.linkedid in files[0].name
