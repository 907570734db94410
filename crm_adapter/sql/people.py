"""Statements about contacts and open leads, made once from the tables they are in."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    SmallInteger,
    String,
    Uuid,
    bindparam,
    cast,
    false,
    or_,
    select,
    tuple_,
)

from crm_adapter.mapped.phone_forms import phone_form
from crm_adapter.mapped.reading import LONGEST_ID
from crm_adapter.spellings import last_digits, spellings
from crm_adapter.sql.shapes import PeoplePart, SourcePart
from crm_adapter.sql.tables import Catalogue, Source

#: What a row says of a person, by the names of the mapping.
PARTS = ("name", "first_name", "last_name", "company", "language", "owner", "balance", "currency")


class People:
    """One kind of people: `contact` or `open_leads` of the mapping. Raises WrongColumn."""

    def __init__(self, part: PeoplePart, key: str, catalogue: Catalogue) -> None:
        self.part = part
        source = Source(part, (key,), catalogue)
        self.source = source
        self._is_sqlite = catalogue.connection.dialect.name == "sqlite"
        self.id = source.column(part.id, "id")
        self.version = None if part.version is None else source.column(part.version, "version")
        self.changed_at = (
            None if part.changed_at is None else source.column(part.changed_at, "changed_at")
        )
        phones = [source.column(name, "phones") for name in part.phones]
        self._phones = [f"phone_{index}" for index in range(len(phones))]
        self.base: Select[Any] = (
            select(
                self.id.label("id"),
                *(source.expression(getattr(part, name), name).label(name) for name in PARTS),
                *(column.label(name) for column, name in zip(phones, self._phones, strict=True)),
                *([] if self.version is None else [self.version.label("version")]),
                *([] if self.changed_at is None else [self.changed_at.label("changed_at")]),
            )
            .select_from(source.tables)
            .where(*source.conditions)
        )
        self._numbers: tuple[ColumnElement[Any], ColumnElement[Any]] | None = None
        self._number_conditions: list[ColumnElement[bool]] = []
        self._indexed = self._index_columns(part, key, phones, catalogue)

    def _index_columns(
        self,
        part: PeoplePart,
        key: str,
        phones: list[ColumnElement[Any]],
        catalogue: Catalogue,
    ) -> list[ColumnElement[Any]]:
        index = part.phone_index
        if part.numbers is None:
            if index is None:
                return phones
            return [self.source.named(name, (key, "phone_index")) for name in index.column]
        numbers = part.numbers
        way = (key, "numbers")
        inner = Source(SourcePart(table=numbers.table, where=numbers.where), way, catalogue)
        self._numbers = (
            inner.column(numbers.contact, "contact"),
            inner.column(numbers.number, "number"),
        )
        self._number_conditions = inner.conditions
        assert index is not None
        return [inner.named(name, (key, "phone_index")) for name in index.column]

    def by_phone(self, e164: str, limit: int) -> Select[Any]:
        matches = or_(false(), *(self._matches(column, e164) for column in self._indexed))
        if self._numbers is not None:
            owner, _ = self._numbers
            found = select(owner).where(matches, *self._number_conditions)
            matches = self.id.in_(found)
        return self.base.where(matches).order_by(self.id).limit(limit)

    def look_ups(self, e164: str) -> list[Select[Any]]:
        """The search in each column alone: with joins and an order, a small table is read by
        whichever index is nearest, and nothing could be told from that."""
        return [select(column).where(self._matches(column, e164)) for column in self._indexed]

    def _matches(self, column: ColumnElement[Any], e164: str) -> ColumnElement[bool]:
        index = self.part.phone_index
        mode = "spellings" if index is None else index.mode
        if mode == "exact_e164":
            return equal(column, e164)
        if mode == "digits_exact":
            forms = [phone_form(e164, form) for form in ("digits", "zeros", "national_digits")]
            return as_text(column).in_(list(dict.fromkeys(forms)))
        if mode == "spellings" or index is None:
            return column.in_(spellings(e164))
        last = last_digits(e164, index.digits) or e164[1:]
        if mode == "regexp":
            pattern = "[^0-9]*".join(re.escape(digit) for digit in last)
            return column.regexp_match(f"{pattern}[^0-9]*$")
        # Digits only, so nothing in it means anything to LIKE or GLOB. SQLite's LIKE does not mind
        # case, so it would not use an index.
        if self._is_sqlite:
            return column.op("GLOB", is_comparison=True)(f"{last[::-1]}*")
        return column.like(f"{last[::-1]}%")

    def one(self, contact: Any) -> Select[Any]:
        return self.base.where(self.id == bound(self.id, contact))

    def by_key(self, column: ColumnElement[Any], digits: str, limit: int) -> Select[Any]:
        return self.base.where(as_text(column) == digits).order_by(self.id).limit(limit)

    def among(self, found: Select[Any], limit: int) -> Select[Any]:
        return self.base.where(self.id.in_(found)).order_by(self.id).limit(limit)

    def numbers_of(self, ids: Sequence[Any]) -> Select[Any] | None:
        """Rows of (contact, number); None where all numbers are in the contact's own row."""
        if self._numbers is None:
            return None
        owner, number = self._numbers
        return (
            select(owner.label("contact"), number.label("number"))
            .where(owner.in_(ids), *self._number_conditions)
            .order_by(owner, number)
        )

    def stored_numbers(self, row: Any) -> list[Any]:
        return [row[name] for name in self._phones]

    def changed(self, since: Any, after: Any, limit: int) -> Select[Any]:
        """`since` None: from the first on."""
        assert self.changed_at is not None
        ordered = self.base.order_by(self.changed_at, self.id).limit(limit)
        if since is None:
            return ordered.where(self.changed_at.is_not(None))
        if after is None:
            return ordered.where(self.changed_at >= since)
        # Compared with bound values of the columns' own types.
        known = tuple_(self.changed_at, self.id)
        last = tuple_(
            bindparam(None, since, type_=self.changed_at.type),
            bindparam(None, after, type_=self.id.type),
        )
        return ordered.where(known > last)


def as_text(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column of numbers is compared as the text of it: typed digits are no number."""
    return column if isinstance(column.type, String) else cast(column, String)


def equal(column: ColumnElement[Any], value: Any) -> ColumnElement[bool]:
    is_it: ColumnElement[bool] = column == value
    return is_it


def bound(column: ColumnElement[Any], value: Any) -> ColumnElement[Any]:
    """`value` as a parameter; a number may be larger than the column's own can be."""
    is_number = isinstance(column.type, Integer) and isinstance(value, int)
    return bindparam(None, value, type_=BigInteger() if is_number else column.type)


def typed(column: ColumnElement[Any], text: str) -> Any:
    """An id of ours as the column holds it; None where no row can have it."""
    if not text or len(text) > LONGEST_ID or "\0" in text:
        return None
    if isinstance(column.type, Uuid):
        try:
            return uuid.UUID(text)
        except ValueError:
            return None
    if isinstance(column.type, Integer):
        if not re.fullmatch(r"-?(0|[1-9][0-9]{0,18})", text, re.ASCII):
            return None
        bits = 16 if isinstance(column.type, SmallInteger) else 64
        number = int(text)
        return number if -(2 ** (bits - 1)) <= number < 2 ** (bits - 1) else None
    return text
