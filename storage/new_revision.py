"""Writes the next revision from what the tables in the code have and the last revision has not.

    python -m storage.new_revision "Add the wrap-up code" crm_adapter.call_tables scoring.tables ...

Name every module that declares tables: what is not named looks as if it had been removed.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import sys
from pathlib import Path

from sqlalchemy import MetaData

from storage.database import Database
from storage.revisions import scratch_database, upgrade_to_head, write_revision
from storage.tables import metadata


async def new_revision(message: str, declared: MetaData) -> Path:
    """The new file, to be read, formatted and committed."""
    with scratch_database() as folder:
        database = Database(f"sqlite:///{folder}/scratch.db")
        try:
            async with database.engine.begin() as connection:
                await connection.run_sync(upgrade_to_head)
                return await connection.run_sync(write_revision, declared, message)
        finally:
            await database.engine.dispose()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m storage.new_revision", description=__doc__)
    parser.add_argument("message", help="what changes, as a sentence")
    parser.add_argument("modules", nargs="+", help="dotted names of modules that declare tables")
    wanted = parser.parse_args(arguments)
    for name in wanted.modules:
        importlib.import_module(name)
    path = asyncio.run(new_revision(wanted.message, metadata))
    sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
