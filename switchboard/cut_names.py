"""Names cut from what is logged, whatever a caller of the logger hands over: a contact, a row, a
dictionary of them. A name that comes as a plain text looks like any other text."""

from __future__ import annotations

import dataclasses
import logging
import re
from collections.abc import Iterable, Mapping, MutableMapping, Sequence, Set
from typing import Any, Final

from pydantic import BaseModel

#: Fields, keys and columns that hold a person's name, what they wrote, or what was written of them.
NAMED: Final = frozenset(
    {
        "caller_name", "company", "contact_name", "email", "emails", "first_name", "from_name",
        "last_name", "name", "note", "subject", "typed",
    }
)  # fmt: skip
CUT: Final = "(cut)"
_DEEPEST = 8
#: Of the structlog event; none is a person's.
_OURS = frozenset({"event", "level", "logger", "timestamp"})
#: What pydantic (2) did not take, in the text of its errors.
_REFUSED = re.compile(r"input_value=.*?, input_type=", re.DOTALL)


def cut_arguments(record: logging.LogRecord) -> None:
    """Before the message is made of them."""
    args = record.args
    if isinstance(args, Mapping):
        record.args = {key: _cut(value, key) for key, value in args.items()}
    elif args:
        record.args = tuple(_cut(value) for value in args)


def cut_names(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """For structlog, whose fields come by name."""
    for key, value in event.items():
        if key in _OURS:
            event[key] = without_input(value) if isinstance(value, str) else value
        elif not key.startswith("_") and key != "exc_info":
            found = _cut(value, key)
            event[key] = str(found) if isinstance(found, _Told) else found
    return event


def without_input(text: str) -> str:
    if "input_value=" not in text:
        return text
    return _REFUSED.sub(f"input_value={CUT}, input_type=", text)


def _cut(value: Any, key: object = None) -> Any:
    """What is no text keeps its type, for `%d`, unless it may hold a name."""
    if key in NAMED and value not in (None, ""):
        return CUT
    if isinstance(value, str):
        return without_input(value)
    return _Told(value) if _parts(value) is not None or _is_error(value) else value


def _is_error(value: Any) -> bool:
    return isinstance(value, BaseException)


class _Told:
    """Stands for an object in a message."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def __str__(self) -> str:
        value = self._value
        # A class that says how it is written, as ids do, means that.
        says_how = any("__str__" in vars(kind) for kind in type(value).__mro__[:-1])
        means_it = says_how and dataclasses.is_dataclass(value)
        if means_it or _is_error(value):
            return without_input(str(value))
        return _written(value, _DEEPEST)

    def __repr__(self) -> str:
        return _written(self._value, _DEEPEST)


def _written(value: Any, deeper: int) -> str:
    """As `repr`, without names."""
    parts = _parts(value)
    if parts is None:
        return without_input(repr(value))
    if not deeper:
        return "…"
    begin, end, named, inside = parts
    told = []
    for key, part in inside:
        text = CUT if key in NAMED and part not in (None, "") else _written(part, deeper - 1)
        told.append(named.format(key, text) if named else text)
    return begin + ", ".join(told) + end


def _parts(value: Any) -> tuple[str, str, str, Iterable[tuple[Any, Any]]] | None:
    """How it begins and ends, how a part with its key is written, and the parts; None where it has
    none."""
    kind = type(value).__name__
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        shown = [field.name for field in dataclasses.fields(value) if field.repr]
        return f"{kind}(", ")", "{}={}", [(name, getattr(value, name)) for name in shown]
    if isinstance(value, BaseModel):
        return f"{kind}(", ")", "{}={}", value.__dict__.items()
    if isinstance(value, Mapping):
        return "{", "}", "{!r}: {}", value.items()
    if hasattr(type(value), "_asdict"):
        # Named tuples, and rows of SQLAlchemy.
        return f"{kind}(", ")", "{}={}", value._asdict().items()
    if isinstance(value, Sequence | Set) and not isinstance(value, str | bytes | bytearray | range):
        begin, end = ("[", "]") if isinstance(value, list) else ("(", ")")
        return begin, end, "", ((None, part) for part in value)
    return None
