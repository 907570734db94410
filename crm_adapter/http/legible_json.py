"""JSON from outside whose texts can be stored, sent and shown: Python's reader lets halves of
surrogate pairs through (`"\\ud800"`), which no UTF-8 can hold."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

_MAY_BE_HALF = re.compile(r"\\u[dD][89a-fA-F]")


def read_json(body: bytes, *, parse_constant: Callable[[str], Any] | None = None) -> Any:
    """A half becomes `?`. Raises ValueError (for what is not UTF-8, too) and RecursionError."""
    text = body.decode("utf-8-sig")
    found = json.loads(text, parse_constant=parse_constant)
    return _legible(found) if _MAY_BE_HALF.search(text) else found


def _legible(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return [_legible(item) for item in value]
    if isinstance(value, dict):
        return {_legible(key): _legible(item) for key, item in value.items()}
    return value
