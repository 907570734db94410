"""Versions never change, the pointer moves in one step, and nothing damaged is trusted."""

from __future__ import annotations

import itertools
import multiprocessing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from calls.errors import Misconfigured
from config.rulebook_files import read_rulebook_files
from config.rulebook_versions import Publication, RulebookVersions
from config.surroundings import BARE
from tests.fakes.rulebook_folder import option, write_rulebook

pytestmark = pytest.mark.unit

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def publish(state: Path, folder: Path, *, comment: str = "", minutes: int = 0) -> str:
    files = read_rulebook_files(folder)
    at = NOON + timedelta(minutes=minutes)
    RulebookVersions(state).publish(files, Publication(files.version, at, "anna", comment))
    return files.version


def test_a_version_keeps_who_when_and_why(tmp_path: Path) -> None:
    version = publish(tmp_path / "state", write_rulebook(tmp_path / "a"), comment="first\nline")
    versions = RulebookVersions(tmp_path / "state")
    assert versions.pointed() == Publication(version, NOON, "anna", "first\nline")
    assert versions.history() == (versions.pointed(),)
    assert versions.has(version)


def test_words_that_are_no_text_are_kept_as_far_as_they_go(tmp_path: Path) -> None:
    publish(tmp_path / "state", write_rulebook(tmp_path / "a"), comment="gr\udcfc\udcdfe")
    pointed = RulebookVersions(tmp_path / "state").pointed()
    assert pointed is not None
    assert pointed.comment == "gr??e"


def test_a_server_of_another_user_may_read_what_was_published(tmp_path: Path) -> None:
    state = tmp_path / "state"
    (state / "versions" / ".draft").mkdir(parents=True)
    (state / "versions" / ".draft" / "left.yaml").write_text("by a crash")
    version = publish(state, write_rulebook(tmp_path / "a"))
    usual = (tmp_path / "a").stat().st_mode
    assert (state / "versions" / version).stat().st_mode == usual
    assert [path.name for path in (state / "versions").iterdir()] == [version]


def test_recordings_belong_to_a_version(tmp_path: Path) -> None:
    folder = write_rulebook(tmp_path / "a")
    without = read_rulebook_files(folder).version
    (folder / "sounds" / "en").mkdir(parents=True)
    recording = folder / "sounds" / "en" / "main-greeting.wav"
    recording.write_bytes(b"first take")
    first = publish(tmp_path / "state", folder)
    recording.write_bytes(b"second take")
    second = publish(tmp_path / "state", folder)
    assert len({without, first, second}) == 3
    versions = RulebookVersions(tmp_path / "state")
    kept = versions.files(first)
    assert kept is not None
    assert kept.sounds["en", "main-greeting"].path.read_bytes() == b"first take"


def test_a_version_without_its_recording_is_not_whole(tmp_path: Path) -> None:
    folder = write_rulebook(tmp_path / "a")
    (folder / "sounds" / "en").mkdir(parents=True)
    (folder / "sounds" / "en" / "main-greeting.wav").write_bytes(b"take")
    version = publish(tmp_path / "state", folder)
    versions = RulebookVersions(tmp_path / "state")
    for path in (tmp_path / "state" / "sounds").iterdir():
        path.unlink()
    assert not versions.has(version)
    with pytest.raises(Misconfigured, match="no whole version"):
        versions.roll_back(Publication(version, NOON, "anna"))


def test_a_recording_saved_again_while_it_is_published_is_refused(tmp_path: Path) -> None:
    folder = write_rulebook(tmp_path / "a")
    (folder / "sounds" / "en").mkdir(parents=True)
    recording = folder / "sounds" / "en" / "main-greeting.wav"
    recording.write_bytes(b"take")
    files = read_rulebook_files(folder)
    recording.write_bytes(b"half a ta")
    versions = RulebookVersions(tmp_path / "state")
    with pytest.raises(OSError, match="saved while"):
        versions.publish(files, Publication(files.version, NOON, "anna"))
    assert versions.pointed() is None
    recording.write_bytes(b"take")
    version = publish(tmp_path / "state", folder)
    assert version == files.version
    kept = versions.files(version)
    assert kept is not None
    assert kept.sounds["en", "main-greeting"].path.read_bytes() == b"take"


