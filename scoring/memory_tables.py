"""What earlier calls of a contact left behind: offers met, keys pressed, who they talked with; and
which products are bought by the same people."""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Integer, String, Table

from storage.tables import UtcDateTime, metadata


def _call() -> tuple[Column[str], Column[str]]:
    return (
        Column("system", String(40), primary_key=True),
        Column("linkedid", String(64), primary_key=True),
    )


#: One row for each offer of a call: the ledger.
offer_meetings = Table(
    "offer_meetings",
    metadata,
    *_call(),
    Column("offer", String(80), primary_key=True),
    Column("contact_crm", String(40), nullable=False),
    Column("contact_id", String(120), nullable=False),
    #: menu, hold or agent; NULL while it is only claimed.
    Column("place", String(16)),
    #: claimed, heard, refused or accepted; back only by an agent's word.
    Column("answer", String(16), nullable=False),
    #: When it was heard; until then when it was claimed.
    Column("at", UtcDateTime, nullable=False),
    #: When it was refused or accepted.
    Column("answered_at", UtcDateTime),
    #: The contact's segments at that time, "unknown" where there were none; NULL in rows that an
    #: older version wrote.
    Column("tier", String(16)),
    Column("lifecycle", String(16)),
    #: The agent (login) who said so last, and why; NULL where the caller's keys did.
    Column("agent", String(80)),
    Column("reason", String(200)),
    #: The answer before an agent said anything; NULL: none did. What was never heard before, or
    #: had no row, was claimed.
    Column("before_agent", String(16)),
    Index("ix_offer_meetings_contact", "contact_crm", "contact_id", "offer"),
)

#: How often an intent was chosen in a menu, older choices counting less (`scoring.decay`).
menu_choices = Table(
    "menu_choices",
    metadata,
    #: Both empty: of everybody together.
    Column("contact_crm", String(40), primary_key=True),
    Column("contact_id", String(120), primary_key=True),
    Column("menu", String(80), primary_key=True),
    Column("intent", String(80), primary_key=True),
    #: The key last pressed for it.
    Column("digit", String(8), nullable=False),
    #: As it was at `last_at`.
    Column("weight", Float, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
)

#: Whose choices are counted already, so that a repeated write counts nothing twice.
folded_calls = Table(
    "folded_calls",
    metadata,
    *_call(),
    Column("at", UtcDateTime, nullable=False, index=True),
)

#: The agent (login) who talked with a contact last.
contact_agents = Table(
    "contact_agents",
    metadata,
    Column("contact_crm", String(40), primary_key=True),
    Column("contact_id", String(120), primary_key=True),
    Column("agent", String(80), nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

#: Share of the owners of one product who also bought another; of all buyers where `given` is empty.
product_associations = Table(
    "product_associations",
    metadata,
    Column("given", String(64), primary_key=True),
    Column("product", String(64), primary_key=True),
    Column("share", Float, nullable=False),
    #: How many own `given`.
    Column("owners", Integer, nullable=False),
    #: First purchases per day (`scoring.association_counts`); NULL until the next batch.
    Column("rate", Float),
    Column("computed_at", UtcDateTime, nullable=False),
)
