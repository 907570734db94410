"""Keep what agents' calls are found by"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

#: A search looks no further back.
_SEARCHED = timedelta(days=90)
_ROWS = 500
_pops = sa.table(
    "pops",
    sa.column("agent", sa.String),
    sa.column("offered_at", sa.DateTime(timezone=True)),
    sa.column("pop_id", sa.String),
    sa.column("payload", sa.JSON),
    sa.column("close_reason", sa.String),
    sa.column("disposition", sa.String),
    sa.column("note", sa.Text),
)


def upgrade() -> None:
    words = op.create_table(
        "pop_words",
        sa.Column("agent", sa.String(length=40), nullable=False),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pop_id", sa.String(length=40), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("agent", "offered_at", "pop_id", name=op.f("pk_pop_words")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("pops", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pops_agent"))
        batch_op.create_index(
            "ix_pops_agent_offered_at", ["agent", "offered_at", "pop_id"], unique=False
        )
    _fill(words)


def _fill(words: sa.Table) -> None:
    """From the pops of the days that a search looks at."""
    at, pop_id = _pops.c.offered_at, _pops.c.pop_id
    last, last_id = datetime.now(UTC) - _SEARCHED, ""
    while True:
        question = (
            sa.select(_pops)
            .where(at >= last, sa.or_(at > last, pop_id > last_id))
            .order_by(at, pop_id)
            .limit(_ROWS)
        )
        rows = op.get_bind().execute(question).all()
        shown = [row for row in rows if row.close_reason != "not_shown"]
        if shown:
            op.bulk_insert(words, [_row(row) for row in shown])
        if len(rows) < _ROWS:
            return
        last, last_id = rows[-1].offered_at, rows[-1].pop_id


def _row(row: Any) -> dict[str, Any]:
    shown: dict[str, Any] = row.payload or {}
    call, contact = shown.get("call") or {}, shown.get("contact")
    match = shown.get("match") or {}
    selected = match.get("selected")
    candidates = match.get("candidates") or []
    chosen = [one for one in candidates if selected in (None, one.get("ref"))]
    number = call.get("number") or ""
    parts = [number, re.sub(r"[^0-9]", "", number), call.get("network_name")]
    people = [contact] if contact else chosen
    parts += [person.get(key) for person in people for key in ("name", "company")]
    parts.append((shown.get("lead") or {}).get("name"))
    for code in (call.get("queue"), row.disposition):
        parts += [code, re.sub(r"[_-]+", " ", code or "")]
    parts.append(row.note)
    words = "\n".join(_folded(part) for part in parts if part)[:4000]
    return {
        "agent": row.agent,
        "offered_at": row.offered_at,
        "pop_id": row.pop_id,
        "words": words,
    }


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in plain if not unicodedata.combining(letter)).casefold()


def downgrade() -> None:
    with op.batch_alter_table("pops", schema=None) as batch_op:
        batch_op.drop_index("ix_pops_agent_offered_at")
        batch_op.create_index(batch_op.f("ix_pops_agent"), ["agent"], unique=False)

    op.drop_table("pop_words")
