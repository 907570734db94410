"""Where computed segments are kept: one row for each contact, rewritten by the nightly batch; the
last runs' sums; and who may be leaving."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Date, Float, Integer, String, Table

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
    Column("behaviour", String(16)),
    Column("price_band", String(16)),
    Column("main_category", String(80)),
    Column("loyalty", String(16)),
    # Why, where one stands.
    Column("churn_warning", String(300)),
    # Of rows that an older version wrote: null.
    Column("reasons_zh", JSON),
    Column("churn_warning_zh", String(300)),
)

# The newest few: what `switchboard segments` compares.
segment_runs = Table(
    "segment_runs",
    metadata,
    Column("ran_at", UtcDateTime, primary_key=True),
    Column("contacts", Integer, nullable=False),
    # margin or spend
    Column("value_by", String(8), nullable=False),
    # What the top fifth holds of all value, 0 to 1.
    Column("pareto_share", Float),
    # By kind and name: how many.
    Column("sizes", JSON, nullable=False),
    # By kind: [from, to, how many] since the run before.
    Column("movements", JSON, nullable=False),
)

# One for each contact who may be leaving, until they buy again.
churn_warnings = Table(
    "churn_warnings",
    metadata,
    Column("crm", String(40), primary_key=True),
    Column("contact_id", String(64), primary_key=True),
    # Today by the run that raised it.
    Column("raised_on", Date, nullable=False),
    Column("raised_at", UtcDateTime, nullable=False),
    Column("from_stage", String(16), nullable=False),
    Column("to_stage", String(16), nullable=False),
    Column("because", String(300), nullable=False),
    Column("because_zh", String(300)),
    # When a server published it.
    Column("told_at", UtcDateTime, index=True),
)
