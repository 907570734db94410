"""Publish, roll back and compare, as a supervisor does, with a server that watches."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from calls.errors import Misconfigured
from config.problems import ProblemsFound
from config.publishing import Rulebooks
from config.rulebook_loader import SHIPPED, load_rulebook
from config.settings import RulebookSettings
from config.surroundings import Surroundings
from ivr import rules
from supervisor import comparing, publishing
from supervisor.dry_run import dry_run
from tests.fakes.rulebook_folder import option, write_rulebook

pytestmark = pytest.mark.unit

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CHANGED = option(say='"To buy"')
BROKEN = option(sya="x")
FAILING = "tests: [{name: x, given: {dialled: '+1'}, expect: {menu: nowhere}}]\n"


@pytest.fixture
def settings(tmp_path: Path) -> RulebookSettings:
    return RulebookSettings(
        path=write_rulebook(tmp_path / "watched"),
        state_dir=tmp_path / "state",
        watch=True,
        watch_every_s=0.01,
    )


def publish(folder: Path, settings: RulebookSettings, minutes: int = 0) -> str:
    now = NOON + timedelta(minutes=minutes)
    loaded = publishing.prepare(folder, Surroundings.of(settings), now)
    return publishing.publish(loaded, settings, author="anna", comment="why", now=now).version


def roll_back(settings: RulebookSettings, version: str | None = None, minutes: int = 1) -> str:
    now = NOON + timedelta(minutes=minutes)
    done = publishing.roll_back(settings, version, author="ben", comment="", now=now)
    return done.publication.version


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.005)


async def test_a_running_server_takes_what_is_published_and_what_is_rolled_back(
    settings: RulebookSettings, tmp_path: Path
) -> None:
    other = write_rulebook(tmp_path / "other", menus=CHANGED)
    async with Rulebooks(settings=settings) as server:
        first = server.current.version
        second = publish(other, settings)
        await until(lambda: server.current.version == second)
        assert roll_back(settings) == first
        await until(lambda: server.current.version == first)


async def test_a_rolled_back_version_stays_over_a_restart_until_the_folder_changes(
    settings: RulebookSettings,
) -> None:
    folder = settings.path
    assert folder is not None
    async with Rulebooks(settings=settings) as server:
        first = server.current.version
        write_rulebook(folder, menus=CHANGED)
        await until(lambda: server.current.version != first)
        changed = server.current.version
        roll_back(settings, first)
        await until(lambda: server.current.version == first)
    async with Rulebooks(settings=settings) as server:
        assert server.current.version == first
        assert await server.reload() is True
        assert server.current.version == first
        write_rulebook(folder, menus=option(say='"To order now"'))
        await until(lambda: server.current.version not in (first, changed))


def test_what_has_errors_is_not_published(settings: RulebookSettings, tmp_path: Path) -> None:
    good = publish(write_rulebook(tmp_path / "good", menus=CHANGED), settings)
    for name, files in {
        "key": {"menus": BROKEN},
        "example": {"tests": FAILING},
    }.items():
        with pytest.raises(ProblemsFound):
            publish(write_rulebook(tmp_path / name, **files), settings)
    assert [line.publication.version for line in publishing.list_versions(settings)] == [good]


def test_a_fault_in_the_dry_run_blocks(
    settings: RulebookSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr(rules, "decide", fail)
    loaded = load_rulebook(write_rulebook(tmp_path / "x"))
    problems = dry_run(loaded.or_raise(), NOON)
    assert any("a stranger on default would meet a fault" in p.sentence for p in problems)
    assert all(problem.is_error for problem in problems)


def test_the_shipped_example_walks_dry(tmp_path: Path) -> None:
    assert dry_run(load_rulebook(SHIPPED).or_raise(), NOON) == []


def test_there_is_nothing_to_roll_back_to(settings: RulebookSettings) -> None:
    with pytest.raises(Misconfigured, match="no version before the current one"):
        roll_back(settings)


def test_the_list_says_who_and_how(settings: RulebookSettings, tmp_path: Path) -> None:
    first = publish(write_rulebook(tmp_path / "a"), settings)
    second = publish(write_rulebook(tmp_path / "b", menus=CHANGED), settings, minutes=1)
    roll_back(settings, first[:6], minutes=2)
    lines = publishing.list_versions(settings)
    told = [(line.publication, line.is_current) for line in lines]
    assert [(one.version, one.author, one.action, is_now) for one, is_now in told] == [
        (first, "ben", "rollback", True),
        (second, "anna", "publish", False),
        (first, "anna", "publish", False),
    ]


def test_each_rollback_goes_one_further_back(settings: RulebookSettings, tmp_path: Path) -> None:
    one, two, three = (
        publish(
            write_rulebook(tmp_path / word, menus=option(say=f'"To {word}"')), settings, minutes=n
        )
        for n, word in enumerate(("buy", "sell", "swap"))
    )
    assert roll_back(settings, minutes=3) == two
    assert roll_back(settings, minutes=4) == one
    with pytest.raises(Misconfigured, match="no version before"):
        roll_back(settings, minutes=5)
    assert roll_back(settings, three[:8], minutes=6) == three
    assert roll_back(settings, minutes=7) == one


def shown(settings: RulebookSettings, before: str | None, after: str | None) -> str:
    console = Console(file=io.StringIO(), width=200)
    comparing.render(comparing.compare(settings, before, after, NOON), console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_comparison_tells_what_callers_hear(settings: RulebookSettings, tmp_path: Path) -> None:
    first = publish(write_rulebook(tmp_path / "a"), settings)
    second = publish(write_rulebook(tmp_path / "b", menus=CHANGED), settings, minutes=1)
    text = shown(settings, first, second)
    assert re.search(r"(?m)^a stranger, .* on .*default", text)
    assert "  key 1 is “To buy” instead of “To order”" in text
    assert "-        say: " in text
    assert "+        say: " in text
    assert "nothing differs" in shown(settings, first, str(tmp_path / "a"))
    assert "are compared" in shown(settings, first, str(broken(tmp_path)))
    with pytest.raises(Misconfigured):
        shown(settings, "ffff", None)


def broken(tmp_path: Path) -> Path:
    return write_rulebook(tmp_path / "broken", menus=BROKEN)
