"""Revisions of the database's shape: where they lie, and how the next one is written."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Literal

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, DateTime, MetaData
from sqlalchemy.types import TypeDecorator

SCRIPTS = Path(__file__).parent / "migrations"


def alembic_config(connection: Connection | None = None, **attributes: Any) -> Config:
    """What an alembic.ini would say; `attributes` reach `migrations/env.py`."""
    config = Config()
    # Alembic reads the option with %-interpolation.
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes.update(attributes, connection=connection)
    return config


def upgrade_to_head(connection: Connection) -> None:
    upgrade_to(connection, "head")


def upgrade_to(connection: Connection, revision: str) -> None:
    command.upgrade(alembic_config(connection), revision)


def render_type(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Revisions name the plain column type below one of ours: they import nothing of a feature,
    and stay as they are when our type changes."""
    if kind != "type" or not isinstance(item, TypeDecorator):
        return False
    if isinstance(item.impl, DateTime):
        # Its repr leaves out the zone.
        return "sa.DateTime(timezone=True)" if item.impl.timezone else "sa.DateTime()"
    return f"sa.{item.impl!r}"


def write_revision(connection: Connection, metadata: MetaData, message: str) -> Path:
    """Writes what `metadata` has and the database on `connection` (at head) has not, as the next
    numbered revision."""
    config = alembic_config(connection, target_metadata=metadata)
    existing = list(ScriptDirectory.from_config(config).walk_revisions())
    written = command.revision(
        config, message=message, autogenerate=True, rev_id=f"{len(existing) + 1:04d}"
    )
    if written is None or isinstance(written, list):
        raise RuntimeError("alembic did not write one revision")
    return Path(written.path)


def scratch_database() -> tempfile.TemporaryDirectory[str]:
    """A folder for a database that only lives while a revision is being made."""
    return tempfile.TemporaryDirectory(prefix="switchboard-revision-")
