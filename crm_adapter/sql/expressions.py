"""The little SQL that a mapping may hold: columns, texts in quotes, and `||` between them.

Whatever needs more is a view's business. Nothing of it ever reaches the database as it was written:
names are looked up, texts are bound.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

LONGEST = 500
_NAME = r'(?:[^\W\d][\w$]*|"[^"\x00]+")'
_TOKEN = re.compile(
    rf"\s*(?:(?P<column>{_NAME}(?:\.{_NAME})?)|(?P<text>'(?:[^']|'')*')|(?P<joined>\|\|)|(?P<other>\S))"
)


@dataclass(frozen=True, slots=True)
class ColumnName:
    """`table` is None for one of the main table."""

    name: str
    table: str | None = None

    def __str__(self) -> str:
        return self.name if self.table is None else f"{self.table}.{self.name}"


class Expression:
    """Raises ValueError, in words for the author."""

    def __init__(self, source: str) -> None:
        if len(source) > LONGEST:
            raise ValueError(f"an expression has at most {LONGEST} characters")
        self.source = source
        self.terms: tuple[ColumnName | str, ...] = tuple(_terms(source))

    def __repr__(self) -> str:
        return f"Expression({self.source!r})"

    @property
    def column(self) -> ColumnName | None:
        """Where it is one column and nothing else."""
        only = self.terms[0] if len(self.terms) == 1 else None
        return only if isinstance(only, ColumnName) else None

    @property
    def columns(self) -> tuple[ColumnName, ...]:
        return tuple(term for term in self.terms if isinstance(term, ColumnName))


def _terms(source: str) -> Iterator[ColumnName | str]:
    wants_term = True
    for match in _TOKEN.finditer(source):
        if match["joined"] is not None:
            if wants_term:
                raise ValueError(f"something is missing before || in {source!r}")
            wants_term = True
            continue
        if match["other"] is not None or not wants_term:
            at = source[match.start() :].strip()[:30]
            raise ValueError(
                f"'{at}' is not allowed here: only columns, 'texts' and || between them; "
                "a view can do more"
            )
        wants_term = False
        yield _text(match["text"]) if match["text"] is not None else column_name(match["column"])
    if wants_term:
        raise ValueError("an expression cannot be empty, or end in ||")


def _text(quoted: str) -> str:
    return quoted[1:-1].replace("''", "'")


def column_name(written: str) -> ColumnName:
    """Of `column`, `alias.column`, or either in double quotes. Raises ValueError."""
    if not re.fullmatch(rf"{_NAME}(?:\.{_NAME})?", written):
        raise ValueError(f"'{written[:60]}' is no name of a column; put odd ones in double quotes")
    parts = [part.strip('"') for part in re.findall(_NAME, written)]
    return ColumnName(parts[-1], parts[0] if len(parts) == 2 else None)


def _expression(value: Any) -> Any:
    if isinstance(value, Expression):
        return value
    if not isinstance(value, str):
        raise ValueError("must be a column or an expression (a text)")
    return Expression(value)


def _column(value: Any) -> Any:
    if isinstance(value, ColumnName):
        return value
    if not isinstance(value, str):
        raise ValueError("must be the name of a column")
    return column_name(value)


SqlExpression = Annotated[
    Expression,
    BeforeValidator(_expression),
    PlainSerializer(lambda expression: expression.source, return_type=str),
    WithJsonSchema(
        {"type": "string", "maxLength": LONGEST, "examples": ["first_name || ' ' || last_name"]}
    ),
]
SqlColumn = Annotated[
    ColumnName,
    BeforeValidator(_column),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["email", "owner.login"]}),
]
