"""Each class of attack has a row in docs/security.md, and each test it names is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

pytestmark = pytest.mark.architecture

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "security.md"
NUMBERS = range(1, 29)
#: number | attack | control | where | shown by
_ROW = re.compile(r"^\| S(\d+) \|(.+)\|(.+)\|(.+)\|(.+)\|$", re.MULTILINE)
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
_FILE = re.compile(r"`([\w./-]+)`")


@cache
def rows() -> dict[int, tuple[str, ...]]:
    found = _ROW.findall(PAGE.read_text(encoding="utf-8"))
    return {int(number): tuple(cell.strip() for cell in cells) for number, *cells in found}


@cache
def functions_of(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, functions))


def test_every_class_of_attack_has_one_row() -> None:
    assert sorted(rows()) == list(NUMBERS)
    assert len(_ROW.findall(PAGE.read_text(encoding="utf-8"))) == len(NUMBERS)


@pytest.mark.parametrize("number", NUMBERS)
def test_what_a_row_names_is_there(number: int) -> None:
    attack, control, where, shown = rows()[number]
    assert attack
    assert control
    for path in _FILE.findall(where):
        assert (ROOT / path).exists(), f"{path} is gone"
    tests = _TEST.findall(shown)
    assert shown.count("::") == len(tests), shown
    assert tests or re.search(r"not yet: \w.{10,}", shown), shown
    for path, function in tests:
        assert (ROOT / path).is_file(), f"{path} is gone"
        assert function in functions_of(path), f"{path}::{function} is gone"
