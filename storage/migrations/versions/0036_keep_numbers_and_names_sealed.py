"""Keep numbers and names sealed"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

#: What is sealed is longer than what it seals. SQLite bounds no text, and PostgreSQL changes no row
#: for this.
_BOUNDED = {
    "audit_entries": {"salt": 32},
    "calls": {
        "channel": 120, "from_raw": 120, "from_name": 120, "dialled": 80, "number": 20,
        "contact_name": 240,
    },
    "crm_accounts": {"number": 32},
    "crm_appointments": {"subject": 300},
    "crm_call_records": {"number": 20, "dialled": 80, "title": 240, "caller_name": 240},
    "crm_cases": {"subject": 300},
    "crm_contact_emails": {"address": 254, "folded": 762},
    "crm_contact_numbers": {"e164": 20},
    "crm_contacts": {
        "first_name": 200, "last_name": 200, "company": 200, "customer_number": 32,
    },
    "crm_leads": {"number": 20, "network_name": 200, "name": 200},
    "crm_merged_contacts": {"customer_number": 32, "account_number": 32},
    "crm_merges": {"merged_name": 401},
    "crm_number_choices": {"e164": 20},
    "crm_orders": {"number": 32},
    "crm_phone_index": {"e164": 20, "nsn": 20, "name": 240, "company": 200},
    "crm_tasks": {"number": 20, "link": 200, "because": 300},
    "experiment_subjects": {"subject": 32},
    "leads": {"number": 20},
    "missed_tasks": {"number": 20},
    "outbox": {"last_error": 240},
}  # fmt: skip


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table, columns in _BOUNDED.items():
            for column in columns:
                op.alter_column(table, column, type_=sa.String())
    op.create_table(
        "seals",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("fingerprint", sa.String(length=16), nullable=False),
        sa.Column("before", sa.String(length=16), nullable=True),
        sa.Column("canary", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seals")),
    )


def downgrade() -> None:
    op.drop_table("seals")
    if op.get_bind().dialect.name == "postgresql":
        for table, columns in _BOUNDED.items():
            for column, length in columns.items():
                op.alter_column(table, column, type_=sa.String(length))
