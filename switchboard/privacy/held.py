"""What one table holds of people: whose a row is, how long it is kept, and what of it may stay when
the person goes."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, and_, delete, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from switchboard.privacy.person import Person

#: Rows named in one statement.
AT_ONCE = 500
Key = tuple[Any, ...]


class Kind(enum.StrEnum):
    """Those of `config.privacy_settings.KeptKind` first; the others are not kept by age."""

    CALLS = "calls"
    POPS = "pops"
    TRACES = "traces"
    MESSAGES = "messages"
    OUTBOX = "outbox"
    LEADS = "leads"
    PROFILES = "profiles"
    EXPERIMENTS = "experiments"
    #: The embedded CRM's contacts, and what belongs to them.
    CRM = "crm"
    #: Of what another CRM holds; follows its changes.
    COPY = "copy"
    #: Agents, not callers: `switchboard agents remove`.
    STAFF = "staff"
    #: Who did what: a chain that proves nothing without its beginning; what names a caller goes.
    AUDIT = "audit"
    #: Nobody: counts, runs, leases.
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Age:
    """Rows whose `column` is older are due, where `only` says that nothing needs them."""

    column: Column[Any]
    only: ColumnElement[bool] | None = None

    def is_due(self, before: datetime) -> ColumnElement[bool]:
        older = self.column < before
        return older if self.only is None else and_(older, self.only)


@dataclass(frozen=True, slots=True)
class Held:
    """`of` None: no row is anybody's. Where `blank` is not empty a row stays when the person goes,
    with these values (a function: what it returns, for each row) in its columns, and `stays` are
    its others. `secret` columns are told to nobody."""

    table: Table
    kind: Kind
    of: Callable[[Person], ColumnElement[bool]] | None = None
    age: Age | None = None
    blank: Mapping[str, Any] = field(default_factory=dict)
    stays: tuple[str, ...] = ()
    secret: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[Column[Any], ...]:
        return tuple(self.table.primary_key)

    async def keys_of(self, link: AsyncConnection, person: Person) -> list[Key]:
        """Of the rows that are theirs; those of which only what may stay is left do not count."""
        found: set[Key] = set()
        for part in person.in_parts() if self.of is not None else ():
            assert self.of is not None
            where = self.of(part)
            found |= {tuple(row) for row in await link.execute(select(*self.key).where(where))}
        return sorted(found)

    async def due(self, link: AsyncConnection, before: datetime, most: int) -> list[Key]:
        assert self.age is not None
        question = select(*self.key).where(self.age.is_due(before)).limit(most)
        return [tuple(row) for row in await link.execute(question)]

    async def remove_due(self, link: AsyncConnection, keys: Sequence[Key], before: datetime) -> int:
        """Those that are due still."""
        assert self.age is not None
        gone = await link.execute(
            delete(self.table).where(self.among(keys), self.age.is_due(before))
        )
        return gone.rowcount

    def among(self, keys: Sequence[Key]) -> ColumnElement[bool]:
        return tuple_(*self.key).in_(keys)
