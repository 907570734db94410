"""The speech programs of the machine, and programs that misbehave."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from calls.errors import DeadlineExceeded
from config.settings import SpeechSettings
from ivr import sound, speech
from ivr.speech_engines import engine_for
from ivr.speech_espeak import Espeak
from ivr.speech_flite import Flite
from ivr.speech_programs import run_program, working_folder
from tests.waiting import wait_until

pytestmark = pytest.mark.unit


@pytest.fixture(params=[True, False], ids=["warm", "cold"])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[speech.SpeechEngine]:
    opened = engine_for(SpeechSettings(keep_warm=request.param))
    yield opened
    await opened.close()


def program(folder: Path, body: str) -> str:
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("text", "language", "shortest_s", "longest_s"),
    [
        ("Thank you for calling. For billing, press one.", "en", 2.0, 5.0),
        ("Welcome to Acme, José García.", "en-US", 1.2, 4.0),
        ("感谢您的来电。查询账单请按一。", "zh", 2.5, 7.0),
        ("王小明，您好。", "zh-CN", 0.8, 4.0),
        ("Guten Tag und willkommen.", "de", 0.8, 4.0),
    ],
)
async def test_real_speech_has_a_sane_length_and_the_even_level(
    engine: speech.SpeechEngine, text: str, language: str, shortest_s: float, longest_s: float
) -> None:
    samples = await engine.speak(text, language)
    assert shortest_s < samples.size / sound.RATE < longest_s
    sounding = samples[np.abs(samples) > sound.SILENCE]
    assert sounding.size > samples.size / 3
    level = float(np.sqrt(np.mean(sounding**2)))
    assert sound.SPEECH_RMS / 2 < level < sound.SPEECH_RMS * 1.3
    assert float(np.max(np.abs(samples))) <= sound.PEAK + 0.01
    assert not samples[-int(sound.TAIL_S * sound.RATE) :].any()


async def test_a_kept_program_speaks_as_a_fresh_one_does() -> None:
    text = "Thank you for calling. For an invoice, press 3."
    lengths = []
    for warm in (True, False):
        for one in (Flite(program="flite", voice="slt", warm=warm), engine_of_espeak(warm)):
            lengths.append((await one.speak(text, "en")).size / sound.RATE)
            await one.close()
    assert lengths[0] == pytest.approx(lengths[2], abs=0.05)
    assert lengths[1] == pytest.approx(lengths[3], abs=0.05)


def engine_of_espeak(warm: bool) -> Espeak:
    return Espeak(program="espeak-ng", warm=warm)


async def test_english_is_spoken_by_flite_and_the_rest_by_espeak(
    engine: speech.SpeechEngine,
) -> None:
    assert engine.voice_for("en-GB") == speech.Voice("flite", "slt")
    assert engine.voice_for("zh-CN") == speech.Voice("espeak-ng", "cmn 220")
    assert engine.voice_for("cmn") == speech.Voice("espeak-ng", "cmn 220")
    assert engine.voice_for("fr") == speech.Voice("espeak-ng", "fr 160")


@pytest.mark.parametrize("language", ["", "-v", "../en", "e n", "english", "en;ls", "1"])
async def test_what_is_no_language_never_reaches_a_program(
    engine: speech.SpeechEngine, language: str
) -> None:
    with pytest.raises(speech.SpeechFailed, match="language"):
        engine.voice_for(language)


@pytest.mark.parametrize("text", ["", "  \n ", "...", "\x00\x1b", "x" * (speech.TEXT_LIMIT + 1)])
async def test_text_that_cannot_be_spoken_is_refused(
    engine: speech.SpeechEngine, text: str
) -> None:
    with pytest.raises(speech.SpeechFailed, match="text"):
        await engine.speak(text, "en")


async def test_a_text_is_never_read_as_an_option_or_a_command(tmp_path: Path) -> None:
    copy = program(tmp_path, f'cp text "{tmp_path}/seen"; printf "%s\\n" "$@" >"{tmp_path}/args"')
    hostile = "-o /etc/passwd $(id) `id` ; \u202e \x1b[31m Maria\n-voice x"
    with pytest.raises(speech.SpeechFailed, match="wrote no sound"):
        await Espeak(program=copy).speak(hostile, "de")
    seen = (tmp_path / "seen").read_text()
    assert seen == "-o /etc/passwd $(id) `id` ; [31m Maria -voice x\n"
    assert "Maria" not in (tmp_path / "args").read_text()


async def test_a_missing_program_says_how_to_install_it() -> None:
    missing = Flite(program="no-such-program", voice="slt")
    with pytest.raises(speech.SpeechFailed, match="apt-get install flite"):
        await missing.speak("Hello there", "en")


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("exit 3", "status 3"),
        ("exit 0", "wrote no sound"),
        ("echo nonsense >speech.wav", "wrote no sound"),
        ("kill -9 $$", "status -9"),
        ("head -c 100000000 /dev/zero >speech.wav", "more than|status"),
        ("head -c 30000000 /dev/zero >speech.wav", "more than"),
    ],
)
async def test_a_failing_program_is_named(tmp_path: Path, body: str, complaint: str) -> None:
    with pytest.raises(speech.SpeechFailed, match=complaint):
        await Espeak(program=program(tmp_path, body)).speak("Hallo", "de")


def hanging(folder: Path) -> str:
    """Starts a child of its own, tells both ids in a file, and never ends."""
    told = f'echo "$$ $!" >"{folder}/new" && mv "{folder}/new" "{folder}/pids"'
    return program(folder, f"sleep 1000 & {told}; wait")


async def told_pids(folder: Path, asked: asyncio.Task[object]) -> list[int]:
    """Once they are told; what ends `asked` before that is raised."""
    while not (folder / "pids").exists():
        if asked.done():
            asked.result()
            pytest.fail("the program ended without a word")
        await asyncio.sleep(0.005)
    return [int(pid) for pid in (folder / "pids").read_text(encoding="ascii").split()]


async def gone(pid: int) -> bool:
    """Whether the process ends; a zombie counts as ended."""
    async with asyncio.timeout(30):
        while True:
            try:
                if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                    return True
            except (FileNotFoundError, ProcessLookupError):
                return True
            await asyncio.sleep(0)


async def test_a_hanging_program_is_killed_with_its_children(tmp_path: Path) -> None:
    path = hanging(tmp_path)
    # Time enough to start it on a busy machine.
    asked = asyncio.create_task(run_program(path, [], "Hello", package="x", deadline_s=1.5))
    pids = await told_pids(tmp_path, asked)
    with pytest.raises(DeadlineExceeded, match=r"1\.5 s"):
        await asked
    assert all([await gone(pid) for pid in pids])


async def test_giving_up_kills_the_program(tmp_path: Path) -> None:
    path = hanging(tmp_path)
    asked = asyncio.create_task(run_program(path, [], "Hello", package="x", deadline_s=60))
    pids = await told_pids(tmp_path, asked)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert all([await gone(pid) for pid in pids])


async def test_giving_up_before_the_start_is_over_kills_the_program_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really, go_on = asyncio.create_subprocess_exec, asyncio.Event()

    async def slowly(*arguments: Any, **options: Any) -> asyncio.subprocess.Process:
        process = await really(*arguments, **options)
        await go_on.wait()
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", slowly)
    path = hanging(tmp_path)
    asked = asyncio.create_task(run_program(path, [], "Hello", package="x", deadline_s=60))
    pids = await told_pids(tmp_path, asked)
    asked.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert all([await gone(pid) for pid in pids])


@pytest.mark.parametrize(
    ("module", "name"), [(tempfile, "mkdtemp"), (shutil, "rmtree")], ids=["made", "removed"]
)
async def test_a_folder_is_gone_though_whoever_uses_it_gives_up_while_it_is(
    module: ModuleType, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    really = getattr(module, name)

    def slowly(*arguments: Any, **options: Any) -> Any:
        begun.set()
        assert go_on.wait(10)
        return really(*arguments, **options)

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(module, name, slowly)

    async def use() -> None:
        async with working_folder() as folder:
            (folder / "text").touch()

    using = asyncio.create_task(use())
    assert await asyncio.to_thread(begun.wait, 10)
    using.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await using
    await wait_until(lambda: not any(tmp_path.iterdir()), 10)


async def test_a_program_sees_none_of_our_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWITCHBOARD_AMI__SECRET", "not for them")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/where/piper/lives")
    path = program(tmp_path, f'env >"{tmp_path}/env"')
    with pytest.raises(speech.SpeechFailed, match="no sound"):
        await run_program(path, [], "Hello", package="x", deadline_s=10)
    seen = (tmp_path / "env").read_text()
    assert "SWITCHBOARD" not in seen
    assert "LD_LIBRARY_PATH=/where/piper/lives" in seen
