"""Whose number is it? Answered from our own copy in a millisecond, also while the CRM is away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import phonenumbers
from sqlalchemy import Integer, Row, bindparam, delete, func, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.caller import Candidate, ContactRef
from calls.deadlines import Deadline
from calls.errors import Unavailable
from crm_adapter import phone_numbers
from crm_adapter.adapter import HitKind, PhoneHit
from crm_adapter.live.index_tables import index_states, phone_index
from storage.database import Database
from storage.insert_once import insert_once
from storage.overtime import Overtime
from storage.storable import storable

# Made once: building a statement costs more than running it.
_BY_NUMBER = (
    select(phone_index)
    .where(phone_index.c.e164 == bindparam("number"))
    .order_by(phone_index.c.crm, phone_index.c.ref)
    .limit(bindparam("most", type_=Integer))
)
_KINDS = frozenset(HitKind)


@dataclass(frozen=True, slots=True)
class IndexState:
    """How far the copy of one CRM is. `copy_cursor` is set while a whole copy is under way."""

    cursor: str | None = None
    copy_cursor: str | None = None
    copy_started_at: datetime | None = None
    copied_at: datetime | None = None
    changed_at: datetime | None = None

    @property
    def is_complete(self) -> bool:
        """Who is not in it was not in the CRM either, when it was last heard of."""
        return self.copied_at is not None


class PhoneIndex:
    """Kept for any number of CRMs. Reads are for callers, with deadlines; writes come in pages."""

    def __init__(self, *, database: Database, region: str) -> None:
        """`region`: ISO country in which numbers without one are stored in the CRMs."""
        self._database = database
        self._region = region
        self._reads = Overtime("phone-index")

    async def close(self) -> None:
        await self._reads.finish()

    async def holders(
        self, e164: str, *, crms: Sequence[str], limit: int, deadline: Deadline
    ) -> tuple[PhoneHit, ...]:
        """Of those CRMs, in their order. Raises Unavailable, or DeadlineExceeded."""
        rows = await self._reads.ask("the phone index", self._rows(e164, limit), deadline=deadline)
        found = [_hit(row) for row in rows if row.crm in crms]
        return tuple(sorted(found, key=lambda hit: crms.index(hit.candidate.ref.crm)))

    async def _rows(self, e164: str, limit: int) -> list[Row[Any]]:
        try:
            async with self._database.read() as connection:
                return list(await connection.execute(_BY_NUMBER, {"number": e164, "most": limit}))
        except (SQLAlchemyError, OSError) as error:
            raise Unavailable("the phone index cannot be read: see storage.url") from error

    async def state(self, crm: str) -> IndexState:
        query = select(index_states).where(index_states.c.crm == crm)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return IndexState()
        return IndexState(**{name: getattr(row, name) for name in IndexState.__dataclass_fields__})

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
        latest = {hit.candidate.ref.id: hit for hit in changed}
        ids = [*latest, *(ref.id for ref in gone if ref.id not in latest)]
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

    async def drop_unseen(self, crm: str, *, since: datetime) -> int:
        """Who was not told of since then is gone from the CRM; returns how many numbers."""

        async def work(connection: AsyncConnection) -> int:
            done = await connection.execute(
                delete(phone_index).where(phone_index.c.crm == crm, phone_index.c.seen_at < since)
            )
            return done.rowcount

        return await self._database.writer.write(work)

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
                "url": candidate.url,
                "version": hit.version and storable(hit.version, 80),
                "seen_at": at,
            }
            for e164 in sorted(one for one in known if one is not None)
        ]


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
