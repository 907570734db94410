"""Whose number is it? Answered from our own copy in a millisecond, also while the CRM is away."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import phonenumbers
from sqlalchemy import ColumnElement, Integer, Row, bindparam, delete, func, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.caller import Candidate, ContactRef
from calls.deadlines import Deadline
from calls.errors import Unavailable
from crm_adapter import phone_numbers
from crm_adapter.adapter import HitKind, PhoneHit
from crm_adapter.live.index_tables import index_states, number_choices, phone_index
from storage.database import Database
from storage.insert_once import insert_once
from storage.overtime import Overtime
from storage.storable import storable

# Found by the number, whatever a database thinks of its tables: the key begins with the CRM, and
# one that has no statistics yet (SQLite never has) would rather read all of that CRM by it, to
# have the order for nothing. Of an expression it knows no order.
_crm = phone_index.c.crm.concat("")
# Made once: building a statement costs more than running it.
_BY_NUMBER = (
    select(phone_index)
    .where(
        phone_index.c.e164 == bindparam("number"),
        _crm.in_(bindparam("crms", expanding=True)),
    )
    .order_by(_crm, phone_index.c.ref)
    .limit(bindparam("most", type_=Integer))
)
_KINDS = frozenset(HitKind)
#: After that long without a whole copy or any change the copy proves nothing.
TRUSTED_FOR = timedelta(days=2)
#: How long what was read of the copies' state counts.
_STATE_S = 1.0
_LONGEST_CURSOR = 20_000
#: Contacts that are dropped in one transaction.
_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class IndexState:
    """How far the copy of one CRM is. `copy_cursor` is set while a whole copy is under way."""

    source: str | None = None
    cursor: str | None = None
    copy_cursor: str | None = None
    copy_started_at: datetime | None = None
    copied_at: datetime | None = None
    changed_at: datetime | None = None

    @property
    def is_complete(self) -> bool:
        """Who is not in it was not in the CRM either, when it was last heard of."""
        return self.copied_at is not None

    def is_trusted(self, source: str | None, at: datetime) -> bool:
        """Whole, of this very installation, and heard of lately."""
        if not self.is_complete or self.source != source or self.changed_at is None:
            return False
        return at - self.changed_at < TRUSTED_FOR


class PhoneIndex:
    """Kept for any number of CRMs. Reads are for callers, with deadlines; writes come in pages."""

    def __init__(
        self, *, database: Database, region: str, sources: Mapping[str, str] | None = None
    ) -> None:
        """`region`: ISO country in which numbers without one are stored in the CRMs. `sources`: by
        CRM, which installation of it is asked now."""
        self._database = database
        self._region = region
        self._sources = sources or {}
        self._reads = Overtime("phone-index")
        #: Until when it counts, and which CRMs' copies are to be trusted.
        self._trusted: tuple[float, frozenset[str]] = (0.0, frozenset())

    async def close(self) -> None:
        await self._reads.finish()

    async def holders(
        self, e164: str, *, crms: Sequence[str], limit: int, deadline: Deadline
    ) -> tuple[PhoneHit, ...]:
        """Of those CRMs, in their order. Raises Unavailable, or DeadlineExceeded."""
        asked = {"number": e164, "crms": list(crms), "most": limit}
        rows = await self._reads.ask("the phone index", self._rows(asked), deadline=deadline)
        found = [_hit(row) for row in rows]
        return tuple(sorted(found, key=lambda hit: crms.index(hit.candidate.ref.crm)))

    async def are_trusted(self, crms: Sequence[str], *, deadline: Deadline) -> bool:
        """Whether who is in none of these CRMs' copies is in none of them. Raises Unavailable, or
        DeadlineExceeded."""
        now = asyncio.get_running_loop().time()
        if now >= self._trusted[0]:
            trusted = await self._reads.ask(
                "the phone index", self._trusted_now(), deadline=deadline
            )
            self._trusted = (now + _STATE_S, trusted)
        return all(crm in self._trusted[1] for crm in crms)

    async def _trusted_now(self) -> frozenset[str]:
        at = datetime.now(UTC)
        try:
            async with self._database.read(brief=True) as connection:
                rows = list(await connection.execute(select(index_states)))
        except (SQLAlchemyError, OSError) as error:
            raise Unavailable("the phone index cannot be read: see storage.url") from error
        return frozenset(
            row.crm for row in rows if _state(row).is_trusted(self._sources.get(row.crm), at)
        )

    async def _rows(self, asked: dict[str, Any]) -> list[Row[Any]]:
        try:
            async with self._database.read(brief=True) as connection:
                return list(await connection.execute(_BY_NUMBER, asked))
        except (SQLAlchemyError, OSError) as error:
            raise Unavailable("the phone index cannot be read: see storage.url") from error

    async def state(self, crm: str) -> IndexState:
        query = select(index_states).where(index_states.c.crm == crm)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        return IndexState() if row is None else _state(row)

    async def belong_to(self, crm: str) -> None:
        """Drops what was copied of another installation of this CRM, and the choices made there."""
        source, known = self._sources.get(crm), (await self.state(crm)).source
        if known == source:
            return
        await self._drop(crm)
        tables = [phone_index, index_states] + ([number_choices] if known is not None else [])

        async def work(connection: AsyncConnection) -> None:
            for table in tables:
                await connection.execute(delete(table).where(table.c.crm == crm))
            row = {"crm": crm, "source": source}
            await insert_once(connection, index_states, [row])

        await self._database.writer.write(work)
        self._trusted = (0.0, frozenset())

    async def count(self, crm: str) -> int:
        """Contacts with a number."""
        query = select(func.count(func.distinct(phone_index.c.ref))).where(phone_index.c.crm == crm)
        async with self._database.read() as connection:
            return int(await connection.scalar(query) or 0)

    async def apply(
        self,
        crm: str,
        *,
        changed: Sequence[PhoneHit],
        gone: Sequence[ContactRef],
        at: datetime,
        state: dict[str, Any],
    ) -> None:
        """One page and, in the same transaction, how far we are: `state` are columns of
        `crm_index_states`. Of contacts told of twice in one page the later counts."""
        # What is said to be gone is: whoever asks for it is told otherwise by the CRM itself.
        lost = {storable(ref.id, 120) for ref in gone}
        latest = {storable(hit.candidate.ref.id, 120): hit for hit in changed}
        latest = {id_: hit for id_, hit in latest.items() if id_ not in lost}
        ids = [*latest, *lost]
        state = {
            name: storable(value, _LONGEST_CURSOR) if isinstance(value, str) else value
            for name, value in state.items()
        }
        rows = [row for hit in latest.values() for row in self._rows_of(crm, hit, at)]

        async def work(connection: AsyncConnection) -> None:
            if ids:
                await connection.execute(
                    delete(phone_index).where(phone_index.c.crm == crm, phone_index.c.ref.in_(ids))
                )
            await insert_once(connection, phone_index, rows)
            await insert_once(connection, index_states, [{"crm": crm}])
            await connection.execute(
                update(index_states).where(index_states.c.crm == crm).values(state)
            )

        await self._database.writer.write(work)
        if "copied_at" in state:
            self._trusted = (0.0, frozenset())

    async def drop_unseen(self, crm: str, *, since: datetime) -> int:
        """Who was not told of since then is gone from the CRM; returns how many numbers."""
        return await self._drop(crm, phone_index.c.seen_at < since)

    async def _drop(self, crm: str, *where: ColumnElement[bool]) -> int:
        """Some contacts at a time: SQLite has one writer, and calls must be journaled meanwhile."""

        async def work(connection: AsyncConnection) -> int:
            of_it = phone_index.c.crm == crm
            first = select(phone_index.c.ref).where(of_it, *where).limit(_AT_ONCE)
            refs = (await connection.scalars(first)).all()
            # By the key alone: the numbers of a contact come and go together.
            those = delete(phone_index).where(of_it, phone_index.c.ref.in_(refs))
            return (await connection.execute(those)).rowcount if refs else 0

        dropped = 0
        while some := await self._database.writer.write(work):
            dropped += some
        return dropped

    async def forget(self, ref: ContactRef) -> None:
        """The CRM says it is gone."""

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(
                delete(phone_index).where(phone_index.c.crm == ref.crm, phone_index.c.ref == ref.id)
            )

        await self._database.writer.write(work)

    def _rows_of(self, crm: str, hit: PhoneHit, at: datetime) -> list[dict[str, Any]]:
        candidate = hit.candidate
        known = {phone_numbers.to_e164(text, self._region) for text in hit.numbers}
        return [
            {
                "crm": crm,
                "ref": storable(candidate.ref.id, 120),
                "e164": e164,
                "nsn": _national(e164),
                "kind": hit.kind.value,
                "name": storable(candidate.name, 240),
                "company": candidate.company and storable(candidate.company, 200),
                "language": candidate.language and storable(candidate.language, 16),
                "owner": hit.owner and storable(hit.owner, 120),
                "url": candidate.url and storable(candidate.url, 2_000),
                "version": hit.version and storable(hit.version, 80),
                "seen_at": at,
            }
            for e164 in sorted(one for one in known if one is not None)
        ]


def _state(row: Row[Any]) -> IndexState:
    return IndexState(**{name: getattr(row, name) for name in IndexState.__dataclass_fields__})


def _national(e164: str) -> str:
    return phonenumbers.national_significant_number(phonenumbers.parse(e164, None))


def _hit(row: Row[Any]) -> PhoneHit:
    return PhoneHit(
        Candidate(
            ContactRef(row.crm, row.ref),
            row.name,
            company=row.company,
            url=row.url,
            language=row.language,
        ),
        (row.e164,),
        kind=HitKind(row.kind) if row.kind in _KINDS else HitKind.CONTACT,
        version=row.version,
        owner=row.owner,
    )
