"""A supervisor's day at the command line: check, publish, compare, roll back."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scoring.house_choices import HouseChoices
from storage.database import Database
from tests.fakes.rulebook_folder import option, write_rulebook
from tests.integration.test_cli import Shell

pytestmark = pytest.mark.integration


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def versions(shell: Shell) -> list[dict[str, object]]:
    listed: list[dict[str, object]] = json.loads(shell("versions", "--json").out)
    return listed


def sounds(shell: Shell) -> set[tuple[str, int]]:
    """The prompts on disk: name and inode, which is another where a sound was made once more."""
    return {(file.name, file.stat().st_ino) for file in (shell.home / "prompts").rglob("*.wav")}


async def chosen(shell: Shell, menu: str, **counts: int) -> None:
    """Callers before now, by the intent that they chose."""
    async with Database(f"sqlite:///{shell.home}/db/switchboard.db") as database:
        house = HouseChoices(database=database)
        for intent, count in counts.items():
            for _ in range(count):
                house.add(menu, intent, "1", datetime.now(UTC))
        await house.flush()


def test_check_tells_how_long_callers_listen_by_what_they_chose(shell: Shell) -> None:
    more = "      - {intent: billing, say: For an invoice, do: {queue: billing}}\n"
    menus = f"{option()}{more}"
    folder = write_rulebook(shell.home / "rulebook", menus=menus)
    assert shell("check", folder).out == "the rulebook is good\n", "no database was made yet"
    assert shell("agents", "list").code == 0
    assert shell("check", folder).out == "the rulebook is good\n", "nobody has called yet"
    asyncio.run(chosen(shell, "main", sales=10, billing=30, gone=5))

    def table() -> list[list[str]]:
        lines = shell("check", folder).out.splitlines()
        assert lines[0] == "the rulebook is good"
        assert "Seconds of listening" in lines[1]
        return [re.split(r" {2,}", line.strip()) for line in lines[2:]]

    head, [menu, callers, written, ordered] = table()
    assert head == ["menu", "callers", "as written", "if ordered"]
    assert (menu, callers) == ("main", "40")
    before, after = (float(cell.removesuffix(" s")) for cell in (written, ordered))
    assert 0 < after < before
    write_rulebook(folder, menus=f"{menus}    order: by_propensity\n")
    head, row = table()
    assert head == ["menu", "callers", "as written", "as ordered"]
    assert row == [menu, callers, written, ordered]


def test_publish_compare_and_roll_back(shell: Shell) -> None:
    assert "nothing was published yet" in shell("versions").out
    shell("rollback").refuses("there is no version before the current one")
    folder = write_rulebook(shell.home / "rulebook")
    first = shell("publish", folder, "-m", "the first", "--author", "anna")
    assert first.code == 0, first
    assert first.out.startswith("published ")
    spoken = sounds(shell)
    assert len(spoken) > 10, "the texts of the menu, its keys and the stock texts"
    assert shell("publish", folder, "-m", "the first", "--author", "anna").code == 0
    assert sounds(shell) == spoken, "nothing is spoken twice"
    write_rulebook(folder, menus=option(say='"To buy"'))
    compared = shell("diff", folder)
    assert "key 1 is “To buy” instead of “To order”" in compared.out
    assert '-        say: "To order"' in compared.out
    assert shell("publish", folder, "--author", "ben").code == 0
    assert sounds(shell) > spoken, "the new words"
    assert "nothing differs" in shell("diff", folder).out
    back = shell("rollback", "-m", "confusing", "--author", "anna")
    assert back.code == 0, back
    assert "(the first)" in back.out
    newest = versions(shell)
    assert [(one["author"], one["action"], one["comment"], one["current"]) for one in newest] == [
        ("anna", "rollback", "confusing", True),
        ("ben", "publish", "", False),
        ("anna", "publish", "the first", False),
    ]
    assert newest[0]["version"] == newest[2]["version"]
    audited = json.loads(shell("audit", "list", "--json", "--action", "rulebook").out)
    assert [one["action"].removeprefix("rulebook.") for one in audited][-1] == "rolled_back"
    assert audited[0]["action"] == "rulebook.published"
    assert audited[-1]["subject"] == audited[0]["subject"]


def test_what_is_broken_is_not_published(shell: Shell) -> None:
    folder = write_rulebook(shell.home / "rulebook", menus=option(sya="x"))
    shell("publish", folder, "--author", "anna").refuses("menus.yaml:7: unknown key 'sya'")
    assert "nothing was published yet" in shell("versions").out
    checked = shell("check", folder)
    assert checked.code == 1
    assert "1 error" in checked.out


def test_without_a_folder_it_is_said_which_one_is_meant(shell: Shell) -> None:
    shell("publish", "--author", "anna").refuses("Name a folder")
    checked = shell("check")
    assert checked.code == 0
    assert "the shipped shop" in checked.err
    shell("diff").refuses("compare with what?")


def test_the_schema_and_the_reference(shell: Shell) -> None:
    schema = json.loads(shell("schema").out)
    assert set(schema["properties"]) >= {"menus", "rules", "offers", "hours"}
    assert shell("schema", "--markdown").out.startswith("# Reference of the rulebook")


def test_no_call_to_explain(shell: Shell) -> None:
    shell("explain", "--call", "pbx/1.1").refuses("pbx/1.1")
    assert shell("explain").code == 2
    assert shell("explain", "+12025550101", "--call", "pbx/1.1").code == 2
