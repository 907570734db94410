"""The README's table of CRMs and the gaps on their pages are made of what the kit showed, and the
kit's results are of today's tests and worlds."""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks import crm_table
from benchmarks.crm_table import PAGES, adapters, gaps_of, worlds_of
from tests.contracts import test_crm_adapter, test_crm_faults, test_crm_rights, test_crm_writes
from tests.crm_worlds.found import all_worlds
from tests.crm_worlds.results import Results, function_of
from tests.crm_worlds.world import WorldKind

pytestmark = pytest.mark.architecture

KIND = WorldKind("tryton", opened=lambda: None, needs=(), proven_by="real server")  # type: ignore[arg-type,return-value]
AGAIN = "run `make crm-table`"
WORLDS = {kind.name: kind for kind in all_worlds()}


def kit_tests() -> dict[str, Callable[..., Any]]:
    return {
        name: value
        for module in (test_crm_adapter, test_crm_writes, test_crm_faults, test_crm_rights)
        for name, value in vars(module).items()
        if name.startswith("test_")
    }


def times(test: Callable[..., Any], kind: WorldKind) -> int:
    """How often it is run on that CRM."""
    asks = inspect.signature(test).parameters
    if ("troubled" in asks and not kind.is_http) or ("open_world" in asks and not kind.tells_open):
        return 0
    marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
    once = len(kind.rights) if "right" in asks else 1
    return once * math.prod(len(mark.args[1]) for mark in marks)


def test_table_and_pages_are_the_kits() -> None:
    stale = [
        page.name
        for page, text in crm_table.current().items()
        if page.read_text(encoding="utf-8") != text
    ]
    assert stale == [], AGAIN


def test_every_adapter_and_every_world_has_its_row() -> None:
    shown = crm_table.kit()["worlds"]
    assert set(shown) == set(WORLDS), AGAIN
    assert [name for name in adapters() if not worlds_of(name, shown)] == []


def test_the_kits_results_are_of_todays_tests() -> None:
    most = {
        name: max(times(test, kind) for kind in WORLDS.values())
        for name, test in kit_tests().items()
    }
    assert crm_table.kit()["tests"] == most, AGAIN


@pytest.mark.parametrize("name", sorted(WORLDS))
def test_every_test_of_the_kit_has_a_result(name: str) -> None:
    shown, kind = crm_table.kit()["worlds"][name], WORLDS[name]
    due = sum(times(test, kind) for test in kit_tests().values())
    assert shown["passed"] + len(shown["not_claimed"]) + len(shown["gaps"]) == due, AGAIN
    assert shown["proven_by"] == kind.proven_by
    # A gap is a test of all parameters, or of one.
    declared = {function_of(gap) for gap in kind.gaps}
    assert {function_of(gap) for gap in shown["gaps"]} == declared, AGAIN
    assert set(shown["gaps"].values()) == set(kind.gaps.values()), AGAIN


@pytest.mark.parametrize("adapter", adapters())
def test_a_page_tells_the_gaps_that_the_kit_found(adapter: str) -> None:
    page = (PAGES / f"{adapter}.md").read_text(encoding="utf-8")
    _, heading, gaps = page.partition("\n## Known gaps\n")
    assert heading
    assert gaps_of(adapter, crm_table.kit()["worlds"]) in gaps.partition("\n## ")[0], AGAIN
    for kind in WORLDS.values():
        if kind.name.partition("-")[0] == adapter:
            assert [why for why in kind.gaps.values() if why not in gaps] == []
    assert f"({adapter}.md)" in (PAGES / "README.md").read_text(encoding="utf-8")


def shown_by(results: Results, folder: Path) -> dict[str, Any]:
    results.write(folder / "kit.json")
    told: dict[str, Any] = json.loads((folder / "kit.json").read_text())
    return told


def test_results_become_a_table_and_a_list_of_gaps(tmp_path: Path) -> None:
    results = Results()
    results.of(KIND).version = "Tryton 8.2.0"
    results.add(KIND, "test_one", "passed")
    results.add(KIND, "test_two[a]", "skipped", "there is no such thing")
    results.add(KIND, "test_two[b]", "skipped", "there is no such thing")
    results.add(KIND, "test_three", "passed", is_unclaimed=True)
    told = shown_by(results, tmp_path)
    assert told["tests"] == {"test_one": 1, "test_three": 1, "test_two": 2}
    last = crm_table.crm_table(told["worlds"]).splitlines()[-1]
    assert last == "| `tryton` | Tryton 8.2.0 | real server | 1 | 1 | there is no such thing |"
    assert gaps_of("tryton", told["worlds"]) == (
        "`tryton`:\n\n- there is no such thing. Fails: *two* (`a`, `b`)\n- Not claimed: *three*"
    )


def test_a_run_of_one_world_leaves_the_others(tmp_path: Path) -> None:
    results = Results()
    results.add(KIND, "test_one", "passed")
    shown_by(results, tmp_path)
    other = Results()
    other.add(WORLDS["chain"], "test_two", "passed")
    told = shown_by(other, tmp_path)
    assert set(told["worlds"]) == {"chain", "tryton"}
    assert set(told["tests"]) == {"test_one", "test_two"}


def test_a_run_of_every_world_forgets_the_tests_that_are_gone(tmp_path: Path) -> None:
    for test in ("test_old", "test_new"):
        results = Results()
        results.add(KIND, test, "passed")
        told = shown_by(results, tmp_path)
    assert set(told["tests"]) == {"test_new"}


def test_no_table_comes_of_a_run_with_failures(tmp_path: Path) -> None:
    results = Results()
    results.add(KIND, "test_one", "failed")
    with pytest.raises(RuntimeError, match="1 tests"):
        results.write(tmp_path / "kit.json")
    assert not list(tmp_path.iterdir())
