"""Every kind of WAV that people upload, and what is none."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.recorded_sound import inspect_recording
from config.wav_reading import NotSound, read_wav

pytestmark = pytest.mark.unit

RATE = 16_000
TONE = 0.5 * np.sin(2 * np.pi * 300 * np.arange(RATE) / RATE)
STREAMED = 0xFFFFFFFF


def wav(
    body: bytes,
    *,
    tag: int,
    bits: int,
    channels: int = 1,
    rate: int = RATE,
    size: int | None = None,
) -> bytes:
    frame = channels * bits // 8
    head = struct.pack("<HHIIHH", tag, channels, rate, rate * frame, frame, bits)
    if tag == 0xFFFE:
        head += struct.pack("<HHI", 22, bits, 0) + struct.pack("<H", 1) + bytes(14)
    chunks = b"LIST" + struct.pack("<I", 3) + b"odd\0"
    chunks += b"fmt " + struct.pack("<I", len(head)) + head
    chunks += b"data" + struct.pack("<I", len(body) if size is None else size) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def pcm(bits: int) -> bytes:
    whole = np.round(TONE * (2 ** (bits - 1) - 1)).astype("<i8")
    if bits == 8:
        return (whole + 128).astype("u1").tobytes()
    return whole.view("u1").reshape(-1, 8)[:, : bits // 8].tobytes()


@pytest.mark.parametrize(
    ("body", "tag", "bits"),
    [
        *((pcm(bits), 1, bits) for bits in (8, 16, 24, 32)),
        (pcm(24), 0xFFFE, 24),
        (TONE.astype("<f4").tobytes(), 3, 32),
        (TONE.astype("<f8").tobytes(), 3, 64),
    ],
)
def test_the_same_tone_comes_out_of_every_kind(body: bytes, tag: int, bits: int) -> None:
    samples, rate = read_wav(wav(body, tag=tag, bits=bits))
    assert rate == RATE
    assert np.allclose(samples, TONE, atol=0.01)
    assert inspect_recording(wav(body, tag=tag, bits=bits)) is None


# ITU-T G.711: the code of silence, the largest values and their signs (A-law 4032, mu-law 8031 of
# 14 and 13 bit, here of 16).
@pytest.mark.parametrize(
    ("tag", "codes", "expected"),
    [
        (7, b"\xff\x7f\x80\x00\xfe", [0, 0, 32124, -32124, 8]),
        (6, b"\xd5\x55\xaa\x2a\xd4", [8, -8, 32256, -32256, 24]),
    ],
)
def test_the_telephones_own_codes(tag: int, codes: bytes, expected: list[int]) -> None:
    samples, _ = read_wav(wav(codes, tag=tag, bits=8))
    assert [round(value * 32768) for value in samples] == expected


@pytest.mark.parametrize("tag", [6, 7])
def test_256_codes_are_as_many_values(tag: int) -> None:
    samples, _ = read_wav(wav(bytes(range(256)), tag=tag, bits=8))
    assert len(set(samples)) == (256 if tag == 6 else 255)  # mu-law has two zeros
    assert np.allclose(np.sort(samples), -np.sort(samples)[::-1])


def test_channels_are_mixed() -> None:
    both = np.stack([TONE, np.zeros_like(TONE)], axis=1)
    body = np.round(both * 32767).astype("<i2").tobytes()
    samples, _ = read_wav(wav(body, tag=1, bits=16, channels=2))
    assert np.allclose(samples, TONE / 2, atol=0.001)


@pytest.mark.parametrize("size", [STREAMED, 2 * RATE + 1000])
def test_a_size_that_is_not_true_gives_what_is_there(size: int) -> None:
    samples, _ = read_wav(wav(pcm(16), tag=1, bits=16, size=size))
    assert samples.size == RATE


def test_numbers_that_are_none_are_silence_and_not_trouble() -> None:
    body = np.array([np.nan, np.inf, -np.inf, 9.0, 0.25], dtype="<f4").tobytes()
    samples, _ = read_wav(wav(body, tag=3, bits=32))
    assert samples.tolist() == [0, 1, -1, 1, 0.25]


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "empty"),
        (b"ID3\x04rest of an MP3", "MP3, not WAV"),
        (b"\xff\xfb\x90\x00", "MP3, not WAV"),
        (b"OggS\0", "Ogg, not WAV"),
        (b"<html>", "not a WAV"),
        (wav(b"", tag=1, bits=16)[:30], "ends before|cut off"),
        (wav(pcm(16), tag=17, bits=4), "format 17 with 4 bit"),
        (wav(pcm(16), tag=1, bits=16, rate=100), "100 Hz"),
        (wav(pcm(16), tag=1, bits=16, channels=0), "0 channels"),
        (wav(pcm(16) * 61, tag=1, bits=16), "lasts 61 s; at most 60 s"),
        (wav(bytes(2 * RATE), tag=1, bits=16), "silent from beginning to end"),
        (wav(b"", tag=1, bits=16), "it is empty"),
    ],
)
def test_what_cannot_be_played_is_said_in_a_sentence(data: bytes, complaint: str) -> None:
    said = inspect_recording(data)
    assert said is not None
    assert said.startswith("the recording cannot be played: ")
    with pytest.raises(AssertionError, match=complaint):
        raise AssertionError(said)


@given(
    st.binary(max_size=200),
    st.integers(0, 0xFFFF),
    st.sampled_from([0, 4, 8, 16, 24, 32, 64, 65535]),
    st.integers(0, 9),
)
def test_no_bytes_do_worse_than_not_sound(body: bytes, tag: int, bits: int, cut: int) -> None:
    data = wav(body, tag=tag, bits=bits)
    for hostile in (data, data[: len(data) - cut * 7], body, b"RIFF1234WAVE" + body):
        try:
            samples, _ = read_wav(hostile)
        except NotSound:
            continue
        assert np.all(np.abs(samples) <= 1)
