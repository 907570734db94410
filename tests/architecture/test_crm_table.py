"""The README's table of CRMs is made of what the kit showed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.crm_table import crm_table, with_table
from benchmarks.readme import README
from tests.crm_worlds.results import Results
from tests.crm_worlds.world import WorldKind

pytestmark = pytest.mark.architecture

KIND = WorldKind("tryton", opened=lambda: None, needs=(), proven_by="real server")  # type: ignore[arg-type,return-value]


def test_the_table_is_the_kits() -> None:
    text = README.read_text(encoding="utf-8")
    assert with_table(text) == text, "run `make crm-table`"


def test_results_become_a_table(tmp_path: Path) -> None:
    results, file = Results(), tmp_path / "kit.json"
    results.of(KIND).version = "Tryton 8.2.0"
    results.add(KIND, "test_one", "passed", None)
    results.add(KIND, "test_two", "skipped", "there is no such thing")
    results.write(file)
    last = crm_table(json.loads(file.read_text())).splitlines()[-1]
    assert last == "| `tryton` | Tryton 8.2.0 | real server | 1 | there is no such thing |"


def test_no_table_comes_of_a_run_with_failures(tmp_path: Path) -> None:
    results = Results()
    results.add(KIND, "test_one", "failed", None)
    with pytest.raises(RuntimeError, match="1 tests"):
        results.write(tmp_path / "kit.json")
    assert not list(tmp_path.iterdir())
