"""Which rows of the embedded CRM, and of what is remembered of calls, belong to a contact."""

from __future__ import annotations

from crm_adapter import call_tables, churn_tables
from crm_adapter.embedded import merge_tables, tables
from crm_adapter.live import index_tables
from storage.contact_rows import ContactRows

CONTACT_ROWS = (
    ContactRows(tables.contact_numbers, distinct=("e164",), mark="merge_id"),
    ContactRows(tables.contact_emails, distinct=("folded",), mark="merge_id"),
    ContactRows(tables.purchases),
    ContactRows(tables.orders),
    ContactRows(tables.cases),
    ContactRows(tables.accounts, distinct=()),
    ContactRows(tables.appointments),
    ContactRows(tables.tasks),
    ContactRows(tables.call_records),
    # Those merged into this one earlier.
    ContactRows(merge_tables.merged_contacts),
    ContactRows(call_tables.calls, crm="contact_crm"),
    ContactRows(call_tables.pin_tries, crm="contact_crm", distinct=()),
    ContactRows(index_tables.number_choices, crm="crm"),
    ContactRows(churn_tables.churn_tasks, crm="crm", distinct=("tenant",)),
)