def test_a_change_of_one_byte_is_noticed(tmp_path: Path) -> None:
    version = publish(tmp_path / "state", write_rulebook(tmp_path / "a"))
    copy = tmp_path / "state" / "versions" / version / "menus.yaml"
    copy.write_text(copy.read_text().replace("order", "0rder"))
    versions = RulebookVersions(tmp_path / "state")
    assert not versions.has(version)
    assert versions.load(version, BARE) is None


def test_the_first_letters_name_a_version(tmp_path: Path) -> None:
    version = publish(tmp_path / "state", write_rulebook(tmp_path / "a"))
    versions = RulebookVersions(tmp_path / "state")
    assert versions.full_version(version[:4]) == version
    for wrong in ("", "zz", "../../etc", "x" * 400):
        with pytest.raises(Misconfigured, match="begin"):
            versions.full_version(wrong)


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"\xff\xfe", b'{"version": "../../x", "at": "2026-01-01T00:00+00:00"}',
               b'{"version": "0123456789abcdef", "at": "yesterday"}', b"[]", b"null", b"7"],
)  # fmt: skip
def test_a_damaged_pointer_is_no_pointer(tmp_path: Path, damage: bytes) -> None:
    publish(tmp_path / "state", write_rulebook(tmp_path / "a"))
    (tmp_path / "state" / "current").write_bytes(damage)
    assert RulebookVersions(tmp_path / "state").pointed() is None


def test_a_line_cut_off_by_a_crash_does_not_hide_the_others(tmp_path: Path) -> None:
    state = tmp_path / "state"
    first = publish(state, write_rulebook(tmp_path / "a"))
    with (state / "history.jsonl").open("a") as file:
        file.write('{"version": "0123')
    write_rulebook(tmp_path / "a", menus=option(say='"To buy"'))
    assert [one.version for one in RulebookVersions(state).history()] == [first]
    second = publish(state, tmp_path / "a")
    assert [one.version for one in RulebookVersions(state).history()] == [first, second]


def test_publishing_the_same_again_adds_nothing(tmp_path: Path) -> None:
    folder = write_rulebook(tmp_path / "a")
    publish(tmp_path / "state", folder)
    publish(tmp_path / "state", folder, minutes=5)
    assert len(RulebookVersions(tmp_path / "state").history()) == 1


def test_who_names_what_the_folder_made_current_is_remembered(tmp_path: Path) -> None:
    folder = write_rulebook(tmp_path / "a")
    files, versions = read_rulebook_files(folder), RulebookVersions(tmp_path / "state")
    seen = Publication(files.version, NOON, "-", "the folder changed", "folder", files.version)
    said = Publication(files.version, NOON, "anna", "Christmas", "publish", files.version)
    for publication in (seen, seen, said, said, seen):
        versions.publish(files, publication)
    assert versions.history() == (seen, said)
    assert versions.pointed() == said


def test_what_somebody_published_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    folder, versions = write_rulebook(tmp_path / "a"), RulebookVersions(tmp_path / "state")
    first = publish(tmp_path / "state", folder)
    seen = versions.pointed()
    write_rulebook(folder, menus=option(say='"To buy"'))
    second = publish(tmp_path / "state", folder)
    write_rulebook(folder, menus=option(say='"To sell"'))
    files = read_rulebook_files(folder)
    changed = Publication(files.version, NOON, "-", "", "folder", files.version)
    versions.publish(files, changed, only_after=(seen,))
    assert [one.version for one in versions.history()] == [first, second]
    versions.publish(files, changed, only_after=(versions.pointed(),))
    assert versions.pointed() == changed


def _publish_many(state: str, folder: str) -> None:
    for minute in range(20):
        publish(Path(state), Path(folder), minutes=minute)


def test_processes_take_turns(tmp_path: Path) -> None:
    folders = [
        write_rulebook(tmp_path / word, menus=option(say=f'"To {word}"'))
        for word in ("buy", "sell")
    ]
    spawn = multiprocessing.get_context("spawn")
    workers = [
        spawn.Process(target=_publish_many, args=(str(tmp_path / "state"), str(folder)))
        for folder in folders
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    versions = RulebookVersions(tmp_path / "state")
    history = versions.history()
    assert versions.pointed() == history[-1]
    assert {one.version for one in history} == {read_rulebook_files(f).version for f in folders}
    # Each line is a move: never the same twice in a row.
    assert all(a.version != b.version for a, b in itertools.pairwise(history))
