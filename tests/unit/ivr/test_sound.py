"""Sound treatment, on tones whose spectrum is known."""

from __future__ import annotations

import io
import wave

import numpy as np
import pytest

from ivr import sound

pytestmark = pytest.mark.unit


def tone(hz: float, rate: int, seconds: float = 1.0) -> sound.Samples:
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(round(rate * seconds)) / rate)


def wav(samples: sound.Samples, rate: int, channels: int = 1, width: int = 2) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(width)
        writer.setframerate(rate)
        if width == 2:
            data = np.repeat((samples * 32767).astype("<i2"), channels).tobytes()
        else:
            data = np.repeat((samples * 127 + 128).astype("u1"), channels).tobytes()
        writer.writeframes(data)
    return out.getvalue()


def strongest_hz(samples: sound.Samples) -> float:
    spectrum = np.abs(np.fft.rfft(samples))
    return float(np.argmax(spectrum) * sound.RATE / samples.size)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000, 6000])
def test_a_tone_keeps_its_pitch_level_and_length_at_any_rate(rate: int) -> None:
    there = sound.resample(tone(440, rate), rate)
    assert there.size == sound.RATE
    assert strongest_hz(there) == pytest.approx(440, abs=1)
    middle = there[2000:6000]
    assert float(np.sqrt(np.mean(middle**2))) == pytest.approx(0.5 / np.sqrt(2), rel=0.02)


def test_what_lies_above_the_telephone_band_does_not_fold_back() -> None:
    there = sound.resample(tone(5000, 16000), 16000)
    assert float(np.max(np.abs(there[500:-500]))) < 0.005


@pytest.mark.parametrize(("channels", "width"), [(1, 2), (2, 2), (1, 1), (2, 1)])
def test_a_wav_of_any_common_kind_is_read(channels: int, width: int) -> None:
    samples = sound.decode_wav(wav(tone(300, 16000), 16000, channels, width))
    assert samples.size == sound.RATE
    assert strongest_hz(samples) == pytest.approx(300, abs=1)


def test_what_is_written_is_8_khz_mono_16_bit_and_reads_back_the_same() -> None:
    samples = tone(300, sound.RATE)
    data = sound.encode_wav(samples)
    with wave.open(io.BytesIO(data)) as reader:
        assert reader.getparams()[:4] == (1, 2, 8000, 8000)
    assert np.allclose(sound.decode_wav(data), samples, atol=1e-4)


@pytest.mark.parametrize(
    "data", [b"", b"RIFF", b"not a wav at all", wav(tone(300, 8000), 8000)[:30]]
)
def test_bytes_that_are_no_wav_are_refused(data: bytes) -> None:
    with pytest.raises(sound.NotSound):
        sound.decode_wav(data)


def test_a_cut_off_wav_gives_what_is_there() -> None:
    data = wav(tone(300, 8000), 8000)
    assert sound.decode_wav(data[: len(data) // 2 + 1]).size == pytest.approx(4000, abs=30)


def test_silence_around_the_sound_is_cut_down_to_a_breath() -> None:
    quiet = np.zeros(sound.RATE)
    trimmed = sound.trim(np.concatenate([quiet, tone(300, sound.RATE), quiet]))
    assert trimmed.size / sound.RATE == pytest.approx(1 + sound.LEAD_S + sound.TAIL_S, abs=0.01)
    assert sound.trim(quiet).size == 0


@pytest.mark.parametrize("level", [0.03, 0.2, 0.9])
def test_loudness_is_evened(level: float) -> None:
    even = sound.even_loudness(tone(300, sound.RATE) * 2 * level)
    assert float(np.sqrt(np.mean(even**2))) == pytest.approx(sound.SPEECH_RMS, rel=0.15)


def test_a_click_keeps_the_whole_from_being_turned_up_into_clipping() -> None:
    clicking = np.concatenate([np.full(8000, 0.02), [1.0]])
    assert float(np.max(np.abs(sound.even_loudness(clicking)))) <= sound.PEAK + 1e-9
