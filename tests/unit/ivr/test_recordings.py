"""Recorded voices in place of synthetic ones."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from calls.deadlines import Deadline
from config.rulebook import Rulebook
from config.rulebook_loader import load_rulebook
from config.settings import SpeechSettings
from ivr import sound
from ivr.prompt_store import PromptStore
from ivr.prompts import Prompts, render_all
from ivr.recordings import Recordings, changing_texts, recorded_words
from ivr.speech_engines import engine_for
from tests.fakes.humming import hum
from tests.fakes.rulebook_folder import write_rulebook
from tests.fakes.speech_engine import FakeEngine

pytestmark = pytest.mark.unit

MENUS = """
menus:
  main:
    greeting: "Welcome to Acme. How can we help?"
    options:
      - {intent: sales, say: "To order something new", do: {queue: sales}}
      - {intent: news, say: "For news", do: {say: closing, then: {hangup: true}}}
      - {intent: mine, say: "For your {{ caller.first_name }}", do: {queue: sales}}
texts:
  closing: {en: "We are closed today.", zh: "今天休息。"}
  press_1: "press 1."
"""
RECORDED = ("en/main-greeting", "en/main-sales", "en/main-news", "en/main-mine", "zh/closing")
SOON_S = 30.0


def rulebook(folder: Path, *recorded: str, seconds: float = 1.0) -> Rulebook:
    """Every recording has a length of its own, so that each has content of its own."""
    folder = write_rulebook(folder, menus=MENUS)
    for number, name in enumerate(recorded):
        path = folder / "sounds" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(hum(seconds + number))
    return load_rulebook(folder).or_raise()


class Sounds:
    """Where recordings lie in the tests: in their folder, by content."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.opened: list[str] = []

    def path(self, sha256: str) -> Path:
        self.opened.append(sha256)
        for path in self._folder.glob("sounds/*/*.wav"):
            if hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
                return path
        raise ValueError("no such recording")


@pytest.fixture
def sounds(tmp_path: Path) -> Sounds:
    return Sounds(tmp_path / "book")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[PromptStore]:
    async with PromptStore(
        folder=tmp_path / "prompts", limit_bytes=10_000_000, base_url="http://x"
    ) as opened:
        yield opened


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def prompts(store: PromptStore, engine: FakeEngine, sounds: Sounds) -> Prompts:
    return Prompts(store=store, engine=engine, recordings=Recordings(sound_path=sounds.path))


def path_of(store: PromptStore, url: str | None) -> Path:
    assert url is not None
    return store.path(url.removeprefix("http://x/prompts/").removesuffix(".wav"))


async def render(prompts: Prompts, text: str, language: str = "en") -> str | None:
    return await prompts.render(text, language, deadline=Deadline.after(SOON_S))


async def test_a_recording_is_heard_and_nothing_is_spoken(
    tmp_path: Path, prompts: Prompts, store: PromptStore, engine: FakeEngine
) -> None:
    await prompts.take(rulebook(tmp_path / "book", *RECORDED))
    greeting = path_of(store, await render(prompts, "Welcome to Acme. How can we help?"))
    closing = path_of(store, await render(prompts, "今天休息。", "zh-CN"))
    assert engine.spoken == []
    assert sound.decode_wav(greeting.read_bytes()).size / sound.RATE == pytest.approx(1.2, abs=0.1)
    assert sound.decode_wav(closing.read_bytes()).size / sound.RATE == pytest.approx(5.2, abs=0.1)
    assert await render(prompts, "We are closed today.", "en") is not None
    assert engine.spoken == [("We are closed today.", "en")]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("To order something new, press 1.", ("To order something new", "press 1.")),
        ("To order something new, press 3.", ("To order something new", "press 3.")),
        (
            "Welcome to Acme. How can we help? To order something new press 2.",
            ("Welcome to Acme. How can we help?", "To order something new", "press 2."),
        ),
        ("Press 2 to order. For news, press 1.", ("Press 2 to order.", "For news", "press 1.")),
        # Too short to be cut out of the middle of a sentence, and part of another word.
        ("For news press 3.", ("For news press 3.",)),
        ("For newspapers, press 4.", ("For newspapers, press 4.",)),
        ("Wait for it. Not recorded at all.", ("Wait for it.", "Not recorded at all.")),
        ("To order something newer, press 1.", ("To order something newer,", "press 1.")),
        ("", ()),
    ],
)
def test_recorded_words_are_cut_out_whole(
    tmp_path: Path, text: str, pieces: tuple[str, ...]
) -> None:
    words = recorded_words(rulebook(tmp_path / "book", *RECORDED, "en/press_1"))
    assert words.pieces(text, "en") == pieces
    assert words.pieces(text, "en-GB") == pieces
    assert len(words.pieces(text, "de")) <= 3
    assert all(words.sound_for(piece, "de") is None for piece in words.pieces(text, "de"))


def test_chinese_is_cut_at_its_marks(tmp_path: Path) -> None:
    words = recorded_words(rulebook(tmp_path / "book", *RECORDED))
    assert words.pieces("今天休息。人工服务，请按0。", "zh") == ("今天休息。", "人工服务，请按0。")
    assert words.pieces("您今天休息。", "zh") == ("您今天休息。",)


async def test_an_option_is_the_recording_and_its_key(
    tmp_path: Path, prompts: Prompts, store: PromptStore, engine: FakeEngine
) -> None:
    await prompts.take(rulebook(tmp_path / "book", *RECORDED))
    deadline = Deadline.after(SOON_S)
    text = "To order something new, press 1."
    urls = await render_all(prompts, [text], "en", deadline=deadline)
    assert urls is not None
    assert len(urls) == 2
    assert engine.spoken == [("press 1.", "en")]
    lengths = [sound.decode_wav(path_of(store, url).read_bytes()).size for url in urls]
    assert prompts.seconds(text, "en") == pytest.approx(sum(lengths) / sound.RATE)


