"""What each agent was shown, when it was sent and when it was on the screen."""

from __future__ import annotations

import sqlalchemy as sa

from storage.sealed.columns import SealedJson, SealedText, SealedWords
from storage.tables import UtcDateTime, metadata

pops = sa.Table(
    "pops",
    metadata,
    sa.Column("pop_id", sa.String(40), primary_key=True),
    sa.Column("agent", sa.String(40), nullable=False),
    sa.Column("call_id", sa.String(120), nullable=False, index=True),
    sa.Column("interface", sa.String(120), nullable=False),
    #: The phone behind it (StateInterface), where the agent is known by that alone.
    sa.Column("known_by", sa.String(120), nullable=True),
    #: offered, claimed, wrapup or closed
    sa.Column("state", sa.String(20), nullable=False, index=True),
    sa.Column("seq", sa.BigInteger, nullable=False),
    #: The newest content, as the desktop got it.
    sa.Column("payload", SealedJson("pops.payload"), nullable=False),
    sa.Column("offered_at", UtcDateTime, nullable=False, index=True),
    sa.Column("claimed_at", UtcDateTime, nullable=True),
    sa.Column("released_at", UtcDateTime, nullable=True),
    sa.Column("closed_at", UtcDateTime, nullable=True),
    sa.Column("close_reason", sa.String(40), nullable=True),
    sa.Column("disposition", sa.String(40), nullable=True),
    sa.Column("note", SealedText("pops.note", long=True), nullable=True),
    #: What is asked of the agent after the call, as the desktop got it.
    sa.Column("wrapup", SealedJson("pops.wrapup", none_as_null=True), nullable=True),
    #: Since when this agent has the recording of the call paused.
    sa.Column("paused_at", UtcDateTime, nullable=True),
    #: One agent's calls, a page at a time.
    sa.Index("ix_pops_agent_offered_at", "agent", "offered_at", "pop_id"),
)

#: What a search in an agent's own calls looks through. Apart from the pops, whose contents are
#: large, and in SQLite in the order of its key: one agent's words lie side by side.
pop_words = sa.Table(
    "pop_words",
    metadata,
    sa.Column("agent", sa.String(40), primary_key=True),
    sa.Column("offered_at", UtcDateTime, primary_key=True),
    sa.Column("pop_id", sa.String(40), primary_key=True),
    #: Folded, see `call_words`.
    sa.Column("words", SealedWords(), nullable=False),
    sqlite_with_rowid=False,
)

pop_deliveries = sa.Table(
    "pop_deliveries",
    metadata,
    sa.Column("agent", sa.String(40), primary_key=True),
    #: Counts up for each agent, across restarts too.
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("pop_id", sa.String(40), nullable=False, index=True),
    sa.Column("call_id", sa.String(120), nullable=False, index=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("payload", SealedJson("pop_deliveries.payload"), nullable=False),
    #: When the event happened that this frame tells of.
    sa.Column("event_at", UtcDateTime, nullable=False),
    sa.Column("sent_at", UtcDateTime, nullable=False),
    #: Live desktops it was handed to at that moment; 0 means it waited for a reconnect.
    sa.Column("sockets", sa.Integer, nullable=False),
    #: Where no desktop was there: whether the agent had a log-in, or a program of theirs a token.
    sa.Column("logged_in", sa.Boolean, nullable=True),
    sa.Column("acked_at", UtcDateTime, nullable=True),
    #: Milliseconds from the event to paint, as the browser measured it.
    sa.Column("rendered_ms", sa.Float, nullable=True),
)
