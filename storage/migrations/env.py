"""Alembic runs this for every command. The connection is handed in, already in a transaction that
holds the lock (see `storage.migrate`), so that whatever fails leaves the database as it was."""

from __future__ import annotations

from typing import Any

from alembic import context

from calls import crash_points
from storage.revisions import render_type

attributes = context.config.attributes


def _made(*_told: Any, **_also: Any) -> None:
    crash_points.reached("migration.revision_made")


context.configure(
    connection=attributes["connection"],
    target_metadata=attributes.get("target_metadata"),
    # SQLite changes a column by rebuilding its table.
    render_as_batch=True,
    compare_type=True,
    render_item=render_type,
    on_version_apply=_made,
)
context.run_migrations()
