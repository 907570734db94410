"""Whether the key at hand is the one with which a database is sealed, and all of it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Column, MetaData, Row, Table, inspect, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.errors import Misconfigured
from storage.database import Database
from storage.insert_once import insert_once
from storage.seal_tables import seals as seals_table
from storage.sealed.columns import SealedJson, SealedText, SealedWords
from storage.sealed.seals import NotOpened, Seals

SEALED, SEALING, OPENING = "sealed", "sealing", "opening"
_CANARY: Final = "seals.canary"
_SONG: Final = "switchboard"
#: Of these a row tells that people were here before there was a key. All sealed columns are in
#: tables that fill after these, or beside them.
TABLES: Final = (
    "audit_entries", "call_legs", "calls", "crm_accounts", "crm_appointments", "crm_call_records",
    "crm_cases", "crm_contact_emails", "crm_contact_numbers", "crm_contacts", "crm_import_parts",
    "crm_leads", "crm_merged_contacts", "crm_merges", "crm_number_choices", "crm_orders",
    "crm_phone_index", "crm_tasks", "experiment_subjects", "leads", "missed_tasks", "outbox",
    "pop_deliveries", "pop_words", "pops",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SealState:
    """What a database says of its seals."""

    fingerprint: str
    before: str | None
    canary: str
    state: str


def sealed_columns(tables: Iterable[Table]) -> dict[Table, list[Column[object]]]:
    """Those that have any."""
    kinds = SealedText | SealedJson | SealedWords
    found = {table: [c for c in table.c if isinstance(c.type, kinds)] for table in tables}
    return {table: columns for table, columns in found.items() if columns}


def columns_of(metadata: MetaData) -> dict[Table, list[Column[object]]]:
    return sealed_columns(metadata.sorted_tables)


async def state_of(link: AsyncConnection) -> SealState | None:
    """None where the database is not sealed."""
    if not await link.run_sync(lambda sync: inspect(sync).has_table(seals_table.name)):
        return None
    row: Row[tuple[object, ...]] | None = (await link.execute(select(seals_table))).one_or_none()
    return None if row is None else SealState(row.fingerprint, row.before, row.canary, row.state)


def row_of(seals: Seals, state: str, *, before: str | None = None) -> dict[str, object]:
    return {
        "id": 1,
        "fingerprint": seals.fingerprint,
        "before": before,
        "canary": seals.sealed(_SONG, _CANARY, alike=False),
        "state": state,
        "at": datetime.now(UTC),
    }


async def check(database: Database) -> None:
    """Before anything of people is read or written. Marks a database that is still empty as sealed.
    Raises Misconfigured, with what to do."""
    async with database.read() as link:
        found = await state_of(link)
        is_new = found is None and database.seals is not None and not await has_rows(link)
    if is_new:
        assert database.seals is not None
        row = row_of(database.seals, SEALED)

        async def mark(link: AsyncConnection) -> None:
            await insert_once(link, seals_table, [row])

        await database.writer.write(mark)
        # Another process may have been quicker, with another key.
        async with database.read() as link:
            found = await state_of(link)
    refuse(found, database.seals)


def refuse(found: SealState | None, seals: Seals | None) -> None:
    """Raises Misconfigured where they do not fit."""
    if found is None:
        if seals is not None:
            raise Misconfigured(
                "privacy.encryption: this database holds numbers and names that are not sealed: "
                "stop the server and run `switchboard privacy encrypt`"
            )
        return
    if seals is None:
        raise Misconfigured(
            f"this database is sealed with the key {found.fingerprint}: name its file in "
            "privacy.encryption.key_file (without the key nobody can read it; `switchboard privacy "
            "decrypt` opens it for good)"
        )
    if found.state != SEALED:
        command = "decrypt" if found.state == OPENING else "encrypt"
        if found.before is not None:
            command = "rotate-key"
        raise Misconfigured(
            f"this database is half {found.state}: `switchboard privacy {command}` was broken off; "
            "stop the server and run it once more"
        )
    prove(found, seals)


def prove(found: SealState, seals: Seals) -> None:
    """Raises Misconfigured where it is not the key."""
    fits = found.fingerprint == seals.fingerprint
    try:
        fits = fits and seals.opened(found.canary, _CANARY, alike=False) == _SONG
    except NotOpened:
        fits = False
    if not fits:
        raise Misconfigured(
            f"privacy.encryption.key_file holds the key {seals.fingerprint}, and this database is "
            f"sealed with {found.fingerprint}: put that key's file back"
        )


async def has_rows(link: AsyncConnection) -> bool:
    for name in TABLES:
        if await link.scalar(text(f'SELECT EXISTS (SELECT 1 FROM "{name}")')):  # noqa: S608 -- names of our own tables
            return True
    return False
