"""The CRM that comes with Switchboard: the reference for all others, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Integer, Row, Select, Table, bindparam, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from calls import crash_points
from calls.caller import Candidate, Contact, ContactRef, Purchase
from calls.deadlines import Deadline
from calls.errors import DeadlineExceeded
from calls.ports import ContactCard
from calls.records import CallRecord, NewLead, NewTask
from crm_adapter.adapter import (
    Capabilities,
    ChangePage,
    Invalid,
    KeyField,
    NotFound,
    PhoneHit,
    Timeout,
    Unavailable,
    Unsupported,
)
from crm_adapter.embedded import accounts, contact_cards, history, merged_away, rows, tables
from crm_adapter.embedded import changes as changed_contacts
from storage.database import Database
from storage.overtime import Overtime
from storage.sealed.seals import NotOpened

CRM = "embedded"


def _by_phone() -> Select[Any]:
    numbers, contacts = tables.contact_numbers, tables.contacts
    found = (
        select(numbers.c.contact_id)
        .where(numbers.c.e164 == bindparam("phone"))
        .order_by(numbers.c.contact_id)
        .limit(bindparam("most", type_=Integer))
    )
    return (
        select(contacts, numbers.c.e164)
        .join(numbers, numbers.c.contact_id == contacts.c.id)
        .where(contacts.c.id.in_(found))
        .order_by(contacts.c.id, numbers.c.id)
    )


# Made once: building a statement costs more than running it.
_BY_PHONE = _by_phone()
_EMAIL = (
    select(tables.contact_emails.c.address)
    .where(tables.contact_emails.c.contact_id == tables.contacts.c.id)
    .order_by(tables.contact_emails.c.id)
    .limit(1)
    .scalar_subquery()
    .label("email")
)
_BY_ID = (
    select(tables.contacts, tables.accounts.c.balance, tables.accounts.c.currency, _EMAIL)
    .select_from(
        tables.contacts.outerjoin(
            tables.accounts, tables.accounts.c.contact_id == tables.contacts.c.id
        )
    )
    .where(tables.contacts.c.id == bindparam("contact"))
)

T = TypeVar("T")


def _utc_now() -> datetime:
    return datetime.now(UTC)


class EmbeddedCrm:
    """Implements `crm_adapter.adapter.CrmAdapter` on our own database."""

    name = CRM
    capabilities = Capabilities(
        keys=frozenset(KeyField),
        purchases=True,
        orders=True,
        cases=True,
        task_due="time",
        task_owners=True,
        updates=frozenset(changed_contacts.LONGEST),
        changes=True,
        unique_keys=True,
    )

    def __init__(self, *, database: Database, now: Callable[[], datetime] = _utc_now) -> None:
        """`now` tells which appointments lie ahead."""
        self._database = database
        self._now = now
        self._reads = Overtime("embedded-crm:read")

    async def open(self) -> None:
        """Nothing to do: the database is opened by its owner."""

    async def close(self) -> None:
        """Waits for questions still going on; the database is closed by its owner."""
        await self._reads.finish()

    async def check(self) -> None:
        async with self._reading() as connection:
            await connection.execute(select(tables.contacts.c.id).limit(1))

    async def find_by_phone(
        self, key: str, *, limit: int, deadline: Deadline
    ) -> Sequence[PhoneHit]:
        return await self._in_time(deadline, self._find(key, limit))

    async def find_by_key(
        self, field: KeyField, digits: str, *, limit: int, deadline: Deadline
    ) -> Sequence[Candidate]:
        return await self._in_time(deadline, self._find_by_key(field, digits, limit))

    async def pin_hash_of(self, contact: ContactRef, *, deadline: Deadline) -> str | None:
        """Implements `crm_adapter.pins.PinHashes`."""
        return await self._in_time(deadline, self._pin_hash(contact))

    async def get(self, ref: ContactRef, *, deadline: Deadline) -> Contact:
        return await self._in_time(deadline, self._get(ref))

    async def get_purchase_history(
        self, ref: ContactRef, *, limit: int, deadline: Deadline
    ) -> Sequence[Purchase]:
        return await self._in_time(deadline, self._history(ref, limit))

    async def changes(self, cursor: str | None, *, limit: int, deadline: Deadline) -> ChangePage:
        return await self._in_time(deadline, self._changes(cursor, limit))

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> Sequence[ContactRef]:
        raise Unsupported("the embedded CRM sends no webhooks: it is ours")

    async def update_fields(
        self, ref: ContactRef, changes: Mapping[str, str], *, expect_version: str | None, idem: str
    ) -> None:
        async def work(connection: AsyncConnection) -> None:
            kept = await merged_away.kept_for(connection, ref.id)
            await changed_contacts.change(
                connection, kept or ref.id, changes, expect_version=expect_version, at=self._now()
            )

        with _errors_named():
            await self._database.writer.write(work)

    async def card_of(self, contact: ContactRef, *, deadline: Deadline) -> ContactCard | None:
        """Implements `calls.ports.ContactReader`; of a contact merged into another the other's."""
        try:
            return await self._in_time(deadline, self._card(contact))
        except NotFound:
            return None

    async def create_lead(self, lead: NewLead, idem: str) -> str:
        row = rows.lead(lead, idem)
        return await self._write(tables.leads, row, ("idem",), "crm.lead_before_commit")

    async def log_call(self, record: CallRecord, idem: str) -> str:
        row = rows.call_record(record, idem)
        same = ("system", "linkedid")
        return await self._write(tables.call_records, row, same, "crm.call_before_commit")

    async def create_task(self, task: NewTask, idem: str) -> str:
        row = rows.task(task, idem)
        return await self._write(tables.tasks, row, ("idem",), "crm.task_before_commit")

    async def close_task(self, task_id: str, idem: str) -> bool:
        return await self._mark(tables.tasks, task_id, {"status": "open"}, {"status": "done"})

    async def withdraw_lead(self, lead_id: str, idem: str) -> bool:
        still_ours = {"status": "open", "unverified": True}
        return await self._mark(tables.leads, lead_id, still_ours, {"status": "withdrawn"})

    async def confirm_lead(self, lead_id: str, agent: str, idem: str) -> bool:
        confirmed = {"unverified": False}
        return await self._mark(tables.leads, lead_id, {"status": "open"}, confirmed)

    async def _mark(
        self, table: Table, record: str, given: dict[str, Any], changed: dict[str, Any]
    ) -> bool:
        """Changes the record where it still is as `given`. True also where it is as wanted
        already."""

        async def work(connection: AsyncConnection) -> bool:
            def like(values: dict[str, Any]) -> list[ColumnElement[bool]]:
                return [table.c.id == record, *(table.c[k] == v for k, v in values.items())]

            await connection.execute(update(table).where(*like(given)).values(changed))
            found = await connection.execute(select(table.c.id).where(*like(changed)))
            return found.first() is not None

        with _errors_named():
            return await self._database.writer.write(work)

    async def _in_time(self, deadline: Deadline, answer: Coroutine[Any, Any, T]) -> T:
        try:
            return await self._reads.ask("the embedded CRM", answer, deadline=deadline)
        except DeadlineExceeded as error:
            raise Timeout(str(error)) from error

    async def _find(self, key: str, limit: int) -> list[PhoneHit]:
        """One query: the phone index leads to the contacts, and these to all their numbers."""
        if "\0" in key:  # PostgreSQL refuses it
            return []
        hits: dict[str, tuple[Row[Any], list[str]]] = {}
        async with self._reading() as connection:
            for row in await connection.execute(_BY_PHONE, {"phone": key, "most": limit}):
                hits.setdefault(row.id, (row, []))[1].append(row.e164)
        return [_hit(row, tuple(known)) for row, known in hits.values()]

    async def _find_by_key(self, field: KeyField, digits: str, limit: int) -> list[Candidate]:
        async with self._reading() as connection:
            return [
                _candidate(row) for row in await accounts.named(connection, field, digits, limit)
            ]

    async def _pin_hash(self, ref: ContactRef) -> str | None:
        if ref.crm != CRM:
            return None
        async with self._reading() as connection:
            kept = await merged_away.kept_for(connection, ref.id)
            return await accounts.pin_hash(connection, kept or ref.id)

    async def _get(self, ref: ContactRef) -> Contact:
        async with self._reading() as connection:
            return await _contact(connection, ref, self._now())

    async def _history(self, ref: ContactRef, limit: int) -> list[Purchase]:
        async with self._reading() as connection:
            found = await history.purchases(connection, ref.id, limit)
            if not found:
                now = await _contact(connection, ref, self._now())  # raises NotFound
                found = await history.purchases(connection, now.ref.id, limit)
            return list(found)

    async def _changes(self, cursor: str | None, limit: int) -> ChangePage:
        async with self._reading() as connection:
            found, following, more = await changed_contacts.page(connection, cursor, limit)
        hits = tuple(_hit(row, numbers) for row, numbers in found)
        return ChangePage(hits, (), following, more)

    async def _card(self, ref: ContactRef) -> ContactCard:
        async with self._reading() as connection:
            contact = await _contact(connection, ref, self._now())
            return ContactCard(
                contact=contact,
                numbers=await contact_cards.numbers(connection, contact.ref.id),
                version=await contact_cards.version(connection, contact.ref.id),
                calls=await contact_cards.calls(connection, contact.ref.id),
            )

    async def _write(
        self, table: Table, given: dict[str, Any], same: tuple[str, ...], crash_point: str
    ) -> str:
        """One row for each value of the columns `same`: another `idem` rewrites it, the same one
        leaves it as it is. The row keeps its id."""

        async def work(connection: AsyncConnection) -> str:
            row = await merged_away.led_on(connection, given)
            dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
            # No conflict target: whichever unique index another process won on, it won.
            insert = dialect.insert(table).values(row).on_conflict_do_nothing()
            await connection.execute(insert)
            is_it = [table.c[name] == row[name] for name in same]
            found = await connection.execute(select(table.c.id, table.c.idem).where(*is_it))
            kept = found.one_or_none()
            if kept is None:
                raise Invalid("the key of this write belongs to another record", field="idem")
            if kept.idem != row["idem"]:
                changed = {name: value for name, value in row.items() if name != "id"}
                if "revision" in row:
                    # A request that was slow on its way undoes nothing.
                    is_it.append(func.coalesce(table.c.revision, 0) <= row["revision"])
                await connection.execute(update(table).where(*is_it).values(changed))
            crash_points.reached(crash_point)
            return str(kept.id)

        with _errors_named():
            written = await self._database.writer.write(work)
        crash_points.reached("crm.after_commit")
        return written

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AsyncConnection]:
        with _errors_named():
            async with self._database.read() as connection:
                yield connection


