"""What of a centre one process does."""

from __future__ import annotations

import enum


class Part(enum.StrEnum):
    ALL = "all"
    CALLS = "calls"
    DESK = "desk"
