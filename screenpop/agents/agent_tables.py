"""Where agents and their log-ins are kept."""

from __future__ import annotations

import sqlalchemy as sa

from storage.tables import UtcDateTime, metadata

agents = sa.Table(
    "agents",
    metadata,
    sa.Column("login", sa.String(40), primary_key=True),
    sa.Column("name", sa.String(120), nullable=False),
    #: argon2id in the PHC string format; carries its own salt and cost.
    sa.Column("password_hash", sa.String(200), nullable=False),
    sa.Column("interfaces", sa.JSON, nullable=False),
    sa.Column("queues", sa.JSON, nullable=False),
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("role", sa.String(20), nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("state_reason", sa.String(80), nullable=True),
    #: NULL: never chose a state on the desktop, so we never pause this agent in Asterisk.
    sa.Column("state_at", UtcDateTime, nullable=True),
    #: Of the agent's phone in the browser, in plain, as SIP's digest needs it. NULL: none.
    sa.Column("sip_secret", sa.String(64), nullable=True),
    #: Level by name; NULL: none.
    sa.Column("skills", sa.JSON, nullable=True),
)

agent_sessions = sa.Table(
    "agent_sessions",
    metadata,
    #: SHA-256 of the cookie; the cookie itself is nowhere on our side.
    sa.Column("token_hash", sa.String(64), primary_key=True),
    sa.Column(
        "login",
        sa.String(40),
        sa.ForeignKey("agents.login", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False, index=True),
)
