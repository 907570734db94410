"""Who does what only one process may do at a time."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, String, Table

from storage.tables import metadata

leases = Table(
    "leases",
    metadata,
    Column("name", String(80), primary_key=True),
    #: The process that has it, or had it last.
    Column("holder", String(120), nullable=False),
    #: Where the other processes reach the holder.
    Column("address", String(200), nullable=False),
    #: Grows by one with each new holder: whoever writes with an older one writes nothing.
    Column("token", BigInteger, nullable=False),
    #: Seconds since 1970, by the database's clock: those of the processes may differ.
    Column("expires_at", Float(53), nullable=False),
)
