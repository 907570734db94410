"""Finding sounds in a recording, where the recording is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ivr import sound
from switchboard.demo import tones
from switchboard.demo.private_pbx import MUSIC_HZ, PrivatePbx
from tests.acceptance.listening import Recording

pytestmark = pytest.mark.unit

RANDOM = np.random.default_rng(5)


def speechlike(seconds: float) -> sound.Samples:
    return 0.1 * RANDOM.standard_normal(int(seconds * sound.RATE))


@pytest.fixture
def recording() -> Recording:
    pbx = PrivatePbx(agi_port=1, web_url="http://127.0.0.1:1", ami_secret="x", run=Path("/nowhere"))
    return Recording(pbx=pbx, channel="PJSIP/trunk-1", path=Path("/nowhere/x.wav"))


def test_each_place_is_found_once_and_in_order(recording: Recording) -> None:
    first, second, never = speechlike(1), speechlike(0.5), speechlike(1)
    silence = np.zeros(sound.RATE)
    recording.samples = np.concatenate([silence, 0.3 * first, second, silence, first])
    assert [at for at, _ in recording.find(first)] == [1.0, 3.5]
    [(at, alike)] = recording.find(sound.encode_wav(second))
    assert (at, alike) == (2.0, pytest.approx(1, abs=0.01))
    assert recording.find(never) == []
    sounds = {name: sound.encode_wav(one) for name, one in [("b", second), ("a", first)]}
    assert recording.heard(sounds) == ["a", "b", "a"]


def test_a_part_cut_off_is_not_the_whole(recording: Recording) -> None:
    whole = speechlike(2)
    recording.samples = np.concatenate([whole[: sound.RATE], np.zeros(2 * sound.RATE)])
    assert recording.find(whole) == []
    assert [at for at, _ in recording.find(whole[: sound.RATE])] == [0.0]
    assert recording.find(speechlike(60)) == []


def late(whole: sound.Samples) -> sound.Samples:
    """As recorded from an Asterisk that was given no processor now and then: silence in the middle
    of the sound, once instead of a packet."""
    packet = sound.RATE // 50
    gap = np.zeros(2 * packet)
    first, second, third = whole[:6000], whole[6000:9000], whole[9000 + packet :]
    return np.concatenate([first, gap, second, gap[:packet], third])


def test_a_sound_with_pauses_in_it_is_the_same_sound(recording: Recording) -> None:
    whole, half = speechlike(2), sound.RATE
    for before_s in (0, 1):
        recording.samples = np.concatenate([speechlike(before_s), late(whole), speechlike(1)])
        [(at, alike)] = recording.find(whole)
        assert at == pytest.approx(before_s, abs=0.02)
        assert alike > 0.9
    # Not so: halves that have changed places, one of them twice, and a rest that comes much later.
    for another in (
        [whole[half:], whole[:half]],
        [whole[:half], whole[:half]],
        [whole[:half], np.zeros(2 * half), whole[half:]],
    ):
        recording.samples = np.concatenate([speechlike(1), *another, speechlike(1)])
        assert recording.find(whole) == []


def test_of_two_sentences_much_alike_the_one_that_was_said_is_heard(recording: Recording) -> None:
    begin, two, three, end = (speechlike(seconds) for seconds in (2, 0.2, 0.2, 1))
    sounds = {
        name: sound.encode_wav(np.concatenate([begin, number, end]))
        for name, number in (("two", two), ("three", three))
    }
    recording.samples = np.concatenate([speechlike(1), begin, two, end])
    assert len(recording.find(sounds["three"])) == 1
    assert recording.heard(sounds) == ["two"]


def test_loudness_tells_music_from_silence(recording: Recording) -> None:
    recording.samples = np.concatenate([speechlike(1), np.zeros(sound.RATE)])
    assert recording.loudness(0, 1) == pytest.approx(0.1, abs=0.01)
    assert recording.loudness(1, 2) == 0
    assert recording.loudness(5, 6) == 0


def test_music_is_known_by_its_notes_where_it_is_soft_too(recording: Recording) -> None:
    music = np.array(tones.chord(MUSIC_HZ, 4) * 2) / 32768
    beep = np.array(tones.chord((400,), 1)) / 32768
    recording.samples = np.concatenate([music, beep, np.zeros(sound.RATE)])
    for start_s in np.arange(0, 7, 0.1):
        recording.samples[int(start_s * sound.RATE) :][:160] = 0  # a packet that came late
        assert recording.share_of(MUSIC_HZ, start_s, start_s + 0.8) > 0.5
        assert recording.loudness(start_s, start_s + 0.8) > 0.01
    assert recording.share_of(MUSIC_HZ, 8, 9) < 0.01
    assert recording.share_of(MUSIC_HZ, 9, 10) == 0
