"""The SQL adapter by the preset for our own tables, on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from calls.caller import ContactRef
from config.crm_settings import SqlSettings
from crm_adapter.sql.adapter import SqlCrm
from storage.database import Database
from tests.crm_worlds.embedded_world import EmbeddedWorld
from tests.crm_worlds.world import WorldKind


@dataclass
class SqlWorld(EmbeddedWorld):
    """People at the embedded CRM's screen; the adapter sees only the tables."""

    async def add_contact(self, *numbers: str, **given: Any) -> ContactRef:
        ref = await super().add_contact(*numbers, **given)
        return ContactRef("sql", ref.id)


def made(url: str) -> SqlCrm:
    settings = SqlSettings(
        mapping=Path("preset:embedded"), url=SecretStr(url), statement_timeout_s=30
    )
    return SqlCrm(settings=settings, region="GB")


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[SqlWorld]:
    async with Database(url) as database:
        crm, other = made(url), made(url)
        await crm.open()
        await other.open()
        try:
            yield SqlWorld(database, crm, other)
        finally:
            await crm.close()
            await other.close()


WORLDS = (
    WorldKind("sql-sqlite", _opened, ("sqlite_url",), "real server"),
    WorldKind("sql-postgresql", _opened, ("postgres_url",), "real server"),
)
