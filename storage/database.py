"""The engine: SQLite (WAL) by default, PostgreSQL by URL, the same code on both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from calls.errors import Misconfigured
from storage.writer import GroupWriter


class Database:
    """Readers take `read()`, writers hand a unit of work to `writer` (one transaction may carry
    many units: see `storage.writer`).

    `url` is `sqlite:///FILE`, or `postgresql://USER:PASSWORD@HOST/NAME`.
    """

    def __init__(self, url: str) -> None:
        self.url = _with_driver(url)
        self.engine: AsyncEngine = _create_engine(self.url)
        self.writer = GroupWriter(self.engine)

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        async with self.engine.connect() as connection:
            yield connection

    async def __aenter__(self) -> Self:
        await self.writer.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.writer.stop()
        await self.engine.dispose()


def _with_driver(url: str) -> str:
    """Raises Misconfigured for a database we do not speak to."""
    parsed = make_url(url)
    drivers = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
    backend = parsed.get_backend_name()
    if backend not in drivers:
        raise Misconfigured(
            f"storage.url: {backend!r} is not supported; use sqlite:///FILE or postgresql://…"
        )
    if backend == "sqlite" and parsed.database and parsed.database != ":memory:":
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    return parsed.set(drivername=drivers[backend]).render_as_string(hide_password=False)


def _create_engine(url: str) -> AsyncEngine:
    if not url.startswith("sqlite"):
        return create_async_engine(url, pool_size=8, max_overflow=4, pool_timeout=5)
    engine = create_async_engine(url, pool_size=6, max_overflow=2, pool_timeout=5)

    @event.listens_for(engine.sync_engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        # FULL: a journaled call survives a power cut, not only our own death.
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "busy_timeout=5000",
            "cache_size=-16000",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine
