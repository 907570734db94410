"""Keep which Asterisk a queue member is at"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_TABLE = "queue_memberships"
_KEPT = sa.table(
    _TABLE,
    sa.column("system", sa.String),
    sa.column("queue", sa.String),
    sa.column("interface", sa.String),
    sa.column("login", sa.String),
    sa.column("added_at", sa.DateTime(timezone=True)),
)
_CALLS = sa.table("calls", sa.column("system", sa.String), sa.column("arrived_at"))


def upgrade() -> None:
    """The key changes, which SQLite cannot: so the table is made anew, with its few rows."""
    rows = _rows("queue", "interface", "login", "added_at")
    # There was one Asterisk: the newest call tells its name.
    newest = sa.select(_CALLS.c.system).order_by(_CALLS.c.arrived_at.desc()).limit(1)
    system = op.get_bind().scalar(newest) or "pbx"
    op.drop_table(_TABLE)
    op.create_table(
        _TABLE,
        # A process of the version before writes rows without it.
        sa.Column("system", sa.String(length=40), server_default="pbx", nullable=False),
        *_columns(),
        sa.PrimaryKeyConstraint("system", "queue", "interface", name=op.f("pk_queue_memberships")),
    )
    op.bulk_insert(_KEPT, [{"system": system, **row} for row in rows])


def downgrade() -> None:
    rows = {(row["queue"], row["interface"]): row for row in _rows(*_KEPT.c.keys()[1:])}
    op.drop_table(_TABLE)
    op.create_table(
        _TABLE,
        *_columns(),
        sa.PrimaryKeyConstraint("queue", "interface", name=op.f("pk_queue_memberships")),
    )
    op.bulk_insert(_KEPT, list(rows.values()))


def _rows(*names: str) -> list[dict[str, object]]:
    query = sa.select(*(_KEPT.c[name] for name in names))
    return [dict(row) for row in op.get_bind().execute(query).mappings()]


def _columns() -> list[sa.Column[object]]:
    return [
        sa.Column("queue", sa.String(length=40), nullable=False),
        sa.Column("interface", sa.String(length=120), nullable=False),
        sa.Column("login", sa.String(length=40), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
    ]
