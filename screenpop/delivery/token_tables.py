"""Where the tokens of agents' programs are kept."""

from __future__ import annotations

import sqlalchemy as sa

from storage.tables import UtcDateTime, metadata

agent_tokens = sa.Table(
    "agent_tokens",
    metadata,
    #: SHA-256 of the token; the token itself is nowhere on our side.
    sa.Column("token_hash", sa.String(64), primary_key=True),
    sa.Column(
        "login",
        sa.String(40),
        sa.ForeignKey("agents.login", ondelete="CASCADE"),
        nullable=False,
    ),
    #: What people call it, to revoke it by.
    sa.Column("name", sa.String(40), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("login", "name"),
)
