"""Where a contact's counters are kept between calls."""

from __future__ import annotations

from sqlalchemy import Column, String, Table, Text

from storage.tables import UtcDateTime, metadata

#: Texts, not JSON: one that is broken must spoil nothing that is read beside it.
contact_states = Table(
    "contact_states",
    metadata,
    Column("crm", String(40), primary_key=True),
    Column("contact_id", String(120), primary_key=True),
    #: `scoring.features.schema.SCHEMA` of who wrote the row last.
    Column("schema", String(40), nullable=False),
    #: `PurchaseCounts`, rewritten by the nightly batch; NULL until then.
    Column("purchases", Text),
    #: `CallCounts`, moved on by each call that ends; NULL until the first.
    Column("calls", Text),
    Column("updated_at", UtcDateTime, nullable=False),
)
