"""The databases that gates are tried on: each run has an empty one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from switchboard.demo.private_servers import OwnPostgres

DATABASES = ("sqlite", "postgresql")
WORDS = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


@asynccontextmanager
async def empty(kind: str, folder: Path) -> AsyncIterator[str]:
    """The address. Both write to the disk as in earnest."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'gates.db'}"
        return
    with OwnPostgres(tied=True) as server:
        link = await asyncpg.connect(f"{server.url}/postgres")
        await link.execute("CREATE DATABASE gates")
        await link.close()
        yield f"{server.url}/gates"
