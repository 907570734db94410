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


@pytest.fixture
def pages(tmp_path: Path) -> readme.Pages:
    """Copies; without RESULTS.md."""
    shipped = readme.Pages()
    for path in (shipped.readme, shipped.settings, shipped.operations):
        (tmp_path / path.name).write_text(path.read_text("utf-8"), "utf-8")
    return readme.Pages(
        readme=tmp_path / shipped.readme.name,
        settings=tmp_path / shipped.settings.name,
        operations=tmp_path / shipped.operations.name,
        results=tmp_path / "RESULTS.md",
    )


@pytest.mark.parametrize(
    ("page", "told", "stale"),
    [
        ("settings", r"\| `agi.port` \| `4573` \|", "| `agi.port` | `1` |"),
        ("readme", r"0 calls lost", "1 call lost"),
        ("readme", r"Of \d+ goals under load", "Of 2 goals under load"),
        ("operations", r"\| at least 50 \| 57 \| \d+ \|", "| at least 50 | 57 | 3 |"),
    ],
)
def test_a_stale_table_is_found_and_mended(
    pages: readme.Pages, page: str, told: str, stale: str
) -> None:
    assert pages.are_current()
    path: Path = getattr(pages, page)
    fresh = path.read_text("utf-8")
    spoilt, times = re.subn(told, stale, fresh, count=1)
    assert times == 1
    path.write_text(spoilt, "utf-8")
    assert not pages.are_current()
    pages.update()
    assert pages.are_current()
    assert path.read_text("utf-8") == fresh


def test_figures_come_from_the_results(pages: readme.Pages) -> None:
    pages.results.write_text(
        "Measured today.\n\n| what | figure | beside | aim | command |\n|---|---|---|---|---|\n"
        "| hops | 3 | frogs: 4 | none | `jump` |\n",
        "utf-8",
    )
    pages.update()
    text = pages.readme.read_text("utf-8")
    assert "Measured today.\n\n| what | figure | beside | aim |\n" in text
    assert "| hops | 3 | frogs: 4 | none |\n" in text
    assert "jump" not in text


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
