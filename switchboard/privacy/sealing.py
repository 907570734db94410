"""`switchboard privacy encrypt`, `decrypt` and `rotate-key`: with the server stopped."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path

from sqlalchemy import delete, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.errors import Misconfigured
from config.settings import Settings
from screenpop.pops.pop_tables import pop_words, pops
from storage import migrate
from storage.audit_chain import Entry
from storage.database import Database
from storage.sealed import guard, resealing
from storage.sealed.resealing import Resealing
from storage.sealed.seals import Seals
from storage.tables import metadata
from switchboard.backup import postgres_copy, sqlite_copy
from switchboard.offline import opened
from switchboard.privacy import pop_searches, registry, remnants
from switchboard.seal_key import seals_of

Progress = Callable[[str, int], None]
#: Importing it declares every table.
_DECLARED = registry.REGISTRY


async def planned(settings: Settings) -> dict[str, int]:
    """Rows by table that have something to seal."""
    async with Database(settings.storage.url) as database:
        await migrate.upgrade(database)
        return await resealing.count(database, list(guard.columns_of(metadata)))


async def encrypted(settings: Settings, progress: Progress) -> Mapping[str, int]:
    """Raises Misconfigured, BackupRefused where somebody uses the database, and what the database
    raises."""
    return await _resealed(settings, Resealing(_key(settings), None), guard.SEALING, progress)


async def decrypted(settings: Settings, progress: Progress) -> Mapping[str, int]:
    return await _resealed(settings, Resealing(None, _key(settings)), guard.OPENING, progress)


async def rotated(settings: Settings, old: Seals, progress: Progress) -> Mapping[str, int]:
    """From `old` to the key that the settings name."""
    return await _resealed(settings, Resealing(_key(settings), old), guard.SEALING, progress)


def _key(settings: Settings) -> Seals:
    seals = seals_of(settings)
    if seals is None:
        raise Misconfigured("name the key's file in privacy.encryption.key_file first")
    return seals


async def _resealed(
    settings: Settings, wanted: Resealing, state: str, progress: Progress
) -> Mapping[str, int]:
    url = settings.storage.url
    await _alone(url)
    changed = {}
    async with Database(url) as database:
        await migrate.upgrade(database)
        await resealing.begin(database, wanted, state)
        for table in guard.columns_of(metadata):
            changed[table.name] = await resealing.reseal(database, table, wanted, progress)
    async with Database(url, seals=wanted.target) as database:
        if wanted.source is not None:
            await _words_anew(database)
        await resealing.finish(database, wanted)
        await _tidied(url, database)
    action = {guard.OPENING: "privacy.decrypted"}.get(state, "privacy.encrypted")
    if wanted.target is not None:
        async with opened(settings) as database:
            await database.audit.write(
                Entry(action=action, subject=wanted.target.fingerprint, details={})
            )
    return {name: count for name, count in changed.items() if count}


async def _alone(url: str) -> None:
    """Raises BackupRefused where a server, or another command, uses it."""
    path = remnants.sqlite_file(url)
    if path is None:
        await postgres_copy.refuse_company(url)
        return
    await asyncio.to_thread(_sqlite_alone, path)


def _sqlite_alone(path: Path) -> None:
    with sqlite_copy.nobody_else(path):
        pass


async def _words_anew(database: Database) -> None:
    """Of marks that another key made, or that are to be words again."""

    async def work(link: AsyncConnection) -> None:
        known = set(await link.scalars(select(pops.c.pop_id)))
        for pop_id in set(await link.scalars(select(pop_words.c.pop_id))):
            if pop_id in known:
                await pop_searches.renew(link, pop_id)
            else:
                await link.execute(delete(pop_words).where(pop_words.c.pop_id == pop_id))

    await database.writer.write(work)


async def _tidied(url: str, database: Database) -> None:
    """What the rows were before goes from the files too."""
    path = remnants.sqlite_file(url)
    if path is not None:
        await database.engine.dispose()
        with contextlib.suppress(sqlite3.OperationalError):
            await asyncio.to_thread(remnants.make_anew, path)
        return
    engine = database.engine.execution_options(isolation_level="AUTOCOMMIT")
    async with engine.connect() as link:
        for table in guard.columns_of(metadata):
            await link.execute(text(f'VACUUM FULL "{table.name}"'))
