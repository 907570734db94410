"""Where computed segments are kept: one row for each contact, rewritten by the nightly batch."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Float, Integer, String, Table

from storage.tables import UtcDateTime, metadata

contact_segments = Table(
    "contact_segments",
    metadata,
    Column("crm", String(40), primary_key=True),
    Column("contact_id", String(64), primary_key=True),
    Column("tier", String(16), nullable=False),
    Column("lifecycle", String(16), nullable=False),
    Column("recency", Integer, nullable=False),
    Column("frequency", Integer, nullable=False),
    Column("monetary", Integer, nullable=False),
    Column("days_since_last", Integer),
    Column("usual_gap_days", Integer),
    Column("spend_12m", Float, nullable=False),
    Column("reasons", JSON, nullable=False),
    Column("computed_at", UtcDateTime, nullable=False),
)
