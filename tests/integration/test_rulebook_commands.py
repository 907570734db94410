"""A supervisor's day at the command line: check, publish, compare, roll back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fakes.rulebook_folder import option, write_rulebook
from tests.integration.test_cli import Shell

pytestmark = pytest.mark.integration


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def versions(shell: Shell) -> list[dict[str, object]]:
    listed: list[dict[str, object]] = json.loads(shell("versions", "--json").out)
    return listed


def test_publish_compare_and_roll_back(shell: Shell) -> None:
    assert "nothing was published yet" in shell("versions").out
    shell("rollback").refuses("there is no version before the current one")
    folder = write_rulebook(shell.home / "rulebook")
    first = shell("publish", folder, "-m", "the first", "--author", "anna")
    assert first.code == 0, first
    assert first.out.startswith("published ")
    write_rulebook(folder, menus=option(say='"To buy"'))
    compared = shell("diff", folder)
    assert "key 1 is “To buy” instead of “To order”" in compared.out
    assert '-        say: "To order"' in compared.out
    assert shell("publish", folder, "--author", "ben").code == 0
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
