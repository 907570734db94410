"""What the gate of the personal policy found, and how experiments go."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Index, String, Table

from storage.sealed.columns import SealedKey
from storage.tables import UtcDateTime, metadata

#: Every answer of the gate; the newest one counts.
offer_policy_gates = Table(
    "offer_policy_gates",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    #: deploy or fall_back
    Column("decision", String(16), nullable=False),
    Column("because", String(400), nullable=False),
    Column("figures", JSON, nullable=False),
)

#: The first call of everybody in an experiment, and whether they called again soon.
experiment_subjects = Table(
    "experiment_subjects",
    metadata,
    Column("experiment", String(40), primary_key=True),
    #: Hash of the contact or number.
    Column("subject", SealedKey("subject"), primary_key=True),
    Column("arm", String(40), nullable=False),
    Column("system", String(40), nullable=False),
    Column("linkedid", String(64), nullable=False),
    #: When that call ended.
    Column("at", UtcDateTime, nullable=False),
    #: Pressed 0 for a person; rang off unanswered.
    Column("zero_out", Boolean, nullable=False),
    Column("abandoned", Boolean, nullable=False),
    #: When the next call of theirs ended, if that was within a week.
    Column("repeated_at", UtcDateTime),
    Index("ix_experiment_subjects_at", "experiment", "at"),
)

#: Arms that were stopped once; an arm without a row runs.
experiment_arms = Table(
    "experiment_arms",
    metadata,
    Column("experiment", String(40), primary_key=True),
    Column("arm", String(40), primary_key=True),
    #: NULL: it was resumed.
    Column("stopped_at", UtcDateTime),
    #: guardrail or person
    Column("stopped_by", String(20)),
    Column("because", String(400)),
    Column("figures", JSON(none_as_null=True)),
    #: Callers who came before do not count any more.
    Column("counts_from", UtcDateTime),
)
