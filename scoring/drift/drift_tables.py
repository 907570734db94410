"""What was measured of drift: one row for each run and measure."""

from __future__ import annotations

from sqlalchemy import Column, Float, Integer, String, Table, Text

from storage.tables import UtcDateTime, metadata

drift_findings = Table(
    "drift_findings",
    metadata,
    Column("run_at", UtcDateTime, primary_key=True),
    #: Kind of the model; empty: of the calls as such.
    Column("model", String(40), primary_key=True),
    Column("measure", String(40), primary_key=True),
    #: The feature or score, where the measure has several.
    Column("subject", String(120), primary_key=True),
    Column("version", String(80), nullable=False),
    #: unknown, steady, watch or retrain.
    Column("level", String(16), nullable=False),
    #: NULL where there is none.
    Column("value", Float),
    #: What it was at training.
    Column("reference", Float),
    Column("rows", Integer, nullable=False),
    #: For supervisors.
    Column("said", Text, nullable=False),
)
