"""Audit rows of log-ins by names that nobody has: whoever guesses must not fill the database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from storage.audit_chain import Entry

#: Rows of one address in one minute; the others are one more row, with their count.
MOST = 5
MINUTE_S = 60.0
#: Addresses told apart at once; those beyond share a minute.
MOST_ADDRESSES = 1_000
OTHERS = "(others)"


@dataclass(slots=True)
class _Minute:
    told: int = 0
    left_out: int = 0


class NotesOfNobody:
    def __init__(self, note: Callable[[Entry], None], *, minute_s: float = MINUTE_S) -> None:
        self._note = note
        self._minute_s = minute_s
        self._minutes: dict[str, _Minute] = {}

    def note(self, entry: Entry, address: str) -> None:
        """`address`: as it is counted; the entry tells it exactly."""
        if address not in self._minutes and len(self._minutes) >= MOST_ADDRESSES:
            address = OTHERS
        minute = self._minutes.get(address)
        if minute is None:
            minute = self._minutes[address] = _Minute()
            loop = asyncio.get_running_loop()
            loop.call_later(self._minute_s, self._over, address, entry)
        if minute.told < MOST:
            minute.told += 1
            self._note(entry)
        else:
            minute.left_out += 1

    def _over(self, address: str, first: Entry) -> None:
        minute = self._minutes.pop(address)
        if minute.left_out:
            self._note(
                Entry(
                    action=first.action,
                    result=first.result,
                    actor=first.actor,
                    origin=address,
                    details={"left_out": minute.left_out},
                )
            )
