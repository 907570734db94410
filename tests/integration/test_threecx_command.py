"""`switchboard crm import-3cx` as people use it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crm_adapter.rest.mapping import load_rest_mapping
from switchboard import cli

pytestmark = pytest.mark.integration

SAMPLES = Path(__file__).parents[1] / "fixtures" / "threecx"


def run(*words: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(
        cli.app,
        ["crm", "import-3cx", *map(str, words)],
        env={"COLUMNS": "160", "NO_COLOR": "1"},
    )
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout, done.stderr


def test_the_file_it_writes_is_a_mapping(tmp_path: Path) -> None:
    out = tmp_path / "crm.yaml"
    code, _, told = run(SAMPLES / "report_call.xml", "--out", out)
    assert code == 0
    assert "ReportCallMissed" in told
    assert "switchboard crm check" in told
    environ = {"CRM_USER": "u", "CRM_SECRET": "s"}
    loaded = load_rest_mapping(out, environ=environ)
    assert loaded.mapping.base_url == "https://desk.mill.example"
    assert loaded.mapping.log_call is not None


def test_printed_it_is_nothing_but_the_mapping(tmp_path: Path) -> None:
    code, printed, _ = run(SAMPLES / "chained.xml")
    path = tmp_path / "crm.yaml"
    path.write_text(printed, encoding="utf-8")
    assert code == 0
    assert len(load_rest_mapping(path, environ={}).mapping.lookup) == 2


def test_what_cannot_be_used_yet_exits_1() -> None:
    code, _, told = run(SAMPLES / "no_numbers.xml")
    assert (code, "cannot be used yet" in told) == (1, True)
    code, printed, _ = run(SAMPLES / "no_numbers.xml", "--json")
    figures = json.loads(printed)
    assert (code, figures["usable"]) == (1, False)
    assert {entry["level"] for entry in figures["report"]} == {"missing"}


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "No such file"), (b"<a/>", "not <Crm>"), (b"\0", "not readable as XML")],
)
def test_what_is_no_template(tmp_path: Path, content: bytes | None, says: str) -> None:
    path = tmp_path / "t.xml"
    if content is not None:
        path.write_bytes(content)
    code, printed, told = run(path)
    assert (code, printed) == (1, "")
    assert says in told
    assert "Traceback" not in told


def test_a_database_is_refused() -> None:
    code, _, told = run(SAMPLES / "sql.xml")
    assert (code, "`sql` adapter" in told) == (1, True)
