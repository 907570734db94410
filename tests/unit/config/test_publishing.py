"""Bad never replaces good: not at a reload, not at a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from calls.errors import Misconfigured
from config.problems import Problem
from config.publishing import Rulebooks
from config.rulebook import Rulebook
from config.rulebook_files import read_rulebook_files
from config.rulebook_loader import SHIPPED, load_rulebook
from config.rulebook_versions import Publication
from config.settings import RulebookSettings
from tests.fakes.rulebook_folder import option, write_rulebook

pytestmark = pytest.mark.unit

BROKEN = option(sya="x")
CHANGED = option(say='"To buy"')


def rulebooks(tmp_path: Path, *, watch: bool = False) -> Rulebooks:
    settings = RulebookSettings(
        path=tmp_path / "rulebook",
        state_dir=tmp_path / "state",
        watch=watch,
        watch_every_s=0.01,
    )
    return Rulebooks(settings=settings)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.005)


async def test_a_bad_folder_keeps_the_good_version_and_its_problems(tmp_path: Path) -> None:
    folder = write_rulebook(tmp_path / "rulebook")
    async with rulebooks(tmp_path) as published:
        good = published.current
        write_rulebook(folder, menus=BROKEN)
        assert await published.reload() is False
        assert published.current is good
        assert not published.is_folder_good
        assert [p.sentence for p in published.problems] == [
            "unknown key 'sya'; did you mean 'say'?"
        ]
        write_rulebook(folder, menus=CHANGED)
        assert await published.reload() is True
        assert published.current.version != good.version
        assert published.problems == ()
        assert good.menus["main"].options[0].say.in_language("en").fixed == "To order"


async def test_a_restart_with_a_broken_folder_serves_the_last_good_version(tmp_path: Path) -> None:
    folder = write_rulebook(tmp_path / "rulebook")
    async with rulebooks(tmp_path) as published:
        write_rulebook(folder, menus=CHANGED)
        await published.reload()
        version = published.current.version
    write_rulebook(folder, menus=BROKEN)
    async with rulebooks(tmp_path) as restarted:
        assert restarted.current.version == version
        assert not restarted.is_folder_good
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    async with rulebooks(tmp_path) as restarted:
        assert restarted.current.version == version


async def test_a_first_start_with_a_broken_folder_is_refused(tmp_path: Path) -> None:
    write_rulebook(tmp_path / "rulebook", menus=BROKEN)
    with pytest.raises(Misconfigured, match=r"menus\.yaml:7: unknown key 'sya'"):
        async with rulebooks(tmp_path):
            pass


async def test_a_damaged_copy_is_not_trusted(tmp_path: Path) -> None:
    folder = write_rulebook(tmp_path / "rulebook")
    async with rulebooks(tmp_path) as published:
        version = published.current.version
    copy = tmp_path / "state" / "versions" / version / "menus.yaml"
    copy.write_text(copy.read_text().replace("To order", "To steal"))
    write_rulebook(folder, menus=BROKEN)
    with pytest.raises(Misconfigured):
        async with rulebooks(tmp_path):
            pass


@pytest.mark.parametrize("lost", ["current", "versions"])
async def test_where_the_newest_version_is_lost_the_one_before_serves(
    lost: str, tmp_path: Path
) -> None:
    folder = write_rulebook(tmp_path / "rulebook")
    async with rulebooks(tmp_path) as published:
        first = published.current.version
        write_rulebook(folder, menus=CHANGED)
        await published.reload()
        second = published.current.version
    write_rulebook(folder, menus=BROKEN)
    if lost == "current":
        (tmp_path / "state" / "current").write_bytes(b"")
    else:
        (tmp_path / "state" / "versions" / second / "menus.yaml").unlink()
    async with rulebooks(tmp_path) as restarted:
        assert restarted.current.version == (second if lost == "current" else first)


async def test_a_change_on_disk_is_taken_and_told(tmp_path: Path) -> None:
    folder = write_rulebook(tmp_path / "rulebook")
    async with rulebooks(tmp_path, watch=True) as published:
        before = published.current
        told: list[Rulebook] = []
        published.on_published.append(told.append)
        write_rulebook(folder, menus=BROKEN)
        await until(lambda: bool(published.problems))
        assert published.current is before
        write_rulebook(folder, menus=CHANGED)
        await until(lambda: published.current is not before)
        assert told == [published.current]
        assert all(not task.done() for task in published.tasks)
    assert published.tasks == ()


async def test_further_problems_keep_a_version_from_being_published(tmp_path: Path) -> None:
    write_rulebook(tmp_path / "rulebook")
    settings = RulebookSettings(path=tmp_path / "rulebook", state_dir=tmp_path / "state")

    def refuse(rulebook: Rulebook) -> list[Problem]:
        return [Problem("tests.yaml", 1, f"{len(rulebook.menus)} menu is too few")]

    with pytest.raises(Misconfigured, match="1 menu is too few"):
        async with Rulebooks(settings=settings, examine=refuse):
            pass
    assert not (tmp_path / "state" / "current").exists()


async def test_a_state_folder_that_cannot_be_written_does_not_stop_us(tmp_path: Path) -> None:
    write_rulebook(tmp_path / "rulebook")
    (tmp_path / "state").write_text("a file where a folder should be")
    async with rulebooks(tmp_path) as published:
        assert published.current.menus


async def test_without_a_path_the_shipped_example_is_used(tmp_path: Path) -> None:
    async with Rulebooks(settings=RulebookSettings(state_dir=tmp_path, watch=False)) as published:
        assert published.current.version == load_rulebook(SHIPPED).or_raise().version


def test_nothing_is_current_before_the_start(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        _ = rulebooks(tmp_path).current


async def test_a_fault_of_ours_ends_neither_the_server_nor_its_watch(tmp_path: Path) -> None:
    folder = write_rulebook(tmp_path / "rulebook")
    settings = RulebookSettings(path=folder, state_dir=tmp_path / "state", watch_every_s=0.01)
    faults: list[str] = []

    def examine(rulebook: Rulebook) -> list[Problem]:
        if faults:
            raise OverflowError(faults[0])
        return []

    async with Rulebooks(settings=settings, examine=examine) as published:
        good = published.current
        faults.append("of ours")
        write_rulebook(folder, menus=CHANGED)
        await until(lambda: not published.is_folder_good)
        assert published.current is good
        assert "a fault of its own here (OverflowError)" in published.problems[0].sentence
        assert not any(task.done() for task in published.tasks)
    async with Rulebooks(settings=settings, examine=examine) as restarted:
        assert restarted.current.version == good.version


async def test_the_pointer_is_followed_where_the_folder_is_not_watched(tmp_path: Path) -> None:
    folder = write_rulebook(tmp_path / "rulebook")
    async with rulebooks(tmp_path) as published:
        files = read_rulebook_files(write_rulebook(tmp_path / "other", menus=CHANGED))
        now = datetime(2026, 11, 23, tzinfo=UTC)
        publication = Publication(
            files.version, now, "anna", folder_version=read_rulebook_files(folder).version
        )
        published.versions.publish(files, publication)
        await until(lambda: published.current.version == files.version)
