"""The moment of a call by the clock of the number dialled: one way for calls and for training."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from calls.call_moment import CallMoment
from config.rulebook import Rulebook

#: Called with the number dialled, when the call arrived (aware), and the caller's area.
MomentOf = Callable[[str, datetime, str], CallMoment]


def call_moment(rulebook: Rulebook, dialled: str, arrived_at: datetime, area: str) -> CallMoment:
    """By the `timezone` of the rulebook's entry, else by the server's, as its rules."""
    zone = rulebook.number_for(dialled).timezone
    return CallMoment(arrived_at.astimezone(zone), dialled, area)


def servers_moment(dialled: str, arrived_at: datetime, area: str) -> CallMoment:
    """Where no rulebook can be read."""
    return CallMoment(arrived_at.astimezone(), dialled, area)