async def test_length_is_estimated_before_and_measured_after(
    tmp_path: Path, prompts: Prompts
) -> None:
    await prompts.take(rulebook(tmp_path / "book", *RECORDED))
    before = prompts.seconds("Nobody has said this yet.", "en")
    assert 1 < before < 4
    await render(prompts, "Nobody has said this yet.")
    assert prompts.seconds("Nobody has said this yet.", "en") == pytest.approx(25 * 100 / 8000)


async def test_the_next_version_counts_and_old_addresses_still_play(
    tmp_path: Path, prompts: Prompts, store: PromptStore, engine: FakeEngine
) -> None:
    await prompts.take(rulebook(tmp_path / "book", *RECORDED))
    old = await render(prompts, "To order something new")
    await prompts.take(rulebook(tmp_path / "book", "en/main-sales", seconds=3.0))
    new = await render(prompts, "To order something new")
    assert path_of(store, old).is_file()
    assert path_of(store, new).is_file()
    assert old != new
    (tmp_path / "book" / "sounds" / "en" / "main-sales.wav").unlink()
    for path in (tmp_path / "book" / "sounds").glob("*/*.wav"):
        path.unlink()
    await prompts.take(load_rulebook(tmp_path / "book").or_raise())
    await render(prompts, "To order something new")
    assert engine.spoken == [("To order something new", "en")]


@pytest.mark.parametrize("damage", ["gone", "noise", "silent"])
async def test_what_became_unplayable_is_spoken(
    tmp_path: Path, prompts: Prompts, sounds: Sounds, engine: FakeEngine, damage: str
) -> None:
    await prompts.take(rulebook(tmp_path / "book", "en/main-sales"))
    broken = tmp_path / "broken.wav"
    if damage != "gone":
        broken.write_bytes(b"noise" if damage == "noise" else hum(1)[:44] + bytes(4000))
    prompts._recordings = Recordings(sound_path=lambda _: broken)
    await prompts.take(rulebook(tmp_path / "book", "en/main-sales"))
    assert await render(prompts, "To order something new") is not None
    assert await render(prompts, "To order something new") is not None
    assert engine.spoken == [("To order something new", "en")]
    assert len(prompts._recordings.unplayable) == 1


async def test_all_are_readied_before_anybody_calls(
    tmp_path: Path, prompts: Prompts, sounds: Sounds, store: PromptStore
) -> None:
    await prompts.take(rulebook(tmp_path / "book", *RECORDED))
    told: list[tuple[int, int]] = []
    texts = [("To order something new, press 1.", "en")]
    assert await prompts.prerender(texts, lambda done, of: told.append((done, of))) == 0
    # `main-mine` changes from caller to caller, so its recording is of no use.
    assert told == [(number, 5) for number in range(1, 6)]
    assert len(sounds.opened) == 4
    asked = store.counts.ready
    await render(prompts, "今天休息。", "zh")
    assert store.counts.ready == asked + 1


def test_a_recording_of_a_text_with_values_is_told(tmp_path: Path) -> None:
    assert changing_texts(rulebook(tmp_path / "book", *RECORDED)) == [("en", "main-mine")]


def test_a_recording_that_cannot_be_played_is_a_problem_of_the_folder(tmp_path: Path) -> None:
    rulebook(tmp_path / "book", "en/main-sales")
    (tmp_path / "book" / "sounds" / "en" / "main-sales.wav").write_bytes(b"ID3\x04")
    loaded = load_rulebook(tmp_path / "book")
    assert "MP3, not WAV" in "\n".join(str(problem) for problem in loaded.errors)


def level_db(wav: bytes) -> float:
    samples = sound.decode_wav(wav)
    sounding = samples[np.abs(samples) > sound.SILENCE]
    return 20 * float(np.log10(np.sqrt(np.mean(sounding**2))))


async def test_engines_and_recordings_are_equally_loud_and_nothing_is_clipped(
    tmp_path: Path, store: PromptStore, sounds: Sounds
) -> None:
    """Real speech for recordings too, at a whisper, at a shout, and in another format."""
    folder = write_rulebook(tmp_path / "book", menus=MENUS)
    async with engine_for(SpeechSettings()) as engine:
        voice = await engine.speak("To order something new", "en")
        (folder / "sounds" / "en").mkdir(parents=True)
        for name, gain in (("main-sales", 0.03), ("closing", 1.1), ("main-greeting", 40.0)):
            loud = np.clip(voice * gain, -1, 1)
            (folder / "sounds" / "en" / f"{name}.wav").write_bytes(sound.encode_wav(loud))
        recordings = Recordings(sound_path=sounds.path)
        prompts = Prompts(store=store, engine=engine, recordings=recordings)
        await prompts.take(load_rulebook(folder).or_raise())
        heard = {}
        for text, language in (
            ("To order something new", "en"),
            ("We are closed today.", "en"),
            ("Welcome to Acme. How can we help?", "en"),
            ("For your invoices, press 3.", "en"),
            ("查询账单，请按3。", "zh"),
            ("Guten Tag und willkommen.", "de"),
        ):
            heard[text] = path_of(store, await render(prompts, text, language)).read_bytes()
    levels = {text: level_db(wav) for text, wav in heard.items()}
    assert max(levels.values()) - min(levels.values()) < 2, levels
    peaks = [float(np.max(np.abs(sound.decode_wav(wav)))) for wav in heard.values()]
    assert max(peaks) <= sound.PEAK + 0.001
