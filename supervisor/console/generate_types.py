"""Writes the board as TypeScript: `python -m supervisor.console.generate_types`."""

from __future__ import annotations

import json
import sys
import types
import typing
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from supervisor.console import board

TARGET = Path(__file__).parents[2] / "desktop" / "src" / "core" / "supervisor" / "board.gen.ts"

_MODELS = (
    board.CallRow,
    board.EndedRow,
    board.QueueRow,
    board.AgentRow,
    board.LostPop,
    board.PopLevel,
    board.PartRow,
    board.Board,
)
_HEAD = """\
// Generated from supervisor/console/board.py; do not edit. Made anew by:
// python -m supervisor.console.generate_types

"""
_SIMPLE = {str: "string", int: "number", float: "number", bool: "boolean", type(None): "null"}


def typescript() -> str:
    """The whole file, in a stable order."""
    return _HEAD + "\n\n".join(_declaration(model) for model in _MODELS) + "\n"


def _declaration(model: type) -> str:
    hints = typing.get_type_hints(model)
    lines = [f"  {field.name}: {_type(hints[field.name])};" for field in fields(model)]
    return "\n".join([f"export interface {model.__name__} {{", *lines, "}"])


def _type(hint: Any) -> str:
    if hint in _SIMPLE:
        return _SIMPLE[hint]
    if isinstance(hint, type) and is_dataclass(hint):
        return hint.__name__
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return " | ".join(json.dumps(value) for value in parts)
    if origin is types.UnionType:
        return " | ".join(_type(part) for part in parts)
    if origin is tuple and parts[1:] == (...,):
        return f"readonly {_type(parts[0])}[]"
    raise TypeError(f"{hint} is not known here")


def main() -> None:
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(typescript(), encoding="utf-8")
    sys.stdout.write(f"wrote {TARGET.name}\n")


if __name__ == "__main__":
    main()
