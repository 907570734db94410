"""Tasks for the owners of contacts who may be leaving: one of each contact in so many days."""

from __future__ import annotations

from sqlalchemy import Column, String, Table

from storage.tables import UtcDateTime, metadata

churn_tasks = Table(
    "churn_tasks",
    metadata,
    Column("tenant", String(40), primary_key=True),
    Column("crm", String(40), primary_key=True),
    Column("contact_id", String(64), primary_key=True),
    # Of its entry in the outbox.
    Column("key", String(36), nullable=False),
    # When the run was in whose night it was made.
    Column("created_at", UtcDateTime, nullable=False),
)
