"""Types of columns whose values lie sealed in the database, where the engine has seals; plain
where it has none.

What SQL may ask of them is what it could answer: others raise when the statement is made, on an
open database too, so that nothing works only there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from sqlalchemy import JSON, BindParameter, Dialect, String, Text
from sqlalchemy.sql import operators
from sqlalchemy.types import TypeDecorator

from storage.sealed.seals import PREFIX, NotOpened, Seals

_SEALS: Final = "switchboard_seals"
_PRESENCE = frozenset({operators.is_, operators.is_not})
_EQUALITY = _PRESENCE | {
    operators.eq,
    operators.ne,
    operators.in_op,
    operators.not_in_op,
    operators.is_distinct_from,
    operators.is_not_distinct_from,
}


def give_seals(dialect: Dialect, seals: Seals | None) -> None:
    """To every statement of the engine whose dialect this is."""
    setattr(dialect, _SEALS, seals)


def seals_of(dialect: Dialect) -> Seals | None:
    found: Seals | None = getattr(dialect, _SEALS, None)
    return found


class NotAskedOfSealed(TypeError):
    """SQL cannot answer this where the column is sealed."""


class _Comparator(TypeDecorator.Comparator[Any]):
    def operate(self, op: Any, *other: Any, **kwargs: Any) -> Any:
        kind = self.expr.type
        allowed = op in getattr(kind, "asked", _PRESENCE)
        # Nothing is sealed as nothing.
        if not allowed and not (op in (operators.eq, operators.ne) and other in ((None,), ("",))):
            raise NotAskedOfSealed(f"{op.__name__} of {kind!r}: SQL sees only what is sealed")
        if op in _EQUALITY and any(_is_plain(each) for each in other):
            raise NotAskedOfSealed(f"{op.__name__} of {kind!r} with what is bound plain")
        return super().operate(op, *other, **kwargs)

    def reverse_operate(self, op: Any, other: Any, **kwargs: Any) -> Any:
        raise NotAskedOfSealed(f"{op.__name__} of {self.expr.type!r}")


def _is_plain(asked: Any) -> bool:
    """A parameter that says itself of what type it is goes to the database as that."""
    return isinstance(asked, BindParameter) and isinstance(asked.type, String)


class SealedText(TypeDecorator[str]):
    """`place` is `table.column`. Only read: each sealing of a text is another."""

    impl = String
    cache_ok = True
    comparator_factory = _Comparator
    alike = False
    asked = _PRESENCE

    def __init__(self, place: str, *, long: bool = False) -> None:
        super().__init__()
        self.place = place
        self.long = long
        if long:
            self.impl = Text()  # type: ignore[assignment]  # a class there, an instance here

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.place!r})"

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        seals = seals_of(dialect)
        if value is None or seals is None:
            return value
        return seals.sealed(value, self.place, alike=self.alike)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> str | None:
        seals = seals_of(dialect)
        if seals is None or value is None or not value.startswith(PREFIX):
            return value
        return seals.opened(value, self.place, alike=self.alike)


class SealedKey(SealedText):
    """Looked up, joined and unique by being equal. `place` is what it is (`number`), the same in
    all tables that are joined by it."""

    cache_ok = True
    alike = True
    asked = _EQUALITY


class SealedOrder(SealedKey):
    """For whoever goes through all rows page by page, in whatever order they stand."""

    cache_ok = True
    asked = _EQUALITY | {operators.gt}


class SealedKeys(TypeDecorator[list[str]]):
    """Of several values of `SealedKey(place)`, put together by the database with spaces between."""

    impl = String
    cache_ok = True

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place = place

    def process_result_value(self, value: Any | None, dialect: Dialect) -> list[str]:
        one = SealedKey(self.place)
        opened = (one.process_result_value(each, dialect) for each in (value or "").split())
        return [each for each in opened if each]


class SealedJson(TypeDecorator[Any]):
    """JSON; sealed it is a JSON string."""

    impl = JSON
    cache_ok = True
    comparator_factory = _Comparator
    asked = _PRESENCE

    def __init__(self, place: str, *, none_as_null: bool = False) -> None:
        super().__init__(none_as_null=none_as_null)
        self.place = place
        self.none_as_null = none_as_null

    def __repr__(self) -> str:
        return f"SealedJson({self.place!r})"

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        seals = seals_of(dialect)
        return value if value is None or seals is None else self.sealed(value, seals)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        seals = seals_of(dialect)
        if seals is None or not isinstance(value, str) or not value.startswith(PREFIX):
            return value
        return self.opened(value, seals)

    def sealed(self, value: Any, seals: Seals) -> str:
        return seals.sealed(json.dumps(value, separators=(",", ":")), self.place, alike=False)

    def opened(self, value: str, seals: Seals) -> Any:
        return json.loads(seals.opened(value, self.place, alike=False))


class SealedJsonText(TypeDecorator[str]):
    """The JSON of a `SealedJson` as a text, for whoever reads it with distrust: what cannot be
    opened comes as it stands."""

    impl = Text
    cache_ok = True

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place = place

    def process_result_value(self, value: Any | None, dialect: Dialect) -> str | None:
        seals = seals_of(dialect)
        if seals is None or value is None or not value.startswith(f'"{PREFIX}'):
            return value
        with suppress(NotOpened):
            return seals.opened(value.strip('"'), self.place, alike=False)
        return str(value)


class SealedWords(TypeDecorator[str]):
    """Words that a search looks for: sealed, only marks of theirs stand there, which nobody can
    read back. Asked by `like` a `SoughtWord`."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        seals = seals_of(dialect)
        return value if value is None or seals is None else seals.marks(found_by(value))


def like(word: str) -> str:
    """A pattern with `\\` as its escape that finds `word` anywhere."""
    return "%" + re.sub(r"([\\%_])", r"\\\1", word) + "%"


class SoughtWord(TypeDecorator[str]):
    """A pattern for `SealedWords`, with `\\` as its escape."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        seals = seals_of(dialect)
        if value is None:
            return None
        if seals is None:
            return like(value)
        return "%" + seals.mark(value).replace("_", r"\_") + "%"


#: A word is found by so many of its first letters; a number by so many of its last digits too.
_FEWEST = 3
#: Languages that put no spaces between words: any two to four letters.
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


def found_by(text: str) -> Iterator[str]:
    """All that a text is found by where it is sealed."""
    for word in {*text.split(), *re.findall(r"\w+", text)}:
        yield word
        yield from (word[:end] for end in range(_FEWEST, len(word)))
        if word.isdigit():
            yield from (word[start:] for start in range(1, len(word) - _FEWEST + 1))
        elif _UNSPACED.search(word):
            for size in (2, 3, 4):
                yield from (word[at : at + size] for at in range(len(word) - size + 1))
