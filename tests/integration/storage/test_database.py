"""What the engine does the same on both databases."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from storage import database as storage_database
from storage.database import Database

pytestmark = pytest.mark.integration


async def test_an_error_does_not_repeat_the_values(any_database: Database) -> None:
    with pytest.raises(DBAPIError) as failure:
        async with any_database.read() as connection:
            await connection.execute(
                text("SELECT * FROM there_is_no_such_table WHERE number = :number"),
                {"number": "+12025550150"},
            )
    assert "there_is_no_such_table" in str(failure.value)
    assert "2025550150" not in str(failure.value)


async def test_a_server_that_goes_silent_is_given_up_and_used_again(postgres_url: str) -> None:
    async with Database(postgres_url, statement_s=0.2) as database, asyncio.timeout(30):
        with pytest.raises(TimeoutError):
            async with database.read() as connection:
                await connection.execute(text("SELECT pg_sleep(60)"))
        async with database.read() as connection:
            assert await connection.scalar(text("SELECT 7")) == 7


async def test_a_server_that_does_not_let_us_in_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(storage_database, "CONNECT_S", 0.1)
    gone = asyncio.Event()

    async def say_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gone.wait()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        async with Database(f"postgresql://nobody@127.0.0.1:{port}/none") as database:
            async with asyncio.timeout(30):
                with pytest.raises(TimeoutError):
                    async with database.read():
                        pass
    finally:
        gone.set()
        server.close()
        await server.wait_closed()
