# ruff: noqa: E501 (whole sentences, as they are read)
"""Recordings beside a rulebook: named after texts, playable, in a language that is spoken."""

from __future__ import annotations

import io
import math
import struct
import wave
from pathlib import Path

import pytest

from config.recording_names import recording_name
from config.rulebook_loader import load_rulebook
from tests.fakes.rulebook_folder import sentences_about, write_rulebook

pytestmark = pytest.mark.unit


def wav() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(8000)
        tone = (int(9000 * math.sin(n / 3)) for n in range(800))
        recording.writeframes(b"".join(struct.pack("<h", sample) for sample in tone))
    return file.getvalue()


def put(folder: Path, name: str, data: bytes) -> None:
    path = folder / "sounds" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def test_a_good_recording_is_in_the_rulebook(tmp_path: Path) -> None:
    put(tmp_path, "en/main-greeting.wav", wav())
    put(tmp_path, "en/main-sales.wav", wav())
    put(tmp_path, "en/not_understood.wav", wav())
    loaded = load_rulebook(write_rulebook(tmp_path))
    assert loaded.problems == ()
    names = {("en", "main-greeting"), ("en", "main-sales"), ("en", "not_understood")}
    assert loaded.or_raise().recordings.keys() == names


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("en/main-greting.wav", wav(), "warning: no text is named 'main-greting'; this is never heard; did you mean 'main-greeting'?"),
        ("fr/main-greeting.wav", wav(), "warning: nobody here speaks 'fr' (en); this is never heard"),
        ("en/main-greeting.wav", b"ID3 an mp3", None),
        ("en/main-greeting.wav", wav()[:40], None),
        ("en/main-greeting.wav", b"", None),
    ],
)  # fmt: skip
def test_a_bad_one_is_told(name: str, data: bytes, sentence: str | None, tmp_path: Path) -> None:
    put(tmp_path, name, data)
    [found] = sentences_about(tmp_path)
    assert found.startswith(f"sounds/{name}: ")
    if sentence is None:
        assert "the recording cannot be" in found
        assert "warning" not in found
    else:
        assert found == f"sounds/{name}: {sentence}"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (("menus", "main", "greeting"), "main-greeting"),
        (("menus", "main", "options", 1, "say"), "main-billing"),
        (("menus", "main", "options", 1, "do", "say"), "main-billing-do"),
        (("menus", "main", "options", 1, "do", "then", "invalid"), "main-billing-do-then-invalid"),
        (("menus", "main", "invalid", "say"), "main-invalid"),
        (("programmes", "default", 1, "say"), "default-2"),
        (("offers", "case", "menu"), "case-menu"),
        (("numbers", "+1800", "closed", "say"), "1800-closed"),
    ],
)
def test_a_text_is_named_by_where_it_stands(path: tuple[str | int, ...], name: str) -> None:
    document = {"menus": {"main": {"options": [{"intent": "sales"}, {"intent": "billing"}]}}}
    assert recording_name(document, path) == name
