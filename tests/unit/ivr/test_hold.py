"""Music, and the programme of one waiting caller."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from calls.call import CallId, CallOutcome
from calls.deadlines import Deadline
from calls.decision import HoldEntryPlanned
from calls.errors import Misconfigured
from calls.events import CallEnded
from ivr import hold, music, sound
from ivr.hold import HoldProgrammes, hold_class
from ivr.music import Music
from ivr.prompt_store import PromptStore
from tests.fakes.spoken_text import FakeSpeech, words

pytestmark = pytest.mark.unit

CALL = CallId("pbx", "1700000000.1")
ENTRIES = (
    HoldEntryPlanned("say", text="We are sorry for the delay."),
    HoldEntryPlanned("music", seconds=4),
    HoldEntryPlanned("say", text="You are still in line."),
    HoldEntryPlanned("music", seconds=6),
)
BASE = "http://127.0.0.1:8080"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[PromptStore]:
    async with PromptStore(folder=tmp_path / "p", limit_bytes=10**7, base_url=BASE) as opened:
        yield opened


@pytest.fixture
async def tune(store: PromptStore) -> Music:
    tune = Music(store=store, file=None)
    await tune.open()
    return tune


@pytest.fixture
def speech() -> FakeSpeech:
    return FakeSpeech()


@pytest.fixture
def programmes(tune: Music, speech: FakeSpeech) -> HoldProgrammes:
    return HoldProgrammes(speech=speech, music=tune)


async def prepare(programmes: HoldProgrammes, entries: tuple[HoldEntryPlanned, ...]) -> str | None:
    return await programmes.prepare(CALL, entries, "en", deadline=Deadline.after(5))


def read(store: PromptStore, url: str | None) -> sound.Samples:
    assert url is not None
    path = store.path(url.removeprefix(f"{BASE}/prompts/").removesuffix(".wav"))
    return sound.decode_wav(path.read_bytes())


def test_our_tune_is_soft_long_enough_and_always_the_same() -> None:
    samples = music.tune()
    assert 20 <= samples.size / sound.RATE <= 30
    assert float(np.sqrt(np.mean(samples**2))) == pytest.approx(music.MUSIC_RMS)
    assert float(np.max(np.abs(samples))) < 0.5
    assert np.array_equal(samples, music.tune())
    # No second of it is silent, the seam included.
    seconds = np.concatenate([samples, samples[: sound.RATE]]).reshape(-1, sound.RATE)
    assert float(np.min(np.sqrt(np.mean(seconds**2, axis=1)))) > music.MUSIC_RMS / 5


async def test_music_is_as_long_as_asked_and_goes_on_where_it_stopped(
    tune: Music, store: PromptStore
) -> None:
    whole = read(store, await tune.address(seconds=20, deadline=Deadline.after(5)))
    later = read(store, await tune.address(seconds=5, start_s=10, deadline=Deadline.after(5)))
    assert whole.size == 20 * sound.RATE
    assert later.size == 5 * sound.RATE
    assert np.allclose(later[8000:16000], whole[11 * 8000 : 12 * 8000], atol=1e-3)
    assert abs(whole[0]) < 0.001
    assert abs(whole[-1]) < 0.001


async def test_equal_wishes_share_a_file_and_lengths_are_bounded(
    tune: Music, store: PromptStore
) -> None:
    first = await tune.address(seconds=20, deadline=Deadline.after(5))
    assert await tune.address(seconds=20.2, deadline=Deadline.after(5)) == first
    endless = await tune.address(seconds=10**9, deadline=Deadline.after(5))
    assert read(store, endless).size == music.LONGEST_S * sound.RATE


async def test_the_centres_own_music_is_played(store: PromptStore, tmp_path: Path) -> None:
    own = tmp_path / "own.wav"
    own.write_bytes(sound.encode_wav(np.full(2 * sound.RATE, 0.25)))
    tune = Music(store=store, file=own)
    await tune.open()
    heard = read(store, await tune.address(seconds=5, deadline=Deadline.after(5)))
    assert heard.size == 5 * sound.RATE
    assert float(heard[20_000]) == pytest.approx(0.25, abs=0.001)


@pytest.mark.parametrize("content", [None, b"", b"nonsense", sound.encode_wav(np.zeros(10))])
async def test_music_that_cannot_be_played_is_said_so_at_the_start(
    store: PromptStore, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "bad.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Misconfigured, match=r"speech\.music: .*bad\.wav"):
        await Music(store=store, file=path).open()


@pytest.mark.parametrize(
    ("linkedid", "expected"),
    [
        ("1700000000.1", "hold-1700000000.1"),
        ("a&b;c\n../d", "hold-a_b_c_.._d"),
        ("x" * 200, "hold-" + "x" * 74),
    ],
)
def test_the_class_of_a_call_is_a_name_for_asterisk(linkedid: str, expected: str) -> None:
    assert hold_class(CallId("pbx", linkedid)) == expected


async def test_the_list_follows_the_programme(
    programmes: HoldProgrammes, speech: FakeSpeech
) -> None:
    name = await prepare(programmes, ENTRIES)
    assert name == hold_class(CALL)
    urls = await programmes.playlist(name)
    assert words([urls[0], urls[2]]) == ["We are sorry for the delay.", "You are still in line."]
    assert urls[1].startswith(f"{BASE}/prompts/")
    assert urls[3].startswith(f"{BASE}/prompts/")
    assert urls[1] != urls[3]


async def test_a_late_message_joins_when_it_is_ready(
    programmes: HoldProgrammes, speech: FakeSpeech
) -> None:
    speech.unready = {"sorry"}
    name = await prepare(programmes, ENTRIES)
    assert name is not None
    assert len(await programmes.playlist(name)) == 3
    speech.unready = set()
    assert len(await programmes.playlist(name)) == 4


async def test_an_empty_or_silent_programme_leaves_the_queues_own_music(
    programmes: HoldProgrammes, speech: FakeSpeech
) -> None:
    assert await prepare(programmes, ()) is None
    speech.silent = True
    assert await prepare(programmes, (ENTRIES[0],)) is None
    assert len(programmes) == 0


async def test_a_call_is_forgotten_at_its_end(programmes: HoldProgrammes) -> None:
    name = await prepare(programmes, ENTRIES)
    assert name is not None
    ended = CallEnded(CALL, datetime.now(UTC), outcome=CallOutcome.ANSWERED)
    await programmes.call_ended(ended)
    await programmes.call_ended(ended)
    assert not programmes.is_live(name)
    assert await programmes.playlist(name) == ()


async def test_calls_whose_end_nobody_saw_do_not_pile_up(
    programmes: HoldProgrammes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hold, "LIVE_LIMIT", 3)
    for number in range(5):
        await programmes.prepare(
            CallId("pbx", str(number)), ENTRIES, "en", deadline=Deadline.after(5)
        )
    assert len(programmes) == 3
    assert programmes.is_live("hold-4")
    assert not programmes.is_live("hold-1")
