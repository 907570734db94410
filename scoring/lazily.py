"""What is worked out as somebody looks, not while a caller waits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

Key = TypeVar("Key")
Found = TypeVar("Found")


class Lazily(Mapping[Key, Found]):
    """`find(key)` is asked once for each key, and not before somebody looks."""

    def __init__(self, keys: Iterable[Key], find: Callable[[Key], Found]) -> None:
        self._keys = dict.fromkeys(keys)
        self._find = find
        self._found: dict[Key, Found] = {}

    def __getitem__(self, key: Key) -> Found:
        if key not in self._keys:
            raise KeyError(key)
        if key not in self._found:
            self._found[key] = self._find(key)
        return self._found[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)
