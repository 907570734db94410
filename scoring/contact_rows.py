"""Which rows of what was computed and remembered belong to a contact."""

from __future__ import annotations

from scoring import memory_tables, tables
from scoring.features.state_tables import contact_states
from storage.contact_rows import ContactRows

CONTACT_ROWS = (
    ContactRows(tables.contact_segments, crm="crm", distinct=()),
    ContactRows(tables.churn_warnings, crm="crm", distinct=()),
    ContactRows(contact_states, crm="crm", distinct=()),
    ContactRows(memory_tables.offer_meetings, crm="contact_crm"),
    ContactRows(memory_tables.menu_choices, crm="contact_crm", distinct=("menu", "intent")),
    ContactRows(memory_tables.contact_agents, crm="contact_crm", distinct=()),
)
