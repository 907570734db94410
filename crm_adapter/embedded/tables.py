"""The embedded CRM's tables. Ids are the owner's own (`C-1042`), so that an import can be
repeated; money is exact on every database."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator

from storage.sealed.columns import SealedJson, SealedKey, SealedText
from storage.tables import UtcDateTime, metadata

MONEY_SCALE = 10_000
#: Longest number that a caller types.
DIGITS = 32


class Money(TypeDecorator[Decimal]):
    """Decimal in and out, kept as whole ten-thousandths: SQLite has no exact decimals."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Any) -> int | None:
        if value is None:
            return None
        return int((value * MONEY_SCALE).to_integral_value(ROUND_HALF_EVEN))

    def process_result_value(self, value: int | None, dialect: Any) -> Decimal | None:
        return None if value is None else Decimal(value) / MONEY_SCALE


def _contact_id() -> Column[str]:
    return Column(
        "contact_id", String(64), ForeignKey("crm_contacts.id", ondelete="CASCADE"), nullable=False
    )


def _product() -> Column[str]:
    return Column("product", String(64), ForeignKey("crm_products.code"), nullable=True)


contacts = Table(
    "crm_contacts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("first_name", SealedText("crm_contacts.first_name"), nullable=False, default=""),
    Column("last_name", SealedText("crm_contacts.last_name"), nullable=False, default=""),
    Column("company", SealedText("crm_contacts.company")),
    Column("language", String(16)),
    Column("url", Text),
    Column("owner", String(64)),
    # What the contact types to say who they are: digits, in which leading zeros count.
    Column("customer_number", SealedKey("typed"), unique=True, index=True),
    # Raised by every change, so that a writer can tell whether what it read is still so.
    Column("version", Integer, nullable=False, default=1),
    Column("updated_at", UtcDateTime, nullable=False),
)

#: The phone index: one row for each number of each contact.
contact_numbers = Table(
    "crm_contact_numbers",
    metadata,
    Column("id", Integer, primary_key=True),
    _contact_id(),
    Column("e164", SealedKey("number"), nullable=False, index=True),
    Column("kind", String(16), nullable=False, default="phone"),
    # The merge (crm_merges) that brought it here; an import of the contact leaves it.
    Column("merge_id", Integer),
    UniqueConstraint("contact_id", "e164"),
)

contact_emails = Table(
    "crm_contact_emails",
    metadata,
    Column("id", Integer, primary_key=True),
    _contact_id(),
    # As it was written.
    Column("address", SealedText("crm_contact_emails.address"), nullable=False),
    # What it is compared by: without case. Some letters fold into two or three.
    Column("folded", SealedKey("email"), nullable=False, index=True),
    Column("merge_id", Integer),
    UniqueConstraint("contact_id", "folded"),
)

