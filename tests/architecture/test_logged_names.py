"""A name that comes to the logger as a plain text is found by nobody there: no call hands one
over."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from switchboard.cut_names import NAMED

pytestmark = pytest.mark.architecture

ROOT = Path(__file__).parents[2]
#: Also of parts, stages and menus: `cut_names` knows whose it is where the whole object comes.
PLAIN = NAMED - {"name"}
PACKAGES = (
    "calls", "storage", "config", "ami_bridge", "crm_adapter", "scoring", "ivr", "screenpop",
    "supervisor", "switchboard",
)  # fmt: skip
_WAYS = {"debug", "info", "warning", "error", "exception", "critical", "log"}


def handed_over(code: str) -> list[tuple[int, str]]:
    """Attributes and variables of such names, and texts put together, in calls of a logger."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        logger = node.func.value
        if node.func.attr not in _WAYS or not isinstance(logger, ast.Name):
            continue
        if logger.id not in ("log", "logger"):
            continue
        for part in (part for given in node.args for part in ast.walk(given)):
            name = getattr(part, "attr", getattr(part, "id", None))
            if name in PLAIN:
                found.append((node.lineno, name))
        if not isinstance(node.args[0], ast.Constant | ast.Name | ast.Attribute | ast.IfExp):
            found.append((node.lineno, "a message that is put together"))
    return found


def test_it_finds_them() -> None:
    for said in ("'%s', contact.first_name", "'%s', note", "f'of {x}'", "'%s' % x"):
        assert handed_over(f"log.info({said})"), said
    assert not handed_over("log.info('%s', contact.ref)")


def test_no_call_of_a_logger_hands_a_name_over() -> None:
    files = [file for name in PACKAGES for file in sorted((ROOT / name).rglob("*.py"))]
    told = {
        str(file.relative_to(ROOT)): found
        for file in files
        if (found := handed_over(file.read_text(encoding="utf-8")))
    }
    assert told == {}
