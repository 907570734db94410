"""The commands of the CRM, run as a user runs them."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from switchboard import cli

pytestmark = pytest.mark.integration

MARIA, HOME = "+12025550101", "+12025550103"
CONTACTS = f"""id,first_name,last_name,phone,company
C-1,Maria,Garcia,{MARIA},
C-3,Olivia,Bennett,{HOME},Bennett Ltd
C-4,Noah,Bennett,{HOME},Bennett Ltd
"""


def switchboard(folder: Path, *words: str) -> Result:
    """In this process, since starting another takes longer than any of the commands. Whatever is
    not a sentence comes up here as it is."""
    told = [*words, "--config", str(folder / "s.yaml")]
    done = CliRunner().invoke(cli.app, told, env={"NO_COLOR": "1", "COLUMNS": "100"})
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "s.yaml").write_text(
        f"storage: {{url: 'sqlite:///{tmp_path}/crm.db'}}\n", encoding="utf-8"
    )
    (tmp_path / "contacts.csv").write_text(CONTACTS, encoding="utf-8")
    done = switchboard(tmp_path, "import", str(tmp_path / "contacts.csv"))
    assert done.exit_code == 0, done.stderr
    return tmp_path


def test_a_number_is_tried_with_what_was_made_of_it(folder: Path) -> None:
    done = switchboard(folder, "crm", "test", "(202) 555-0101", "--json")
    assert done.exit_code == 0, done.stderr
    [trial] = json.loads(done.stdout)
    assert (trial["crm"], trial["e164"], trial["is_good"]) == ("embedded", MARIA, True)
    assert trial["contact"]["last_name"] == "Garcia"
    assert [hit["candidate"]["name"] for hit in trial["verified"]] == ["Maria Garcia"]
    asked = [one for one in trial["exchanges"] if MARIA in one["request"]]
    assert asked
    assert all(one["method"] == "SQL" and "Garcia" in one["answer"] for one in asked)
    shown = switchboard(folder, "crm", "test", HOME)
    assert "2 rows, " in shown.stdout
    assert "Olivia Bennett" in shown.stdout
    assert "Bennett Ltd" in shown.stdout
    assert "in time for the caller" in shown.stdout


def test_what_is_wrong_is_a_sentence_and_exit_1(folder: Path) -> None:
    for words, said in (
        (("crm", "test", "no number"), "no telephone number"),
        (("crm", "test", MARIA, "--crm", "odoo"), "not among the CRMs in use: embedded"),
    ):
        done = switchboard(folder, *words)
        assert done.exit_code == 1
        assert said in done.stderr
    with (folder / "s.yaml").open("a", encoding="utf-8") as file:
        file.write("crm: {adapter: chain}\n")
    done = switchboard(folder, "crm", "check")
    assert done.exit_code == 1
    assert "crm.chain names no CRM" in done.stderr


def test_check_and_index_speak_of_the_crm_in_use(folder: Path) -> None:
    done = switchboard(folder, "crm", "check")
    assert (done.exit_code, done.stdout.strip()) == (0, "embedded: good")
    done = switchboard(folder, "crm", "index")
    assert done.exit_code == 0
    assert "no copy is kept" in done.stdout


def test_a_choice_is_listed_and_undone(folder: Path) -> None:
    with sqlite3.connect(folder / "crm.db") as database:
        database.execute(
            "INSERT INTO crm_number_choices VALUES (?, 'embedded', 'C-4', 'anna', ?)",
            (HOME, "2026-03-02 09:30:00.000000"),
        )
    done = switchboard(folder, "crm", "choices", "list", "--json")
    [row] = json.loads(done.stdout)
    assert (row["number"], row["contact"], row["agent"]) == (HOME, "embedded:C-4", "anna")
    assert switchboard(folder, "crm", "choices", "undo", "202-555-0103").exit_code == 0
    done = switchboard(folder, "crm", "choices", "undo", HOME)
    assert (done.exit_code, done.stdout.strip()) == (1, "nobody was chosen for this number")
    done = switchboard(folder, "crm", "choices", "undo", "abc")
    assert done.exit_code == 1
    assert "'abc' is no telephone number" in done.stderr
