"""Guessed log-ins leave so many rows an address and minute, and one that counts the rest."""

from __future__ import annotations

import pytest

from screenpop.agents.notes_of_nobody import MOST, MOST_ADDRESSES, OTHERS, NotesOfNobody
from storage.audit_chain import Entry
from tests.waiting import wait_until

pytestmark = pytest.mark.unit


def refused(address: str) -> Entry:
    return Entry(
        action="log_in",
        result="refused",
        actor="(nobody)",
        origin=address,
        details={"why": "password"},
    )


async def test_of_many_from_one_address_the_rest_are_one_row() -> None:
    rows: list[Entry] = []
    notes = NotesOfNobody(rows.append, minute_s=0.05)
    for _ in range(MOST + 7):
        notes.note(refused("192.0.2.8"), "192.0.2.8")
    notes.note(refused("192.0.2.9"), "192.0.2.9")
    assert [row.origin for row in rows] == ["192.0.2.8"] * MOST + ["192.0.2.9"]
    await wait_until(lambda: len(rows) == MOST + 2)
    last = rows[-1]
    assert (last.actor, last.result, last.origin) == ("(nobody)", "refused", "192.0.2.8")
    assert last.details == {"left_out": 7}
    # Another minute.
    notes.note(refused("192.0.2.8"), "192.0.2.8")
    assert rows[-1].details == {"why": "password"}


async def test_ever_new_addresses_share_one_minute() -> None:
    rows: list[Entry] = []
    notes = NotesOfNobody(rows.append, minute_s=0.2)
    for number in range(MOST_ADDRESSES + 500):
        notes.note(refused("2001:db8::7"), f"2001:db8:{number:x}::/64")
    assert len(rows) == MOST_ADDRESSES + MOST
    await wait_until(lambda: rows[-1].origin == OTHERS)
    assert rows[-1].details == {"left_out": 500 - MOST}
