"""Who did what, each row chained to the one before (see `storage.audit_chain`)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, String, Table

from storage.sealed.columns import SealedJson, SealedText
from storage.tables import UtcDateTime, metadata

audit_entries = Table(
    "audit_entries",
    metadata,
    #: From 1, without gaps.
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    #: Like `agent.added`.
    Column("action", String(40), nullable=False),
    #: done, refused or failed.
    Column("result", String(10), nullable=False),
    #: A log-in, `os:USER` at the command line, or `server`.
    Column("actor", String(80), nullable=False),
    #: Where from: an address, or `command line on HOST`.
    Column("origin", String(120), nullable=False),
    #: To what: a log-in, a version, an entry's key. Never a caller.
    Column("subject", String(120), nullable=False),
    #: What may name a caller; this and `salt` go when they go.
    Column("details", SealedJson("audit_entries.details", none_as_null=True)),
    Column("salt", SealedText("audit_entries.salt")),
    #: SHA-256 of salt and details: without the salt nobody finds the details by trying.
    Column("details_hash", String(64), nullable=False),
    #: Which key made `mac`.
    Column("key_id", String(16), nullable=False),
    #: The `mac` of the row before.
    Column("before", String(64), nullable=False),
    Column("mac", String(64), nullable=False),
)

#: One row: whoever appends locks it.
audit_heads = Table(
    "audit_heads",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("mac", String(64), nullable=False),
)
