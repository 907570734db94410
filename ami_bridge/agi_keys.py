"""Keys that the caller pressed and nobody has asked for yet."""

from __future__ import annotations

ALL_KEYS = "0123456789*#"
#: What ends an entry in Asterisk's GET DATA (app.c `ast_app_getdata_full`); it knows no other.
HASH = "#"
#: Nobody types more ahead.
_KEYS_KEPT = 32


class TypedKeys:
    """In order, at most 32; its repr shows none of them."""

    __slots__ = ("_keys",)

    def __init__(self) -> None:
        self._keys = ""

    def __bool__(self) -> bool:
        return bool(self._keys)

    @property
    def is_full(self) -> bool:
        return len(self._keys) >= _KEYS_KEPT

    def add(self, key: str) -> None:
        if not self.is_full:
            self._keys += key

    def take_one(self) -> str:
        key, self._keys = self._keys[:1], self._keys[1:]
        return key

    def take_entry(self, max_digits: int, end_key: str) -> tuple[str, bool]:
        """What was typed ahead, and whether that is a whole answer already."""
        entry, end, rest = self._keys.partition(end_key)
        if len(entry) >= max_digits:
            typed, self._keys = self._keys[:max_digits], self._keys[max_digits:]
            return typed, True
        self._keys = rest
        return entry, bool(end)


def key_of(result: str) -> str | None:
    """STREAM FILE and WAIT FOR DIGIT answer the key's ASCII code, 0 for none (res_agi.c)."""
    if not (result.isascii() and result.isdigit()) or len(result) > 3:
        return None
    key = chr(int(result))
    return key if key in ALL_KEYS else None
