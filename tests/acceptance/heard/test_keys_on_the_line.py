"""Keys on the real Asterisk: typed ahead through three menus, into a question, and a message left
by ringing off."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from calls.call import CallOutcome
from switchboard.demo.centre import DemoCentre
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape, Press
from tests.acceptance.example_centre import kept_rulebook
from tests.acceptance.ledger import Ledger
from tests.acceptance.load import assert_all_served, numbers, queue_visits, strangers

pytestmark = pytest.mark.acceptance

RULEBOOK = """
numbers: {default: {menu: one, language: en}}
menus:
  one:
    greeting: "Welcome to the first menu, which has a very long greeting that nobody needs to hear."
    options:
      - {intent: first, say: For nothing, do: {queue: support}}
      - {intent: on, say: To go on, do: {menu: two}}
      - intent: pieces
        say: To tell us how many
        do: {collect: pieces, say: "Please type how many, and then the hash key.", digits: [1, 6],
             invalid: "That is too many.", then: {menu: two}}
      - intent: message
        say: To leave a message
        do: {record: message, say: "Please speak after the tone.", queue: support}
  two:
    greeting: "Welcome to the second menu, whose greeting is not any shorter than the first one's."
    options:
      - {intent: first, say: For nothing, do: {queue: support}}
      - {intent: on, say: To go on, do: {menu: three}}
  three:
    greeting: "Welcome to the third menu."
    options:
      - {intent: sales, say: To order something, do: {queue: sales}}
"""


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[DemoCentre]:
    async with DemoCentre(
        folder=tmp_path,
        agents=1,
        phone=PhoneShape(ring_ms=None),
        desktops=False,
        overrides={"rulebook": {"path": kept_rulebook(tmp_path, RULEBOOK)}},
    ) as centre:
        yield centre


def keys(first_ms: int, digits: str, every_ms: int = 120) -> tuple[Press, ...]:
    return tuple(
        Press(every_ms if number else first_ms, digit) for number, digit in enumerate(digits)
    )


async def called(centre: DemoCentre, shape: CallerShape) -> Any:
    """The call's row, once everything of it is written."""
    [scripted] = strangers(shape, 1)
    assert_all_served(await centre.callers.run([scripted], deadline_s=60), 1)
    async with Ledger(centre.storage_url) as ledger:
        entries = await ledger.balanced(numbers(1), deadline_s=30)
    [entry] = entries.values()
    return entry.call


def way(call: Any) -> list[tuple[str, str]]:
    return [(step["menu"], step["digits"]) for step in call.menu_path]


async def test_keys_typed_ahead_pass_through_three_menus(centre: DemoCentre) -> None:
    shape = CallerShape(presses=keys(200, "221"), hang_up_after_ms=6000)
    call = await called(centre, shape)
    assert way(call) == [("one", "2"), ("two", "2"), ("three", "1")]
    assert [visit.queue for visit in queue_visits(centre.pbx)] == ["sales"]


async def test_keys_typed_ahead_answer_a_question_and_the_menu_after_it(
    centre: DemoCentre,
) -> None:
    shape = CallerShape(presses=keys(200, "3471#21"), hang_up_after_ms=6000)
    call = await called(centre, shape)
    assert way(call) == [("one", "3"), ("two", "2"), ("three", "1")]
    assert call.typed == {"pieces": "471"}
    assert call.queue == "sales"


async def test_who_rings_off_after_speaking_has_left_a_message(centre: DemoCentre) -> None:
    shape = CallerShape(presses=keys(300, "4"), hang_up_after_ms=7000)
    call = await called(centre, shape)
    assert way(call) == [("one", "4")]
    [recording] = call.recordings
    assert recording["what"] == "message"
    assert recording["seconds"] >= 1.0
    assert call.outcome == CallOutcome.ABANDONED_IN_MENU.value
