"""Two CRMs as one: our own tables first, and a second database of the same shape through the SQL
adapter. Whom people keep in the first, and whom in the second, are two worlds."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from calls.caller import ContactRef
from crm_adapter.adapters.chain import ChainCrm
from crm_adapter.embedded.adapter import EmbeddedCrm
from storage.database import Database
from tests.crm_worlds import sql_world
from tests.crm_worlds.embedded_world import EmbeddedWorld
from tests.crm_worlds.world import CallRow, LeadRow, TaskRow, WorldKind


class FirstWorld(EmbeddedWorld):
    """Implements `tests.crm_worlds.world.CrmWorld`: the second CRM knows nobody."""

    async def server_version(self) -> str:
        return f"embedded, then sql, both on {await super().server_version()}"


@dataclass
class SecondWorld(FirstWorld):
    """`database` is the second CRM's; what is written goes to `main`."""

    main: EmbeddedWorld | None = None

    async def add_contact(self, *numbers: str, **given: Any) -> ContactRef:
        ref = await super().add_contact(*numbers, **given)
        return ContactRef("sql", ref.id)

    async def leads(self) -> Sequence[LeadRow]:
        return await self._main.leads()

    async def calls(self) -> Sequence[CallRow]:
        return await self._main.calls()

    async def tasks(self) -> Sequence[TaskRow]:
        return await self._main.tasks()

    @property
    def _main(self) -> EmbeddedWorld:
        assert self.main is not None
        return self.main


def _chain(database: Database, second_url: str) -> ChainCrm:
    return ChainCrm(crms=[EmbeddedCrm(database=database), sql_world.made(second_url)])


def _opened(
    is_in_second: bool,
) -> Callable[[str, Path], AbstractAsyncContextManager[EmbeddedWorld]]:
    @asynccontextmanager
    async def opened(url: str, folder: Path) -> AsyncIterator[EmbeddedWorld]:
        # Nothing is in either yet.
        second_url = f"sqlite:///{shutil.copyfile(folder / 'switchboard.db', folder / 'second.db')}"
        async with (
            Database(url) as database,
            Database(url) as other_database,
            Database(second_url) as second,
        ):
            crm, other = _chain(database, second_url), _chain(other_database, second_url)
            await asyncio.gather(crm.open(), other.open())
            first = FirstWorld(database, crm, other)
            try:
                yield SecondWorld(second, crm, other, main=first) if is_in_second else first
            finally:
                await asyncio.gather(crm.close(), other.close())

    return opened


WORLDS = (
    WorldKind("chain", _opened(False), ("sqlite_url", "tmp_path"), "real server", tells_open=True),
    WorldKind(
        "chain-second",
        _opened(True),
        ("sqlite_url", "tmp_path"),
        "real server",
        tells_open=True,
        gaps={
            "test_a_missed_call_of_a_contact_is_linked_to_it": "records are written to the first "
            "CRM, which cannot link a contact of the second; they tell the number",
        },
    ),
)
