"""Where agents' second factors are kept."""

from __future__ import annotations

import sqlalchemy as sa

from storage.tables import UtcDateTime, metadata

second_factors = sa.Table(
    "second_factors",
    metadata,
    sa.Column(
        "login",
        sa.String(40),
        sa.ForeignKey("agents.login", ondelete="CASCADE"),
        primary_key=True,
    ),
    #: Base32, in plain, as codes are computed from it. NULL: left out of a backup; then recovery
    #: codes alone are good.
    sa.Column("secret", sa.String(64), nullable=True),
    sa.Column("enrolled_at", UtcDateTime, nullable=False),
    #: Of the newest code that was used; it and older ones are good no more.
    sa.Column("last_step", sa.BigInteger, nullable=False),
)

recovery_codes = sa.Table(
    "recovery_codes",
    metadata,
    sa.Column(
        "login",
        sa.String(40),
        sa.ForeignKey("agents.login", ondelete="CASCADE"),
        primary_key=True,
    ),
    #: What the code begins with, by which it is found; the rest is hashed as passwords are.
    sa.Column("mark", sa.String(4), primary_key=True),
    sa.Column("code_hash", sa.String(200), nullable=False),
)
