"""A PostgreSQL that breaks sessions off, has no connection left, is stopped or killed in the middle
of journaling and delivery: what was called, what is recorded and what the CRM has stay the same."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]
import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection

from ami_bridge.bridge import AmiBridge
from calls.call import CallId, CallOutcome
from calls.caller import IdentityOutcome
from config.settings import AmiSettings
from storage.database import Database
from storage.writer import Work
from switchboard.demo.private_servers import OwnPostgres
from tests.declared_tables import declared_metadata
from tests.fakes.asterisk_ami import FakeAmi
from tests.fakes.call_stories import START, Story, a_call
from tests.fakes.storage_house import JOURNAL_S, StorageHouse, number_of

pytestmark = pytest.mark.integration

MOST_CONNECTIONS = 20
#: How long it is away; longer changes nothing but how much waits in memory.
AWAY_S = 1.5
MARGIN_S = 1.5
#: Bytes: some databases, and their logs.
ROOM = 2**30
MOST_CALLS = 100

OTHERS_GONE = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'
"""

Fault = Callable[[OwnPostgres], Awaitable[None]]


def in_memory() -> Path | None:
    """What a killed process has written is kept by the kernel, on whatever it was written; waiting
    for a busy disk shows nothing more."""
    folder = Path("/dev/shm")
    is_roomy = folder.is_dir() and shutil.disk_usage(folder).free > ROOM
    return folder if is_roomy else None


@pytest.fixture(scope="module")
def server() -> Iterator[OwnPostgres]:
    options = {"max_connections": str(MOST_CONNECTIONS), "superuser_reserved_connections": "0"}
    with OwnPostgres(in_memory(), options=options) as server:
        asyncio.run(create_tables(server))
        yield server


async def create_tables(server: OwnPostgres) -> None:
    await administer(server, "CREATE DATABASE template")
    database = Database(f"{server.url}/template")
    async with database.engine.begin() as connection:
        await connection.run_sync(declared_metadata().create_all)
    await database.engine.dispose()


@pytest.fixture
async def house(server: OwnPostgres) -> AsyncIterator[StorageHouse]:
    name = f"test_{uuid.uuid4().hex}"
    await administer(server, f"CREATE DATABASE {name} TEMPLATE template")
    async with StorageHouse(f"{server.url}/{name}") as house:
        yield house


async def administer(server: OwnPostgres, statement: str) -> None:
    connection = await asyncpg.connect(f"{server.url}/postgres", timeout=60)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def breaks_sessions_off(server: OwnPostgres) -> None:
    for _ in range(8):
        await administer(server, OTHERS_GONE)
        await asyncio.sleep(0.05)


async def has_no_connection_left(server: OwnPostgres) -> None:
    async with AsyncExitStack() as stack:
        first = await asyncpg.connect(f"{server.url}/postgres", timeout=60)
        stack.push_async_callback(first.close)
        taken = 1
        async with asyncio.timeout(30):
            while taken < MOST_CONNECTIONS:
                await first.execute(OTHERS_GONE + " AND application_name <> 'holds it'")
                try:
                    another = await asyncpg.connect(
                        f"{server.url}/postgres",
                        timeout=5,
                        server_settings={"application_name": "holds it"},
                    )
                except asyncpg.TooManyConnectionsError:
                    continue
                stack.push_async_callback(another.close)
                taken += 1
        await asyncio.sleep(AWAY_S)


async def is_stopped(server: OwnPostgres) -> None:
    await asyncio.to_thread(server.stop)
    # Whoever rings now waits for the journal in vain, however soon it stopped and starts.
    await asyncio.sleep(JOURNAL_S + 0.5)
    await asyncio.to_thread(server.start)


async def is_killed(server: OwnPostgres) -> None:
    await asyncio.to_thread(server.kill)
    await asyncio.to_thread(server.start)


