"""Not enough to learn from: said in numbers, with what happens instead."""

from __future__ import annotations

from calls.errors import SwitchboardError


class TooLittle(SwitchboardError):
    """The message says what there is, and what it would take."""
