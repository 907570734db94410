"""What is kept of every call, of the leads made from them, and of what the CRM is still owed."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Table,
    text,
)

from storage.sealed.columns import SealedJson, SealedKey, SealedText
from storage.tables import UtcDateTime, metadata

calls = Table(
    "calls",
    metadata,
    Column("system", String(40), primary_key=True),
    Column("linkedid", String(64), primary_key=True),
    Column("channel", SealedText("calls.channel"), nullable=False),
    Column("from_raw", SealedKey("number"), nullable=False),
    Column("from_name", SealedText("calls.from_name"), nullable=False),
    Column("withheld", Boolean, nullable=False),
    Column("dialled", SealedKey("number"), nullable=False),
    Column("language", String(20), nullable=False),
    Column("attestation", String(8)),
    #: `calls.call.Direction` of a call that an agent placed; NULL is inbound.
    Column("direction", String(16)),
    Column("arrived_at", UtcDateTime, nullable=False),
    #: The dialplan's fallback served this caller.
    Column("fallback", Boolean, nullable=False),
    #: E.164, once identified.
    Column("number", SealedKey("number")),
    Column("identity_outcome", String(20)),
    Column("identity_method", String(40)),
    Column("identity_confidence", Float),
    #: Names and references of the contacts the number may belong to.
    Column("candidates", SealedJson("calls.candidates", none_as_null=True)),
    Column("contact_crm", String(40)),
    Column("contact_id", String(120)),
    Column("contact_name", SealedText("calls.contact_name")),
    #: Whose contact it is, in the CRM's words.
    Column("contact_owner", String(120)),
    #: Which candidate an agent said it is: agent, at, times (how often it changed the contact).
    Column("choice", JSON(none_as_null=True)),
    Column("rulebook_version", String(80)),
    Column("lead_policy", String(20)),
    #: `calls.follow_up.FollowUp.as_json()`
    Column("follow_up", JSON(none_as_null=True)),
    #: `calls.decision.Decision.as_json()`, and `at`: when it was made.
    Column("decision", SealedJson("calls.decision", none_as_null=True)),
    #: Menu visits in order: at, menu, digits, outcome, intent.
    Column("menu_path", JSON(none_as_null=True)),
    #: `personal` or `control`, of the decision.
    Column("arm", String(20)),
    #: Decisions made before that one, oldest first: rulebook_version, decision.
    Column("earlier_decisions", SealedJson("calls.earlier_decisions", none_as_null=True)),
    #: By field: the digits that the caller typed, PINs excepted.
    Column("typed", SealedJson("calls.typed", none_as_null=True)),
    #: What was recorded of the caller, in order: at, what, name, seconds, queue.
    Column("recordings", JSON(none_as_null=True)),
    #: The wish to be called back: at, number, queue, position.
    Column("callback", SealedJson("calls.callback", none_as_null=True)),
    #: Where the call left us for, other than a queue: kind, target.
    Column("routed", SealedJson("calls.routed", none_as_null=True)),
    #: Offers met, in order: offer, place, and the last answer heard.
    Column("offers", JSON(none_as_null=True)),
    Column("queue", String(80)),
    Column("priority", Integer),
    Column("hold_programme", String(80)),
    #: When it came into the queue it waits or waited in last, and into its first one.
    Column("queued_at", UtcDateTime),
    Column("first_queued_at", UtcDateTime),
    Column("answered_at", UtcDateTime),
    #: NULL while the call lives.
    Column("ended_at", UtcDateTime),
    Column("outcome", String(20)),
    Column("end_estimated", Boolean, nullable=False),
    #: What of ours raised in its dialog.
    Column("failure", String(80)),
    #: Outbox key of the lead that this caller's number has.
    Column("lead_key", String(36)),
    Index("ix_calls_arrived_at", "arrived_at"),
    Index("ix_calls_number", "number", "answered_at"),
    Index("ix_calls_contact", "contact_crm", "contact_id", "arrived_at"),
    Index(
        "ix_calls_open",
        "system",
        "arrived_at",
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
)

call_legs = Table(
    "call_legs",
    metadata,
    Column("system", String(40), primary_key=True),
    Column("linkedid", String(64), primary_key=True),
    #: 1 for the first agent who was rung.
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("agent", String(80), nullable=False),
    Column("interface", String(120), nullable=False),
    Column("queue", String(80), nullable=False),
    Column("rang_at", UtcDateTime, nullable=False),
    Column("answered_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("disposition", String(80)),
    Column("note", SealedText("call_legs.note", long=True)),
    #: `calls.records.LegVia`; NULL is by the queue.
    Column("via", String(20)),
    ForeignKeyConstraint(
        ["system", "linkedid"],
        ["calls.system", "calls.linkedid"],
        name="fk_call_legs_calls",
        ondelete="CASCADE",
    ),
)

leads = Table(
    "leads",
    metadata,
    #: Also the outbox key of its creation.
    Column("key", String(36), primary_key=True),
    Column("tenant", String(40), nullable=False),
    Column("number", SealedKey("number"), nullable=False),
    #: The call it was made from.
    Column("system", String(40), nullable=False),
    Column("linkedid", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    #: The CRM's own id; NULL until the CRM has it.
    Column("lead_id", String(120)),
    #: Log-in of the agent whose it is.
    Column("owner", String(80)),
    #: Name of the lead rule that made it, else the number dialled as the rulebook writes it.
    Column("rule", String(80)),
    #: An agent who talked with them says it is a real one.
    Column("confirmed_at", UtcDateTime),
    Column("confirmed_by", String(80)),
    #: Won, lost, turned into a contact or withdrawn.
    Column("closed_at", UtcDateTime),
    Column("withdrawn_at", UtcDateTime),
    # One open lead for a number, whatever races for it.
    Index(
        "uq_leads_open",
        "tenant",
        "number",
        unique=True,
        sqlite_where=text("closed_at IS NULL"),
        postgresql_where=text("closed_at IS NULL"),
    ),
    Index("ix_leads_number", "tenant", "number", "closed_at"),
    Index("ix_leads_owner", "owner", "closed_at"),
    Index("ix_leads_created_at", "created_at"),
)

#: Who rang off unanswered and is to be called back.
missed_tasks = Table(
    "missed_tasks",
    metadata,
    #: Also the outbox key of its creation.
    Column("key", String(36), primary_key=True),
    Column("tenant", String(40), nullable=False),
    Column("number", SealedKey("number"), nullable=False),
    #: The call it was made from.
    Column("system", String(40), nullable=False),
    Column("linkedid", String(64), nullable=False),
    Column("owner", String(80)),
    Column("created_at", UtcDateTime, nullable=False),
    #: When the newest call of this number came that nobody answered.
    Column("last_missed_at", UtcDateTime, nullable=False),
    #: When they were answered later.
    Column("closed_at", UtcDateTime),
    # One open task for a number, however often it rings.
    Index(
        "uq_missed_tasks_open",
        "tenant",
        "number",
        unique=True,
        sqlite_where=text("closed_at IS NULL"),
        postgresql_where=text("closed_at IS NULL"),
    ),
)

#: Wrong PINs, of which only so many are allowed in any hour.
pin_tries = Table(
    "pin_tries",
    metadata,
    Column("contact_crm", String(40), primary_key=True),
    Column("contact_id", String(120), primary_key=True),
    #: Wrong ones and those being checked, oldest first: at (ISO 8601, UTC), id.
    Column("tries", JSON, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    #: Order of enqueueing; SQLite counts only a plain INTEGER by itself.
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("key", String(36), nullable=False, unique=True),
    #: Delivered by one worker with its own pauses: `crm`, or `hook:` and a webhook's name.
    Column("lane", String(60), nullable=False, server_default="crm"),
    Column("operation", String(40), nullable=False),
    #: Rows of one entity are delivered one after the other, in order.
    Column("entity", String(120), nullable=False),
    #: Key of a row that is to be settled (delivered or dead) before this one.
    Column("depends_on", String(36)),
    Column("payload", SealedJson("outbox.payload"), nullable=False),
    #: pending, claimed, done or dead
    Column("state", String(8), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("not_before", UtcDateTime, nullable=False),
    #: Who delivers it now, and until when that is believed.
    Column("claimed_by", String(36)),
    Column("leased_until", UtcDateTime),
    #: What the CRM calls the result.
    Column("result", String(120)),
    Column("last_error", SealedText("outbox.last_error")),
    Column("finished_at", UtcDateTime),
    Index("ix_outbox_lane", "lane", "state", "seq"),
    Index("ix_outbox_entity", "entity", "seq"),
    sqlite_autoincrement=True,
)
