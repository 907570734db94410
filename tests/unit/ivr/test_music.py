"""Music on hold of our own making, and the centre's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from calls.deadlines import Deadline
from calls.errors import Misconfigured
from ivr import music, sound
from ivr.music import Music
from ivr.prompt_store import PromptStore

pytestmark = pytest.mark.unit

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
    whole = read(store, await tune.address(seconds=20, deadline=Deadline.after(30)))
    later = read(store, await tune.address(seconds=5, start_s=10, deadline=Deadline.after(30)))
    assert whole.size == 20 * sound.RATE
    assert later.size == 5 * sound.RATE
    assert np.allclose(later[8000:16000], whole[11 * 8000 : 12 * 8000], atol=1e-3)
    assert abs(whole[0]) < 0.001
    assert abs(whole[-1]) < 0.001


async def test_equal_wishes_share_a_file_and_lengths_are_bounded(
    tune: Music, store: PromptStore
) -> None:
    first = await tune.address(seconds=20, deadline=Deadline.after(30))
    assert await tune.address(seconds=20.2, deadline=Deadline.after(30)) == first
    endless = await tune.address(seconds=10**9, deadline=Deadline.after(30))
    assert read(store, endless).size == music.LONGEST_S * sound.RATE


async def test_the_centres_own_music_is_played(store: PromptStore, tmp_path: Path) -> None:
    own = tmp_path / "own.wav"
    own.write_bytes(sound.encode_wav(np.full(2 * sound.RATE, 0.25)))
    tune = Music(store=store, file=own)
    await tune.open()
    heard = read(store, await tune.address(seconds=5, deadline=Deadline.after(30)))
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
