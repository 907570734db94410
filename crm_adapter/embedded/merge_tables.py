"""Contacts that turned out to be one: what was done, and where the one that is gone is found."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, String, Table

from storage.sealed.columns import SealedJson, SealedKey, SealedText
from storage.tables import UtcDateTime, metadata

merges = Table(
    "crm_merges",
    metadata,
    # Never given twice: numbers and e-mails name the merge that brought them.
    Column("id", Integer, primary_key=True),
    # Of the request, so that repeating it merges nothing twice.
    Column("key", String(36), nullable=False, unique=True),
    Column("kept_id", String(64), nullable=False, index=True),
    Column("merged_id", String(64), nullable=False, index=True),
    Column("merged_name", SealedText("crm_merges.merged_name"), nullable=False),
    Column("by", String(64), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    # All that putting it back needs: `crm_adapter.embedded.merging`.
    Column("journal", SealedJson("crm_merges.journal"), nullable=False),
    Column("undone_at", UtcDateTime),
    sqlite_autoincrement=True,
)

#: Where the contacts are that are no more, and what callers typed to be known as them.
merged_contacts = Table(
    "crm_merged_contacts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column(
        "contact_id",
        String(64),
        ForeignKey("crm_contacts.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("merge_id", Integer, nullable=False),
    Column("customer_number", SealedKey("typed"), index=True),
    Column("account_number", SealedKey("typed"), index=True),
)
