"""Programs that are kept running: Piper's own way to be spoken to, and every way to fail."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from calls.errors import DeadlineExceeded
from ivr import sound, speech_piper, speech_warm
from ivr.speech import SpeechFailed, Voice
from ivr.speech_flite import Flite
from ivr.speech_library import LibraryOrProgram
from ivr.speech_piper import Piper
from ivr.speech_warm import WarmPool, WarmProgram
from tests.fakes import piper_program

pytestmark = pytest.mark.unit

ROOT = Path(piper_program.__file__).parents[2]


@pytest.fixture
async def piper(tmp_path: Path) -> AsyncIterator[Piper]:
    program = tmp_path / "piper"
    run = f'exec "{sys.executable}" -m tests.fakes.piper_program "$@"'
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" {run}\n')
    program.chmod(0o755)
    (tmp_path / "de_DE-hum.onnx").write_bytes(b"a voice")
    voices = {"de": tmp_path / "de_DE-hum.onnx", "it": tmp_path / "missing.onnx"}
    opened = Piper(program=str(program), voices=voices)
    yield opened
    await opened.close()


def processes(piper: Piper) -> set[int]:
    return {
        program._process.pid
        for pool in piper._pools.values()
        for program in pool._programs
        if program._process is not None
    }


async def test_sentence_after_sentence_comes_from_one_program(piper: Piper) -> None:
    lengths = []
    for text in ("Guten Tag und willkommen.", "-o file.x --model y; $(id)\nPfeile", "Bis bald!"):
        lengths.append((await piper.speak(text, "de-DE")).size / sound.RATE - sound.TAIL_S)
    assert lengths == pytest.approx([26 / 20, 34 / 20, 10 / 20], abs=0.1)
    assert len(processes(piper)) == 1
    assert piper.voice_for("de") == Voice("piper", "de_DE-hum")


async def test_two_at_once_have_a_program_each_and_a_third_waits(piper: Piper) -> None:
    spoken = await asyncio.gather(*(piper.speak(f"Satz Nummer {n}.", "de") for n in range(4)))
    assert all(one.size for one in spoken)
    assert len(processes(piper)) == 2


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("Crash now", "ended instead of speaking"),
        ("Garbage", "wrote no sound: not a WAV"),
        ("Chatter", "said too much"),
    ],
)
async def test_a_failure_costs_one_sentence_and_the_next_has_a_new_program(
    piper: Piper, monkeypatch: pytest.MonkeyPatch, text: str, complaint: str
) -> None:
    monkeypatch.setattr(speech_warm, "REST_S", 0.0)
    with pytest.raises(SpeechFailed, match=complaint):
        await piper.speak(text, "de")
    assert (await piper.speak("Und weiter.", "de")).size


@pytest.mark.parametrize("text", ["Hang", "Elsewhere"])
async def test_what_hangs_or_points_elsewhere_is_ended_in_time(
    piper: Piper, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    await piper.speak("Guten Tag.", "de")
    (first,) = processes(piper)
    monkeypatch.setattr(speech_piper, "LOADING_S", -2.5)
    with pytest.raises(DeadlineExceeded, match="not ready in"):
        await piper.speak(text, "de")
    assert not Path(f"/proc/{first}").exists()


async def test_after_a_failure_it_rests_the_longer_the_more_often(
    piper: Piper, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SpeechFailed, match="ended"):
        await piper.speak("Crash", "de")
    with pytest.raises(SpeechFailed, match="rests"):
        await piper.speak("Guten Tag.", "de")
    (pool,) = piper._pools.values()
    for expected in (2, 4, 8, 16, 32, 60, 60):
        pool._rest()
        assert pool._rest_s == expected


async def test_a_missing_voice_or_program_says_what_to_do(piper: Piper) -> None:
    with pytest.raises(SpeechFailed, match="is the voice installed"):
        await piper.speak("Buongiorno.", "it")
    with pytest.raises(SpeechFailed, match=r"speech\.piper_voices names no voice"):
        await piper.speak("Hello there.", "en")
    missing = Piper(program="no-such-program", voices={"*": Path("x.onnx")})
    with pytest.raises(SpeechFailed, match="pip install piper-tts"):
        await missing.speak("Hello there.", "en")


async def test_closing_leaves_no_program_and_no_file(piper: Piper) -> None:
    await piper.speak("Guten Tag.", "de")
    (pid,) = processes(piper)
    (pool,) = piper._pools.values()
    folders = [p._folder for p in pool._programs if p._folder is not None]
    assert [list(folder.iterdir()) for folder in folders] == [[]]
    await piper.close()
    assert not Path(f"/proc/{pid}").exists()
    assert not any(folder.exists() for folder in folders)


async def test_closing_in_the_middle_of_sentences_ends_them(piper: Piper) -> None:
    await piper.speak("Guten Tag.", "de")
    asked = [asyncio.create_task(piper.speak(f"Hang {n}", "de")) for n in range(4)]
    async with asyncio.timeout(30):
        while len(processes(piper)) < 2:
            await asyncio.sleep(0.01)
        pids = processes(piper)
        await piper.close()
    ends = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(end, SpeechFailed) for end in ends), ends
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


async def test_who_is_cancelled_while_a_program_ends_leaves_no_file() -> None:
    program = WarmProgram(program="cat", arguments=lambda _: (), package="coreutils")
    await program._start()
    assert program._folder is not None
    folder = program._folder
    closing = asyncio.create_task(program.close())
    await asyncio.sleep(0)
    assert folder.exists()
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert not folder.exists()


async def test_a_program_is_replaced_before_it_hoards_too_much(
    piper: Piper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speech_warm, "SENTENCES", 2)
    seen = set()
    for number in range(4):
        await piper.speak(f"Satz {number}.", "de")
        seen |= processes(piper)
    assert len(seen) == 2


@pytest.mark.parametrize("library", ["flite", "espeak"])
async def test_killing_the_kept_library_costs_nobody_a_sentence(library: str) -> None:
    program, voice = ("flite", "slt") if library == "flite" else ("espeak-ng", "de 160")
    arguments = {
        "flite": ["-voice", "slt", "-f", "text", "-o", "speech.wav"],
        "espeak": ["-v", "de", "-f", "text", "-w", "speech.wav"],
    }[library]
    speaker = LibraryOrProgram(library=library, program=program, package="x")
    assert (await speaker.speak("Hello there.", voice, arguments)).size
    pool = speaker._warm
    assert pool is not None
    for one in pool._programs:
        if one._process is not None:
            one._process.kill()
    assert (await speaker.speak("Hello again.", voice, arguments)).size
    assert pool.rests
    await speaker.close()


async def test_where_the_library_lacks_a_voice_the_program_is_asked() -> None:
    flite = Flite(program="flite", voice="kal16")
    other = Flite(program="flite", voice="no-such")
    assert (await flite.speak("Hello there.", "en")).size
    assert flite._speaker._warm is not None
    assert not flite._speaker._warm.rests
    await other.speak("Hello there.", "en")  # the program has a voice of its own for that
    await asyncio.gather(flite.close(), other.close())


async def test_a_pool_says_when_its_program_cannot_be_started() -> None:
    pool = WarmPool(program="no-such-program", arguments=lambda _: (), package="apt-get it")
    with pytest.raises(SpeechFailed, match="apt-get it"):
        await pool.wav("Hello", deadline_s=5)
    await pool.close()
