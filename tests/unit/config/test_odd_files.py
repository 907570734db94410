"""A rulebook folder may hold anything: pipes, devices, names that are no text."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from config.rulebook_loader import load_rulebook
from tests.fakes.rulebook_folder import write_rulebook

pytestmark = pytest.mark.unit


def sentences(folder: Path) -> list[str]:
    loaded = load_rulebook(folder)
    assert loaded.rulebook is None
    return [str(problem).replace(str(folder), "") for problem in loaded.problems]


@pytest.mark.parametrize("name", ["more.yaml", "sounds/en/welcome.wav"])
def test_a_pipe_is_not_waited_for(name: str, tmp_path: Path) -> None:
    folder = write_rulebook(tmp_path)
    (folder / "sounds" / "en").mkdir(parents=True)
    os.mkfifo(folder / name)
    assert sentences(folder) == [f"/{name}: this is not a plain file"]


def test_a_device_is_not_read_without_end(tmp_path: Path) -> None:
    folder = write_rulebook(tmp_path)
    (folder / "sounds" / "en").mkdir(parents=True)
    (folder / "sounds" / "en" / "welcome.wav").symlink_to("/dev/zero")
    assert sentences(folder) == ["/sounds/en/welcome.wav: this is not a plain file"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"Begr\xfc\xdfung.yaml", "Begr\\udcfc\\udcdfung.yaml"),
        (b"sounds/en/gr\xfc\xdfe.wav", "sounds/en/gr\\udcfc\\udcdfe.wav"),
    ],
)
def test_a_name_from_an_old_machine_is_told(name: bytes, shown: str, tmp_path: Path) -> None:
    folder = write_rulebook(tmp_path)
    (folder / "sounds" / "en").mkdir(parents=True)
    Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(b"menus: {}")
    assert sentences(folder) == [f": the name of the file '{shown}' is not UTF-8 text"]


@pytest.mark.parametrize("text", ['"":\n', '"": # nothing\n', "menus:\n  ? \n  :\n", ":\n"])
def test_a_key_without_a_word_and_a_value_is_told(text: str, tmp_path: Path) -> None:
    folder = write_rulebook(tmp_path)
    (folder / "more.yaml").write_text(text)
    assert any(told.startswith("/more.yaml:") for told in sentences(folder))