@contextmanager
def _errors_named() -> Iterator[None]:
    """The database's errors in the port's words. The cause keeps the driver's own; its text may
    carry personal values, so it is not repeated."""
    try:
        yield
    except IntegrityError as error:
        raise Invalid("the embedded CRM refuses the record: it contradicts another") from error
    except NotOpened as error:
        raise Unavailable(f"the embedded CRM: {error}") from error
    except (SQLAlchemyError, OSError) as error:
        raise Unavailable("the embedded CRM's database does not answer: see storage.url") from error


def _candidate(row: Row[Any]) -> Candidate:
    contact = Contact(ContactRef(CRM, row.id), row.first_name, row.last_name)
    return Candidate(contact.ref, contact.name, row.company, row.url, row.language)


def _hit(row: Row[Any], numbers: tuple[str, ...]) -> PhoneHit:
    return PhoneHit(_candidate(row), numbers, version=str(row.version), owner=row.owner)


async def _contact(connection: AsyncConnection, ref: ContactRef, now: datetime) -> Contact:
    """That into which it was merged, where it was."""
    if ref.crm != CRM or "\0" in ref.id:
        raise NotFound(f"there is no contact {ref}")
    row = (await connection.execute(_BY_ID, {"contact": ref.id})).one_or_none()
    if row is None and (kept := await merged_away.kept_for(connection, ref.id)) is not None:
        ref = ContactRef(ref.crm, kept)
        row = (await connection.execute(_BY_ID, {"contact": kept})).one_or_none()
    if row is None:
        raise NotFound(f"there is no contact {ref}")
    return Contact(
        ref=ref,
        first_name=row.first_name,
        last_name=row.last_name,
        company=row.company,
        language=row.language,
        url=row.url,
        owner=row.owner,
        email=row.email,
        purchases=await history.purchases(connection, ref.id),
        orders=await history.orders(connection, ref.id),
        cases=await history.cases(connection, ref.id),
        owns=await history.owned_products(connection, ref.id),
        balance=accounts.balance(row),
        appointments=await accounts.appointments(connection, ref.id, now),
    )
