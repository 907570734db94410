"""Callers of the fallback are named all the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from calls.bus import EventBus
from calls.call import Call, Direction
from calls.caller import Caller, Contact, ContactRef
from calls.events import CallArrived, CallerIdentified
from config.settings import CrmSettings
from crm_adapter.late_identity import LateIdentifier
from tests.fakes.crm_rows import NOW, call_from
from tests.fakes.in_memory_directory import InMemoryDirectory

pytestmark = pytest.mark.unit

MARIA = "+12025550101"
CALL = call_from(MARIA)


@pytest.fixture
def directory() -> InMemoryDirectory:
    return InMemoryDirectory({MARIA: [Contact(ContactRef("embedded", "C-1"), "Maria", "Garcia")]})


@pytest.fixture
async def bus(directory: InMemoryDirectory) -> AsyncIterator[EventBus]:
    bus = EventBus()
    LateIdentifier(bus=bus, directory=directory, settings=CrmSettings()).subscribe()
    async with bus:
        yield bus


@pytest.fixture
async def heard(bus: EventBus) -> list[CallerIdentified]:
    events: list[CallerIdentified] = []

    async def hear(event: CallerIdentified) -> None:
        if event.late:
            events.append(event)

    bus.subscribe("test", hear, CallerIdentified)
    return events


async def test_a_call_the_fallback_took_is_identified(
    bus: EventBus, heard: list[CallerIdentified]
) -> None:
    bus.publish(CallArrived(CALL.id, NOW, CALL, fallback=True))
    await bus.drain()
    [event] = heard
    assert event.call_id == CALL.id
    assert event.caller.contact is not None
    assert event.caller.contact.name == "Maria Garcia"


async def test_a_call_with_a_dialog_is_left_to_it(
    bus: EventBus, heard: list[CallerIdentified], directory: InMemoryDirectory
) -> None:
    bus.publish(CallArrived(CALL.id, NOW, CALL))
    await bus.drain()
    assert heard == []
    assert directory.asked == []


async def test_whom_an_agent_calls_is_identified(
    bus: EventBus,
    heard: list[CallerIdentified],
    directory: InMemoryDirectory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The number dialled is theirs and not ours; calls in the house are nobody's."""
    called = replace(CALL, direction=Direction.OUTBOUND, dialled=MARIA)
    numberless = replace(called, from_raw="", dialled="9042")
    inside = replace(called, direction=Direction.INTERNAL)
    real, asked = directory.identify, []

    async def identify(call: Call, **rest: Any) -> Caller:
        asked.append(call)
        return await real(call, **rest)

    monkeypatch.setattr(directory, "identify", identify)
    for call in (called, numberless, inside):
        bus.publish(CallArrived(call.id, NOW, call))
    await bus.drain()
    [event] = heard
    assert event.caller.contact is not None
    assert [call.dialled for call in asked] == [""]