products = Table(
    "crm_products",
    metadata,
    Column("code", String(64), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("category", String(64), nullable=False, default=""),
    Column("price", Money),
    Column("currency", String(3)),
)

purchases = Table(
    "crm_purchases",
    metadata,
    Column("id", String(64), primary_key=True),
    _contact_id(),
    _product(),
    Column("at", UtcDateTime, nullable=False),
    # Below zero for what came back.
    Column("amount", Money, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("quantity", Integer, nullable=False, default=1),
    Index(None, "contact_id", "at"),
)

orders = Table(
    "crm_orders",
    metadata,
    Column("id", String(64), primary_key=True),
    _contact_id(),
    _product(),
    Column("status", String(32), nullable=False),
    Column("placed_at", UtcDateTime, nullable=False),
    Column("due_on", Date),
    Column("is_open", Boolean, nullable=False),
    # Delivered or cancelled; of a closed one NULL where nobody said.
    Column("closed_at", UtcDateTime),
    # NULL where nobody said.
    Column("is_paid", Boolean),
    Column("paid_at", UtcDateTime),
    # What a caller types for it: digits, in which leading zeros count.
    Column("number", SealedKey("typed"), index=True),
    Index(None, "contact_id", "placed_at"),
)

cases = Table(
    "crm_cases",
    metadata,
    Column("id", String(64), primary_key=True),
    _contact_id(),
    Column("subject", SealedText("crm_cases.subject"), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("is_open", Boolean, nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime),
    Index(None, "contact_id", "opened_at"),
)

#: A contact's account with us. People of one household may share its number.
accounts = Table(
    "crm_accounts",
    metadata,
    Column(
        "contact_id",
        String(64),
        ForeignKey("crm_contacts.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("number", SealedKey("typed"), nullable=False, index=True),
    # Below zero for what the contact owes.
    Column("balance", Money),
    Column("currency", String(3)),
    # argon2id; NULL where the contact has no PIN.
    Column("pin_hash", String(200)),
)

appointments = Table(
    "crm_appointments",
    metadata,
    Column("id", String(64), primary_key=True),
    _contact_id(),
    Column("at", UtcDateTime, nullable=False),
    Column("subject", SealedText("crm_appointments.subject"), nullable=False),
    # booked, done or cancelled
    Column("status", String(16), nullable=False, default="booked"),
    Index(None, "contact_id", "at"),
)

leads = Table(
    "crm_leads",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("idem", String(100), nullable=False, unique=True),
    Column("number", SealedKey("number"), nullable=False, index=True),
    Column("status", String(16), nullable=False, default="open"),
    # Until an agent has confirmed who it was.
    Column("unverified", Boolean, nullable=False, default=True),
    Column("system", String(40), nullable=False),
    Column("linkedid", String(80), nullable=False),
    Column("dialled", String(80), nullable=False),
    Column("network_name", SealedText("crm_leads.network_name")),
    # What to call them until somebody knows better.
    Column("name", SealedText("crm_leads.name")),
    # The agent whose it is.
    Column("owner", String(80)),
    # The rule that made it.
    Column("rule", String(80)),
    # What they said: its file on Asterisk's machine.
    Column("recording", String(120)),
    Column("menu_path", JSON, nullable=False),
    Column("rulebook_version", String(80)),
    # Of the caller saying their name: its file on Asterisk's machine.
    Column("name_recording", String(120)),
    Column("created_at", UtcDateTime, nullable=False),
)

#: What somebody is to do because of a call: call back, listen to a message.
tasks = Table(
    "crm_tasks",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("idem", String(100), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("status", String(16), nullable=False, default="open"),
    Column("contact_id", String(64), index=True),
    Column("number", SealedKey("number"), index=True),
    Column("queue", String(80)),
    Column("recording", String(120)),
    # The agent whose it is.
    Column("owner", String(80)),
    # What to press to call back.
    Column("link", SealedText("crm_tasks.link")),
    Column("system", String(40), nullable=False),
    Column("linkedid", String(80), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    # Where no call made it: why.
    Column("because", SealedText("crm_tasks.because")),
    Column("due_at", UtcDateTime),
    # What is to be done, in an agent's words.
    Column("note", SealedText("crm_tasks.note", long=True)),
    Index(None, "status", "created_at"),
)

call_records = Table(
    "crm_call_records",
    metadata,
    Column("id", String(64), primary_key=True),
    # Of the last version written.
    Column("idem", String(100), nullable=False, unique=True),
    Column("system", String(40), nullable=False),
    Column("linkedid", String(80), nullable=False),
    Column("contact_id", String(64), index=True),
    Column("number", SealedKey("number"), index=True),
    Column("dialled", SealedKey("number"), nullable=False),
    Column("identity", String(16), nullable=False),
    Column("outcome", String(24), nullable=False),
    Column("queue", String(40)),
    Column("arrived_at", UtcDateTime, nullable=False),
    Column("answered_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("end_estimated", Boolean, nullable=False),
    Column("fallback", Boolean, nullable=False),
    Column("talk_s", Integer, nullable=False),
    Column("rulebook_version", String(80)),
    Column("menu_path", JSON, nullable=False),
    Column("legs", SealedJson("crm_call_records.legs"), nullable=False),
    # By field: the digits that the caller typed.
    Column("typed", SealedJson("crm_call_records.typed", none_as_null=True)),
    # What was recorded of the caller: what, name, seconds.
    Column("recordings", JSON(none_as_null=True)),
    # Where the call left us for: kind and target.
    Column("routed", SealedJson("crm_call_records.routed", none_as_null=True)),
    # Of the last version written; never replaced by a lower one.
    Column("revision", Integer),
    Column("title", SealedText("crm_call_records.title")),
    Column("direction", String(16)),
    Column("caller_name", SealedText("crm_call_records.caller_name")),
    Column("wait_s", Integer),
    # Offers met: offer, place, answer.
    Column("offers", JSON(none_as_null=True)),
    Column("arm", String(20)),
    UniqueConstraint("system", "linkedid"),
)

#: Which sets of data were loaded by us (the demo's), so that they are loaded once.
datasets = Table(
    "crm_datasets",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("stamp", String(80), nullable=False),
)
