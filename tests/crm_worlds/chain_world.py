"""Two CRMs as one. Our own tables first, and a second database of the same shape through the SQL
adapter: whom people keep in the first, and whom in the second, are two worlds. And a CRM over HTTP
first, which may fail."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from calls.caller import ContactRef
from crm_adapter.adapter import CrmAdapter
from crm_adapter.adapters.chain import ChainCrm
from crm_adapter.embedded.adapter import EmbeddedCrm
from storage.database import Database
from tests.crm_worlds import hosted_world, sql_world
from tests.crm_worlds.embedded_world import EmbeddedWorld
from tests.crm_worlds.hosted import WITH_TOKENS
from tests.crm_worlds.hosted_world import HostedWorld
from tests.crm_worlds.proven import PROVEN
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


@dataclass
class HostedFirstWorld(HostedWorld):
    """Implements `tests.crm_worlds.world.HttpCrmWorld`: two CRMs over HTTP; nobody is in `second`,
    which never fails."""

    first: HostedWorld | None = None
    second: HostedWorld | None = None

    async def server_version(self) -> str:
        return f"{HOSTED_FIRST}, then {HOSTED_SECOND}: {await super().server_version()}"

    def through(self, url: str) -> CrmAdapter:
        assert self.second is not None
        return ChainCrm(crms=[super().through(url), self.second.through(self.second.url)])

    @property
    def _own(self) -> CrmAdapter:
        assert self.first is not None
        return self.first.crm


@asynccontextmanager
async def _hosted_first() -> AsyncIterator[HostedFirstWorld]:
    async with (
        hosted_world.opener(HOSTED_FIRST)() as first,
        hosted_world.opener(HOSTED_SECOND)() as second,
    ):
        crm, other = (ChainCrm(crms=[one, second.crm]) for one in (first.crm, first.other))
        yield HostedFirstWorld(first.server, crm, other, first.doors, first, second)


#: Few gaps of its own; and one that can no more than it.
HOSTED_FIRST, HOSTED_SECOND = "hubspot", "suitecrm"
WORLDS = (
    WorldKind(
        f"chain-{HOSTED_FIRST}",
        _hosted_first,
        (),
        PROVEN[HOSTED_FIRST].how,
        is_http=True,
        renews_log_in=HOSTED_FIRST in WITH_TOKENS,
        gaps=hosted_world.GAPS[HOSTED_FIRST],
    ),
    WorldKind("chain", _opened(False), ("sqlite_url", "tmp_path"), "real server", tells_open=True),
    WorldKind(
        "chain-second",
        _opened(True),
        ("sqlite_url", "tmp_path"),
        "real server",
        tells_open=True,
        gaps=dict.fromkeys(
            (
                "test_a_missed_call_of_a_contact_is_linked_to_it",
                "test_a_call_is_moved_to_whom_an_agent_said_it_was",
                "test_a_call_of_nobody_known_is_linked_to_whom_an_agent_said_it_was",
            ),
            "records are written to the first CRM, which cannot link a contact of the second; they "
            "tell the number",
        ),
    ),
)
