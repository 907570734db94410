"""What docs/settings.md says of the settings is what the models say, and README.md of promises what
was measured."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import promises, readme

pytestmark = pytest.mark.architecture

ROOT = Path(__file__).parents[2]


def test_the_settings_and_the_promises_are_current() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.readme", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_a_stale_table_is_found_and_mended(tmp_path: Path) -> None:
    first, page, no_results = (tmp_path / name for name in ("README.md", "s.md", "RESULTS.md"))
    fresh, told = (path.read_text("utf-8") for path in (readme.SETTINGS, readme.README))
    for stale_page, stale_first in (
        (fresh.replace("| `agi.port` | `4573` |", "| `agi.port` | `1` |"), told),
        (fresh, re.sub(r"0 calls lost", "1 call lost", told)),
    ):
        page.write_text(stale_page, "utf-8")
        first.write_text(stale_first, "utf-8")
        assert not readme.is_current(first, page)
        readme.update(first, page, no_results)
        assert readme.is_current(first, page)
        assert page.read_text("utf-8") == fresh
        assert first.read_text("utf-8") == told


def test_figures_come_from_the_results(tmp_path: Path) -> None:
    page, settings, results = (tmp_path / name for name in ("README.md", "s.md", "RESULTS.md"))
    page.write_text(readme.README.read_text("utf-8"), "utf-8")
    settings.write_text(readme.SETTINGS.read_text("utf-8"), "utf-8")
    results.write_text(
        "Measured today.\n\n| what | figure | beside | aim | command |\n|---|---|---|---|---|\n"
        "| hops | 3 | frogs: 4 | none | `jump` |\n",
        "utf-8",
    )
    readme.update(page, settings, results)
    assert "Measured today.\n\n| what | figure | beside | aim |\n" in page.read_text("utf-8")
    assert "| hops | 3 | frogs: 4 | none |\n" in page.read_text("utf-8")
    assert "jump" not in page.read_text("utf-8")


@pytest.mark.parametrize("promise", promises.PROMISES, ids=lambda promise: promise.number)
def test_a_promise_is_held_by_tests_of_every_run(promise: promises.Promise) -> None:
    assert promise.tests
    for named in promise.tests:
        path, _, function = named.partition("::")
        tree = ast.parse((ROOT / path).read_text("utf-8"))
        marks, tests = marks_of(tree)
        assert function in tests, named
        assert not {"long"} & {*marks, *tests[function]}, f"{named} is not run by `make test`"


def marks_of(tree: ast.Module) -> tuple[set[str], dict[str, set[str]]]:
    """pytest's marks of the whole file, and of each function."""

    def named(node: ast.AST) -> set[str]:
        return {found.attr for found in ast.walk(node) if isinstance(found, ast.Attribute)}

    functions: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            functions[node.name] = set().union(*map(named, node.decorator_list))
    of_file: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark":
            of_file = named(node.value)
    return of_file, functions


def test_what_was_not_measured_is_named_with_its_command() -> None:
    nothing = promises.Sources(operations="", benchmarks={}, fuzz={})
    with pytest.raises(promises.NotMeasured, match=r"run python -m benchmarks\.frozen_or_dead"):
        promises.table(nothing)


def test_secrets_and_nothing_are_shown_as_nothing() -> None:
    table = readme.settings_table()
    assert "| `ami.secret` | – |" in table
    assert "| `redis.url` | – |" in table
    assert "| `crm.lookup_deadline_s` | `0.3` |" in table
    assert "| `rulebook.watch` | `true` |" in table
