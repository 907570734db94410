"""That somebody was erased, without who: so that running servers forget them, too."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Integer, Table

from storage.tables import UtcDateTime, metadata

erasures = Table(
    "erasures",
    metadata,
    # Never given twice: a server looks for newer ones than it knows.
    Column("id", Integer, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    #: Rows by table.
    Column("counts", JSON, nullable=False),
    sqlite_autoincrement=True,
)
