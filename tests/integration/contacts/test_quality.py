"""The figures on the contacts' quality, on both databases, and the commands that show them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from crm_adapter.embedded import tables
from crm_adapter.embedded.quality import NumberQuality, measure, quality_of_number
from storage.database import Database
from switchboard import cli
from tests.integration.contacts.crowd import add, add_contact

pytestmark = pytest.mark.integration


async def test_gaps_and_numbers(any_database: Database) -> None:
    await add_contact(any_database, "C-1", first_name="Ann", language="en", company="")
    await add_contact(any_database, "C-2", last_name="李")
    await add_contact(any_database, "C-3")
    for contact_id, e164 in (
        ("C-1", "+12025550101"),
        ("C-2", "+12025550101"),
        ("C-2", "+15555555555"),
        ("C-2", "+4"),
    ):
        await add(any_database, tables.contact_numbers, {"contact_id": contact_id, "e164": e164})
    email = {"contact_id": "C-1", "address": "A@b.example", "folded": "a@b.example"}
    await add(any_database, tables.contact_emails, email)
    seen: list[tuple[int, int]] = []
    found = await measure(any_database, progress=lambda done, total: seen.append((done, total)))
    assert found.contacts == 3
    assert found.numbers == {
        NumberQuality.VALID: 2,
        NumberQuality.POSSIBLE: 1,
        NumberQuality.UNREADABLE: 1,
    }
    filled = {gap.field: gap.filled for gap in found.fields}
    assert filled == {
        "number": 2,
        "email": 1,
        "name": 2,
        "first_name": 1,
        "last_name": 1,
        "company": 0,
        "language": 1,
        "owner": 0,
        "customer_number": 0,
    }
    assert (found.unreachable, found.shared_numbers) == (1, 1)
    assert found.missing("language") == 2
    assert seen == [(4, 4)]


async def test_an_empty_crm(any_database: Database) -> None:
    found = await measure(any_database)
    assert (found.contacts, found.unreachable, sum(found.numbers.values())) == (0, 0, 0)


@pytest.mark.parametrize("text", ["", "abc", "+", "+999999999999999999", "2025550101", "+0"])
def test_what_is_no_number(text: str) -> None:
    assert quality_of_number(text) is NumberQuality.UNREADABLE


PEOPLE = """id,first_name,last_name,phone,email
C1,Maria,Garcia,+12025550101,maria@shop.example
C2,Maria,Garcia,+12025550101,
C3,Noah,Bennett,+12025550103,none
C4,Olivia,Bennett,+12025550103,
C5,,,,
"""


def run(folder: Path, *words: str) -> tuple[int, str, str]:
    settings = folder / "switchboard.yaml"
    settings.write_text(yaml.safe_dump({"storage": {"url": f"sqlite:///{folder}/s.db"}}))
    done = CliRunner().invoke(
        cli.app, [*words, "--config", str(settings)], env={"COLUMNS": "120", "NO_COLOR": "1"}
    )
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout, done.stderr


def test_from_the_list_to_one_contact_and_back(tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    people.write_text(PEOPLE)
    code, told, notices = run(tmp_path, "import", str(people))
    assert code == 0
    assert "5 contacts with 4 numbers: 100.0 % valid" in told
    assert "1 pairs are likely one person twice" in told
    assert "people.csv: 1 row with an e-mail that is none, left out (lines 4)" in notices
    assert "people.csv: 1 row without a name (lines 6)" in notices

    code, told, _ = run(tmp_path, "contacts", "duplicates", "--json")
    [pair] = json.loads(told)["surest"]
    assert (pair["keep"], pair["other"], pair["shared"]) == ("C1", "C2", ["number"])
    assert "95%" in run(tmp_path, "contacts", "duplicates")[1]
    assert "C4  Olivia Bennett" in run(tmp_path, "contacts", "duplicates", "--min", "0.2")[1]

    code, told, _ = run(tmp_path, "contacts", "merge", "C1", "C2", "--dry-run")
    assert (code, "nothing was changed" in told) == (0, True)
    code, told, _ = run(tmp_path, "contacts", "merge", "C1", "C2", "--by", "anna")
    assert "switchboard contacts unmerge 1" in told
    assert "no pair of 4 contacts" in run(tmp_path, "contacts", "duplicates")[1]
    [past] = json.loads(run(tmp_path, "contacts", "merges", "--json")[1])
    assert (past["kept_id"], past["merged_id"], past["by"]) == ("C1", "C2", "anna")
    code, _, wrong = run(tmp_path, "contacts", "merge", "C3", "C2")
    assert (code, wrong) == (1, "C2 was merged into C1 already (merge 1)\n")
    assert run(tmp_path, "contacts", "unmerge", "1")[0] == 0
    assert "1" in run(tmp_path, "contacts", "merges")[1]
    assert "Maria Garcia" in run(tmp_path, "contacts", "duplicates")[1]


def test_the_page_is_for_its_owner_alone(tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    people.write_text(PEOPLE)
    assert "likely" not in run(tmp_path, "import", str(people), "--no-check")[1]
    page = tmp_path / "quality.html"
    code, told, _ = run(tmp_path, "contacts", "quality", "--html", str(page), "--json")
    figures = json.loads(told)
    assert (code, figures["contacts"], figures["duplicates"]["pairs"]) == (0, 5, 1)
    assert figures["fields"]["email"] == {"filled": 1, "missing": 4}
    assert page.stat().st_mode & 0o777 == 0o600
    assert "Maria Garcia" in page.read_text(encoding="utf-8")
    assert "same number: 1 pairs" in run(tmp_path, "contacts", "quality")[1]
