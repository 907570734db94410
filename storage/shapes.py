"""What the tables look like at a revision, whatever a database at hand looks like."""

from __future__ import annotations

from functools import cache

from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, create_engine

from storage.revisions import alembic_config, upgrade_to

VERSION_TABLE = "alembic_version"


def known_revisions() -> tuple[str, ...]:
    """Oldest first."""
    scripts = ScriptDirectory.from_config(alembic_config())
    return tuple(script.revision for script in scripts.walk_revisions())[::-1]


@cache
def shape_at(revision: str) -> MetaData:
    """Its `sorted_tables` are in the order in which rows can be put in. Takes a second: the
    revisions run on a database in memory."""
    engine = create_engine("sqlite://")
    shape = MetaData()
    try:
        with engine.connect() as connection:
            upgrade_to(connection, revision)
            shape.reflect(connection)
    finally:
        engine.dispose()
    shape.remove(shape.tables[VERSION_TABLE])
    return shape
