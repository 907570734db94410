"""A settings file without its secrets, otherwise as it was written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from switchboard.backup.places import secret_keys

_PASSWORD = re.compile(r"://[^/@\s]*:[^/@\s]*@")
BLANK = "'left out of the backup'"


def without_secrets(text: str) -> str:
    """For a file that was read as settings before: whatever limits there are, it keeps them."""
    root: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    for node in sorted(_secrets(root), key=lambda node: -node.start_mark.index):
        text = text[: node.start_mark.index] + BLANK + text[node.end_mark.index :]
    return text


def _secrets(root: Any) -> Iterator[Any]:
    known = secret_keys()
    for section, below in _items(root):
        for key, value in _items(below):
            if not isinstance(value, yaml.ScalarNode):
                continue
            if ((section, key) in known and value.value) or _PASSWORD.search(value.value):
                yield value


def _items(node: Any) -> list[tuple[str, Any]]:
    if not isinstance(node, yaml.MappingNode):
        return []
    return [(key.value, value) for key, value in node.value]
