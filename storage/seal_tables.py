"""With which key this database is sealed, and whether all of it is."""

from __future__ import annotations

from sqlalchemy import Column, Integer, String, Table

from storage.tables import UtcDateTime, metadata

#: One row at most; none in a database that is not sealed.
seals = Table(
    "seals",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    #: Of the key, and of the one whose values may still stand there while keys change.
    Column("fingerprint", String(16), nullable=False),
    Column("before", String(16)),
    #: Opens with the key.
    Column("canary", String(200), nullable=False),
    #: sealed, sealing or opening
    Column("state", String(8), nullable=False),
    Column("at", UtcDateTime, nullable=False),
)
