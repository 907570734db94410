"""Each fault of the catalogue has a row in docs/operations.md, made of its test."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.faults import catalogue

pytestmark = pytest.mark.architecture

ROOT = Path(__file__).parents[2]


@cache
def page() -> str:
    return catalogue.PAGE.read_text(encoding="utf-8")


@cache
def functions_of(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, functions))


def test_the_table_is_what_the_files_say() -> None:
    assert catalogue.renewed(page()) == page(), "run python -m tests.faults.catalogue"
    assert set(catalogue.rows_of(page())) == set(catalogue.FAULTS)


@pytest.mark.parametrize("number", catalogue.FAULTS)
def test_the_tests_of_a_fault_are_there(number: int) -> None:
    row = catalogue.rows_of(page())[number]
    assert row.tests or re.match(r"not done: \w.{10,}", row.shown), row.shown
    for test in row.tests:
        path, _, function = test.partition("::")
        assert re.fullmatch(r"tests/[\w/]+/test_\w+\.py", path), test
        assert function.startswith("test_"), test
        assert (ROOT / path).is_file(), f"{path} is gone"
        assert function in functions_of(path), f"{test} is gone"


def test_smoke_is_what_it_is_said_to_be_and_runs_with_every_change() -> None:
    texts = {number: path.read_text(encoding="utf-8") for number, path in catalogue.files()}
    marked = {number for number, text in texts.items() if "pytest.mark.smoke" in text}
    assert marked == catalogue.SMOKE & set(texts)
    assert not any("pytest.mark.long" in texts[number] for number in marked)