@pytest.mark.parametrize(
    "fault", [breaks_sessions_off, has_no_connection_left, is_stopped, is_killed]
)
async def test_what_was_called_is_what_the_crm_has(
    server: OwnPostgres, house: StorageHouse, fault: Fault
) -> None:
    async def callers() -> None:
        for _ in range(MOST_CALLS):
            house.rings()
            await asyncio.sleep(0.03)

    calling = asyncio.create_task(callers(), name="callers")
    try:
        await asyncio.sleep(0.3)
        await fault(server)
        await asyncio.sleep(0.3)
    finally:
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)
    await house.settled()
    await house.check()
    assert max(house.asked_s) < JOURNAL_S + MARGIN_S
    recorder = house.records.recorder
    assert recorder.waiting == recorder.refused == 0
    assert not house.shed
    if fault is is_stopped:
        assert house.left, "nobody rang while it was away"


async def test_we_die_while_it_is_away(server: OwnPostgres, house: StorageHouse) -> None:
    """What was in memory is gone; Asterisk and the journal still know of every call."""
    talking = [Story(a_call(f"1700000000.{number}")) for number in range(5)]
    for story in talking:
        await house.records.journal.open_call(story.call)
        for event in story.whole(IdentityOutcome.NONE)[:-2]:
            house.bus.publish(event)
    await house.settled()
    await asyncio.to_thread(server.stop)
    for story in talking:
        house.bus.publish(story.released())
        house.bus.publish(story.ends())
    house.skip_numbers(100)
    for _ in range(5):
        house.rings()
    await house.all_called()
    assert len(house.left) == 5
    await house.die()
    await asyncio.to_thread(server.start)
    async with FakeAmi() as asterisk, StorageHouse(house.url) as next_life:
        for call in house.left:
            linkedid = CallId.parse(call).linkedid
            about = f"{number_of(call)}|+18005550100|{linkedid}"
            asterisk.astdb[f"swb_fallback/{linkedid}"] = f"v1|{int(START.timestamp())}|{about}"
            asterisk.astdb[f"swb_ended/{linkedid}"] = f"v1|{int(START.timestamp()) + 9}|ANSWERED"
        bridge = AmiBridge(
            settings=AmiSettings(port=asterisk.port, secret=SecretStr("s3cret")),
            journal=next_life.records.journal,
            bus=next_life.bus,
            settle_s=0.05,
        )
        async with bridge:
            await asterisk.wait_for(lambda: not asterisk.astdb)
            async with asyncio.timeout(30):
                while await next_life.records.journal.open_calls("pbx"):
                    await asyncio.sleep(0.02)
        await next_life.settled()
        last = {str(record.call_id): record.outcome for record in next_life.crm.records.values()}
        assert last == {
            **{str(story.call.id): CallOutcome.LOST_SYNC for story in talking},
            **dict.fromkeys(house.left, CallOutcome.ANSWERED),
        }


async def test_of_two_that_wait_for_each_other_one_begins_again(house: StorageHouse) -> None:
    """PostgreSQL ends one of them (40P01) after a second."""
    make = "CREATE TABLE notes AS SELECT id, 0 AS times FROM generate_series(1, 2) AS id"
    met = asyncio.Barrier(2)
    tries = 0

    def change(*ids: int) -> Work[None]:
        first = True

        async def work(connection: AsyncConnection) -> None:
            nonlocal first, tries
            tries += 1
            for id_ in ids:
                await connection.exec_driver_sql(
                    "UPDATE notes SET times = times + 1 WHERE id = $1", (id_,)
                )
                if first:
                    first = False
                    await met.wait()

        return work

    async with Database(house.url) as other:
        await other.writer.write(lambda link: link.exec_driver_sql(make))
        async with asyncio.timeout(30):
            await asyncio.gather(
                house.database.writer.write(change(1, 2)), other.writer.write(change(2, 1))
            )
        async with other.read() as connection:
            times = await connection.exec_driver_sql("SELECT times FROM notes")
            assert [row.times for row in times] == [2, 2]
    assert tries == 3


async def test_what_is_committed_is_on_the_disk(house: StorageHouse) -> None:
    """We do not weaken what the administrator's server promises."""
    async with house.database.read() as connection:
        for promise in ("fsync", "synchronous_commit", "full_page_writes"):
            assert (await connection.exec_driver_sql(f"SHOW {promise}")).scalar() == "on"
