"""The list of what is asked of Asterisk is what the code asks: nothing more, nothing less."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from ami_bridge.ami_actions import HEADERS_OF

pytestmark = pytest.mark.architecture

ROOT = Path(__file__).parents[2]
ASKS = ("ask", "ask_list", "_do", "Question")
#: Where an action's name is handed on: by `AmiClient.ask` to its question, by transfers to `ask`.
HANDED_ON = {"ami_client.py", "transfers.py"}


def askers() -> Iterator[tuple[Path, ast.Module]]:
    for folder in ("ami_bridge", "switchboard", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text()
            if "AmiClient" in text or ".client.ask" in text or "Question(" in text:
                yield path, ast.parse(text)


def is_asking(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not node.args:
        return False
    func = node.func
    name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
    return name in ASKS


def test_every_action_in_the_code_is_listed_and_none_is_idle() -> None:
    written: set[str] = set()
    unread: set[str] = set()
    for path, tree in askers():
        for node in filter(is_asking, ast.walk(tree)):
            assert isinstance(node, ast.Call)
            first = node.args[0]
            if isinstance(first, ast.Constant):
                written.add(first.value)
            elif isinstance(first, ast.Name) and first.id == "action":
                unread.add(path.name)
    assert written == set(HEADERS_OF)
    assert unread == HANDED_ON


def test_every_header_in_the_code_is_listed_and_none_is_idle() -> None:
    pairs = {
        str(node.elts[0].value)
        for _, tree in askers()
        for node in ast.walk(tree)
        if isinstance(node, ast.Tuple)
        and len(node.elts) == 2
        and isinstance(node.elts[0], ast.Constant)
    }
    listed = {header for headers in HEADERS_OF.values() for header in headers}
    # Which every action has, by the encoder.
    listed.add("ActionID")
    assert {one for one in pairs if one.isalpha() and one[0].isupper()} == listed
