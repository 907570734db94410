"""Our own copy of who has which number, and the choices agents made."""

from __future__ import annotations

from sqlalchemy import Column, Index, String, Table, Text

from storage.sealed.columns import SealedKey, SealedText
from storage.tables import UtcDateTime, metadata

phone_index = Table(
    "crm_phone_index",
    metadata,
    Column("crm", String(40), primary_key=True),
    Column("ref", String(120), primary_key=True),
    Column("e164", SealedKey("number"), primary_key=True),
    # National digits: what a CRM's own people search by.
    Column("nsn", SealedKey("number"), nullable=False),
    # crm_adapter.adapter.HitKind
    Column("kind", String(16), nullable=False),
    Column("name", SealedText("crm_phone_index.name"), nullable=False),
    Column("company", SealedText("crm_phone_index.company")),
    Column("language", String(16)),
    Column("owner", String(120)),
    Column("url", Text),
    Column("version", String(80)),
    #: When the CRM last told of it.
    Column("seen_at", UtcDateTime, nullable=False),
    Index("ix_crm_phone_index_e164", "e164"),
    Index("ix_crm_phone_index_seen_at", "crm", "seen_at"),
)

#: How far the copy of each CRM is.
index_states = Table(
    "crm_index_states",
    metadata,
    Column("crm", String(40), primary_key=True),
    #: Which installation of it: another one's contacts are other people.
    Column("source", String(64)),
    #: Changes are asked for from here.
    Column("cursor", Text),
    #: Where a whole copy that was broken off goes on, and since when it runs.
    Column("copy_cursor", Text),
    Column("copy_started_at", UtcDateTime),
    #: When a whole copy was last complete.
    Column("copied_at", UtcDateTime),
    #: When the CRM last told of changes, or that there are none.
    Column("changed_at", UtcDateTime),
)

#: Which of several contacts calls from a number, as an agent said.
number_choices = Table(
    "crm_number_choices",
    metadata,
    Column("e164", SealedKey("number"), primary_key=True),
    Column("crm", String(40), nullable=False),
    Column("contact_id", String(120), nullable=False),
    Column("agent", String(80), nullable=False),
    Column("chosen_at", UtcDateTime, nullable=False),
)
