"""Which nights were worked through, and who works now."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Integer, String, Table

from storage.tables import UtcDateTime, metadata

nightly_runs = Table(
    "nightly_runs",
    metadata,
    #: The local date on which it was due; `by hand ...` of those that somebody started.
    Column("night", String(40), primary_key=True),
    #: running, done, failed, or stopped in the middle.
    Column("state", String(16), nullable=False),
    Column("tries", Integer, nullable=False),
    #: Name of the machine that did it last.
    Column("node", String(120), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    #: In order: name, state (done, skipped or failed), seconds, said.
    Column("steps", JSON, nullable=False),
)

#: Of all nodes, one works.
nightly_leases = Table(
    "nightly_leases",
    metadata,
    Column("name", String(40), primary_key=True),
    #: Empty: free.
    Column("holder", String(36), nullable=False),
    Column("until", UtcDateTime, nullable=False),
)
