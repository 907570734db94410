"""Keep what of ours raised in a dialog"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("calls", sa.Column("failure", sa.String(length=80), nullable=True))


def downgrade() -> None:
    op.drop_column("calls", "failure")
