"""What numbers outside have cost on the day that was counted last: one row, or none yet."""

from __future__ import annotations

import sqlalchemy as sa

from storage.tables import metadata

dialling_costs = sa.Table(
    "dialling_costs",
    metadata,
    #: By the clock on the server's wall.
    sa.Column("day", sa.Date, primary_key=True),
    #: In the currency of `dialling.prices`, calls under way by their length so far.
    sa.Column("cost", sa.Float(53), nullable=False),
)
