"""An import under way: what was read of its files and is not in the CRM's own tables yet."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, String, Table

from storage.sealed.columns import SealedJson
from storage.tables import UtcDateTime, metadata

imports = Table(
    "crm_imports",
    metadata,
    # Never given twice: who was given up does not go on with another's.
    Column("id", Integer, primary_key=True),
    # Always 1: there is one import at a time.
    Column("slot", Integer, nullable=False, unique=True, default=1),
    # crm_adapter.embedded.import_journal.State
    Column("state", String(16), nullable=False),
    Column("begun_at", UtcDateTime, nullable=False),
    # When its process last did something for it.
    Column("touched_at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)

#: Rows in the order in which they are loaded, some hundreds in each.
import_parts = Table(
    "crm_import_parts",
    metadata,
    Column(
        "import_id", Integer, ForeignKey("crm_imports.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("place", Integer, primary_key=True),
    Column("file", String(255), nullable=False),
    # contacts, products, purchases, orders, cases, accounts or appointments
    Column("kind", String(16), nullable=False),
    # As `crm_adapter.embedded.import_values` makes them.
    Column("rows", SealedJson("crm_import_parts.rows"), nullable=False),
)
