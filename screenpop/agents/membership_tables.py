"""Which members of Asterisk's queues are ours: those that we added and must remove."""

from __future__ import annotations

import sqlalchemy as sa

from storage.tables import UtcDateTime, metadata

queue_memberships = sa.Table(
    "queue_memberships",
    metadata,
    #: The Asterisk's name among ours (`ami.system`).
    sa.Column("system", sa.String(40), primary_key=True, server_default="pbx"),
    sa.Column("queue", sa.String(40), primary_key=True),
    sa.Column("interface", sa.String(120), primary_key=True),
    #: No foreign key: who was removed as an agent is still to be removed from the queue.
    sa.Column("login", sa.String(40), nullable=False),
    sa.Column("added_at", UtcDateTime, nullable=False),
)
