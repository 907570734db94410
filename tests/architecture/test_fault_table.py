"""The table of faults in docs/operations.md names, for each fault, tests that are there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

pytestmark = pytest.mark.architecture

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "operations.md"
#: Of storage, identity and CRMs, and the deaths of our own.
FAULTS = {*range(29, 46), 57}
_ROW = re.compile(r"^\| F(\d+) [^|]+ \| [^|]+ \| ([^|]+) \|$", re.MULTILINE)
_TEST = re.compile(r"`([^`]+)`")


def rows() -> dict[int, list[str]]:
    _, table = PAGE.read_text(encoding="utf-8").split("<!-- faults:")
    table, _ = table.split("<!-- /faults -->")
    return {int(number): _TEST.findall(tests) for number, tests in _ROW.findall(table)}


@cache
def functions_of(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, functions))


def test_each_fault_has_its_row() -> None:
    assert set(rows()) == FAULTS


@pytest.mark.parametrize("number", sorted(FAULTS))
def test_the_tests_of_a_fault_are_there(number: int) -> None:
    named = rows()[number]
    assert named
    for test in named:
        path, _, function = test.partition("::")
        assert re.fullmatch(r"tests/[\w/]+/test_\w+\.py", path), test
        assert function.startswith("test_"), test
        assert (ROOT / path).is_file(), f"{path} is gone"
        assert function in functions_of(path), f"{test} is gone"
