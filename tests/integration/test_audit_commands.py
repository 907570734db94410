"""`switchboard audit` as people use it."""

from __future__ import annotations

import getpass
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_cli import PASSWORD, Shell

pytestmark = pytest.mark.integration


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Where an agent was added, and got and lost a token."""
    shell = Shell(tmp_path)
    added = shell(
        *("agents", "add", "anna", "--name", "Anna Berg", "--interface", "PJSIP/201"),
        SWITCHBOARD_AGENT_PASSWORD=PASSWORD,
    )
    assert added.code == 0, added
    assert shell("agents", "token", "anna", "--name", "crm").code == 0
    assert shell("agents", "token", "anna", "--name", "crm", "--revoke").code == 0
    assert shell("agents", "change", "anna", "--role", "admin").code == 0
    return shell


def entries(shell: Shell, *words: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(shell("audit", "list", "--json", *words).out)
    return listed


def at_the_database(shell: Shell, *statements: str) -> None:
    with closing(sqlite3.connect(shell.home / "db/switchboard.db")) as link:
        for statement in statements:
            link.execute(statement)
        link.commit()


def test_what_was_done_is_told_with_who_and_where_from(shell: Shell) -> None:
    told = entries(shell)
    assert [(one["action"], one["subject"], one["details"]) for one in told] == [
        ("agent.added", "anna", {"role": "agent"}),
        ("token.made", "anna", {"token": "crm"}),
        ("token.revoked", "anna", {"token": "crm"}),
        ("agent.changed", "anna", {"role": "admin", "what": ["role"]}),
    ]
    assert {one["result"] for one in told} == {"done"}
    assert all(one["origin"].startswith("command line on ") for one in told)
    assert {one["actor"] for one in told} == {
        f"os:{os.environ.get('SUDO_USER') or getpass.getuser()}"
    }
    assert [one["action"] for one in entries(shell, "--action", "token", "--last", "1")] == [
        "token.revoked"
    ]
    assert entries(shell, "--actor", "nobody") == entries(shell, "--since", "2999-01-01") == []
    assert "anna" in shell("audit", "list").out


def test_a_log_that_nobody_touched_is_good(shell: Shell) -> None:
    said = shell("audit", "verify")
    assert (said.code, said.out.startswith("4 rows; the last is ")) == (0, True), said
    assert json.loads(shell("audit", "verify", "--json").out)["good"] is True


def test_the_first_row_that_was_changed_is_told(shell: Shell) -> None:
    at_the_database(shell, "UPDATE audit_entries SET actor = 'os:somebody' WHERE seq >= 2")
    shell("audit", "verify").refuses("row 2: it was changed, or written without the key")
    said = shell("audit", "verify", "--json")
    assert (said.code, json.loads(said.out)["broken"]["row"]) == (1, 2)


def test_an_older_database_put_back_is_told(shell: Shell) -> None:
    file = shell.home / "db/switchboard.db"
    at_the_database(shell, "PRAGMA wal_checkpoint(TRUNCATE)")
    older = file.read_bytes()
    assert shell("agents", "change", "anna", "--role", "agent").code == 0
    for leftover in file.parent.glob(f"{file.name}*"):
        leftover.unlink()
    file.write_bytes(older)
    shell("audit", "verify").refuses("row 5: it is missing: this machine has seen 5 rows")


def test_what_was_cut_off_is_told_though_the_log_has_grown_since(shell: Shell) -> None:
    at_the_database(
        shell,
        "DELETE FROM audit_entries WHERE seq > 2",
        "UPDATE audit_heads SET seq = 2, mac = (SELECT mac FROM audit_entries WHERE seq = 2)",
    )
    for role in ("agent", "admin", "agent"):
        assert shell("agents", "change", "anna", "--role", role).code == 0
    shell("audit", "verify").refuses("row 4: it is not the row that this machine saw")


def test_a_command_that_is_done_says_so_whatever_comes_of_the_log(shell: Shell) -> None:
    [file] = (shell.home / "var/audit").glob("head-*.json")
    file.write_text("no head")
    assert shell("agents", "change", "anna", "--role", "agent").code == 0


def test_a_log_begun_anew_is_told(shell: Shell) -> None:
    at_the_database(shell, "DELETE FROM audit_entries", "DELETE FROM audit_heads")
    shell("audit", "verify").refuses("row 1: it is missing: this machine has seen 4 rows")


def test_another_key_is_told_and_the_one_of_before_may_be_named(shell: Shell) -> None:
    folder = shell.home / "var/audit"
    assert (folder / "key").stat().st_mode & 0o777 == 0o600
    (folder / "key").rename(shell.home / "old")
    assert shell("agents", "change", "anna", "--role", "agent").code == 0
    shell("audit", "verify").refuses("row 1: it was written with the key", "--key-file")
    said = shell("audit", "verify", "--key-file", shell.home / "old")
    assert (said.code, said.out.startswith("5 rows; ")) == (0, True), said

    (folder / "key").write_text("no key")
    shell("agents", "change", "anna", "--role", "admin").refuses("is no key")


def test_a_backup_put_back_by_the_command_is_told_and_the_log_goes_on(shell: Shell) -> None:
    file = shell.home / "backup.tar.gz"
    assert shell("backup", file).code == 0
    assert shell("agents", "change", "anna", "--role", "agent").code == 0
    before = entries(shell)[-1]
    assert shell("restore", file, "--force").code == 0
    last = entries(shell)[-1]
    assert (last["seq"], last["action"]) == (5, "restore")
    assert last["details"] == {"rows_before": before["seq"], "last_before": before["mac"]}
    assert shell("audit", "verify").code == 0
    # Another machine has seen the log as it was before.
    [file] = (shell.home / "var/audit").glob("head-*.json")
    file.write_text(json.dumps({"seq": before["seq"], "mac": before["mac"]}))
    assert shell("audit", "verify").code == 0


def test_verify_makes_no_key(shell: Shell) -> None:
    key = shell.home / "var/audit/key"
    key.unlink()
    shell("audit", "verify").refuses("audit.folder", "No such file")
    assert not key.exists()
