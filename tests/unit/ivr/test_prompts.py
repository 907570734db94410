"""The cache between callers and the speech programs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from calls.deadlines import Deadline
from ivr import prompt_store
from ivr.prompt_store import PromptStore
from ivr.prompts import Prompts, render_all
from tests.fakes.speech_engine import FakeEngine

pytestmark = pytest.mark.unit

SOON_S = 30.0


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[PromptStore]:
    async with PromptStore(
        folder=tmp_path / "prompts", limit_bytes=100_000, base_url="http://127.0.0.1:8080/"
    ) as opened:
        yield opened


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def prompts(store: PromptStore, engine: FakeEngine) -> Prompts:
    return Prompts(store=store, engine=engine)


async def say(prompts: Prompts, text: str, within_s: float = SOON_S) -> str | None:
    return await prompts.render(text, "en", deadline=Deadline.after(within_s))


def name_in(url: str | None) -> str:
    assert url is not None
    return url.removeprefix("http://127.0.0.1:8080/prompts/").removesuffix(".wav")


async def test_a_text_is_rendered_once_and_then_found(
    prompts: Prompts, store: PromptStore, engine: FakeEngine
) -> None:
    url = await say(prompts, "For an invoice")
    assert store.path(name_in(url)).read_bytes().startswith(b"RIFF")
    assert await say(prompts, "For  an\ninvoice ", within_s=0) == url
    assert engine.spoken == [("For an invoice", "en")]


async def test_every_part_of_the_recipe_makes_another_sound(prompts: Prompts) -> None:
    english = await say(prompts, "Taxi")
    german = await prompts.render("Taxi", "de", deadline=Deadline.after(SOON_S))
    other = await say(prompts, "Taxis")
    assert len({english, german, other}) == 3


async def test_many_callers_share_one_rendering(prompts: Prompts, engine: FakeEngine) -> None:
    engine.gate.clear()
    asked = [asyncio.create_task(say(prompts, "Welcome to Acme")) for _ in range(50)]
    await asyncio.sleep(0)
    engine.gate.set()
    assert len(set(await asyncio.gather(*asked))) == 1
    assert len(engine.spoken) == 1


async def test_a_caller_stops_waiting_and_the_next_one_finds_it(
    prompts: Prompts, engine: FakeEngine
) -> None:
    engine.gate.clear()
    assert await say(prompts, "Slow words", within_s=0.02) is None
    engine.gate.set()
    assert await say(prompts, "Slow words") is not None
    assert len(engine.spoken) == 1


async def test_a_caller_who_leaves_does_not_stop_the_rendering(
    prompts: Prompts, engine: FakeEngine
) -> None:
    engine.gate.clear()
    leaving = asyncio.create_task(say(prompts, "Left in the middle"))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    engine.gate.set()
    assert await say(prompts, "Left in the middle") is not None
    assert len(engine.spoken) == 1


async def test_no_more_than_two_are_rendered_at_once(prompts: Prompts, engine: FakeEngine) -> None:
    texts = [f"Sentence number {number}" for number in range(8)]
    engine.gate.clear()
    waiting = [asyncio.create_task(say(prompts, text)) for text in texts]
    async with asyncio.timeout(SOON_S):
        while engine.speaking < prompt_store.CONCURRENCY:
            await asyncio.sleep(0)
    engine.gate.set()
    assert all(await asyncio.gather(*waiting))
    assert engine.most_at_once == prompt_store.CONCURRENCY


async def test_a_flood_of_texts_is_refused_and_not_queued(
    prompts: Prompts, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prompt_store, "FLIGHT_LIMIT", 3)
    engine.gate.clear()
    waiting = [asyncio.create_task(say(prompts, f"Waiting {n}")) for n in range(3)]
    await asyncio.sleep(0)
    assert await say(prompts, "One too many") is None
    engine.gate.set()
    assert all(await asyncio.gather(*waiting))


async def test_a_failing_engine_is_none_now_and_tried_again_later(
    prompts: Prompts, store: PromptStore, engine: FakeEngine
) -> None:
    engine.broken = True
    assert await say(prompts, "Hello there") is None
    assert store.counts.failed == 1
    engine.broken = False
    assert await say(prompts, "Hello there") is not None


@pytest.mark.parametrize("text", ["", "...", "x" * 2001])
async def test_what_cannot_be_spoken_is_none(prompts: Prompts, text: str) -> None:
    assert await say(prompts, text) is None


async def test_what_is_no_language_is_none(prompts: Prompts) -> None:
    assert await prompts.render("Hi there", "-x", deadline=Deadline.after(SOON_S)) is None


async def test_a_full_disk_is_none(
    prompts: Prompts, store: PromptStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(prompt_store, "_write", full)
    assert await say(prompts, "Hello there") is None
    assert store.total_bytes == 0


async def test_the_longest_unused_sounds_make_room(prompts: Prompts, store: PromptStore) -> None:
    # Each sound is 44 + 2 * 100 * 48 = 9.6 kB, so eleven are more than the limit of 100 kB.
    texts = [f"{number:02} ".ljust(48, "x") for number in range(11)]
    names = [name_in(await say(prompts, text)) for text in texts[:10]]
    assert all(store.has(name) for name in names[1:])
    await say(prompts, texts[0])
    newest = name_in(await say(prompts, texts[10]))
    assert store.total_bytes <= 100_000
    assert store.has(newest)
    assert store.has(names[0]), "used a moment ago"
    assert not store.has(names[1])
    on_disk = {path.stem for path in store.path(newest).parent.iterdir()}
    assert store.counts.evicted == len(names) + 1 - len(on_disk)
    assert on_disk == {name for name in [*names, newest] if store.has(name)}


async def test_a_restart_knows_what_was_rendered_and_in_which_order(
    tmp_path: Path, engine: FakeEngine
) -> None:
    def opened() -> PromptStore:
        return PromptStore(folder=tmp_path, limit_bytes=25_000, base_url="http://127.0.0.1:8080")

    old, young, third = (text.ljust(50, "x") for text in ("old", "young", "third"))
    async with opened() as store:
        prompts = Prompts(store=store, engine=engine)
        old_name = name_in(await say(prompts, old))
        young_name = name_in(await say(prompts, young))
        await say(prompts, old)
    (tmp_path / "half.1234.part").write_bytes(b"half a sound")
    os.utime(tmp_path / "half.1234.part", (1, 1))
    (tmp_path / "other.5678.part").write_bytes(b"just being written by somebody else")
    (tmp_path / "stranger.txt").write_text("not ours")
    async with opened() as store:
        prompts = Prompts(store=store, engine=engine)
        assert await say(prompts, old, within_s=0) is not None
        assert len(engine.spoken) == 2
        await say(prompts, third)
        assert store.has(old_name)
        assert not store.has(young_name)
    assert not (tmp_path / "half.1234.part").exists()
    assert (tmp_path / "stranger.txt").exists()
    assert (tmp_path / "other.5678.part").exists()


async def test_what_another_process_made_is_found(
    tmp_path: Path, prompts: Prompts, store: PromptStore, engine: FakeEngine
) -> None:
    folder = store.path("0" * 64).parent
    async with PromptStore(folder=folder, limit_bytes=1000, base_url="http://y") as other:
        assert await say(Prompts(store=other, engine=engine), "For an invoice") is not None
    assert await say(prompts, "For an invoice") is not None
    assert len(engine.spoken) == 1
    assert store.total_bytes > 0


async def test_what_happens_is_counted(
    prompts: Prompts, store: PromptStore, engine: FakeEngine
) -> None:
    await say(prompts, "For an invoice")
    await say(prompts, "For an invoice")
    engine.broken = True
    await say(prompts, "For a change")
    assert store.counters() == {
        "prompts_asked_total": 3,
        "prompts_ready_total": 1,
        "prompts_made_total": 1,
        "prompts_failed_total": 1,
        "prompts_evicted_total": 0,
        "prompts_bytes": 44 + 2 * 1400,
        "prompts_kept": 1,
    }


async def test_closing_stops_what_is_being_rendered(tmp_path: Path, engine: FakeEngine) -> None:
    engine.gate.clear()
    async with PromptStore(folder=tmp_path, limit_bytes=1, base_url="http://x") as store:
        prompts = Prompts(store=store, engine=engine)
        assert await say(prompts, "Never finished", within_s=0.01) is None
    assert engine.speaking == 0
    assert list(tmp_path.iterdir()) == []


async def test_a_file_that_was_removed_is_made_again(prompts: Prompts, store: PromptStore) -> None:
    url = await say(prompts, "For an invoice")
    store.path(name_in(url)).unlink()
    store.forget(name_in(url))
    assert await say(prompts, "For an invoice") == url
    assert store.path(name_in(url)).exists()


@pytest.mark.parametrize(
    "name", ["", "../x", "a" * 63, "a" * 65, "A" * 64, "g" * 64, "a" * 64 + "\n"]
)
def test_only_hashes_are_names(tmp_path: Path, name: str) -> None:
    store = PromptStore(folder=tmp_path, limit_bytes=1, base_url="http://x")
    with pytest.raises(ValueError, match="name"):
        store.path(name)


async def test_prerendering_tells_its_progress_and_what_is_missing(
    prompts: Prompts, engine: FakeEngine
) -> None:
    told: list[tuple[int, int]] = []
    texts = [("For an invoice", "en"), ("For an invoice", "en"), ("...!", "en"), ("按零", "zh")]
    missing = await prompts.prerender(texts, lambda done, of: told.append((done, of)))
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert missing == 0
    assert engine.spoken == [("For an invoice", "en"), ("按零", "zh")]
    engine.broken = True
    assert await prompts.prerender([("Another one", "en")]) == 1


async def test_only_the_changing_sentence_is_rendered_again(
    prompts: Prompts, engine: FakeEngine
) -> None:
    for name in ("Maria", "Victoria"):
        text = f"Welcome to Acme, {name}. How can we help you today?"
        urls = await render_all(prompts, [text], "en", deadline=Deadline.after(SOON_S))
        assert urls is not None
        assert len(urls) == 2
    assert len(engine.spoken) == 3


async def test_all_or_nothing_of_a_text_is_had(prompts: Prompts, engine: FakeEngine) -> None:
    await say(prompts, "This one is ready.")
    engine.gate.clear()
    text = "This one is ready. And this one is not."
    assert await render_all(prompts, [text], "en", deadline=Deadline.after(0.02)) is None
    engine.gate.set()


@pytest.mark.parametrize("trouble", ["broken", "slow"])
async def test_another_engine_stands_in_and_steps_back(
    store: PromptStore, engine: FakeEngine, trouble: str
) -> None:
    other = FakeEngine("stand-in")
    prompts = Prompts(store=store, engine=engine, stand_in=other)
    if trouble == "broken":
        engine.broken = True
    else:
        engine.gate.clear()
    stood_in = await say(prompts, "For an invoice", within_s=1.0)
    assert stood_in is not None
    assert other.spoken == [("For an invoice", "en")]
    engine.broken = False
    engine.gate.set()
    assert await say(prompts, "For an invoice") not in (None, stood_in)
    assert len(other.spoken) == 1


async def test_nobody_stands_in_for_an_engine_that_speaks(
    store: PromptStore, engine: FakeEngine
) -> None:
    other = FakeEngine("stand-in")
    prompts = Prompts(store=store, engine=engine, stand_in=other)
    assert await say(prompts, "For an invoice") is not None
    assert other.spoken == []
