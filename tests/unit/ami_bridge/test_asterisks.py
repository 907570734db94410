"""What is about a call goes to the Asterisk that has it, and to no other."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ami_bridge.ami_events import MemberSeen, QueueJoined
from ami_bridge.asterisks import (
    Asterisks,
    ExitsWhereTheyWait,
    RecordingsWhereTheyAre,
    TransfersWhereTheyTalk,
)
from ami_bridge.bridge import AmiBridge
from calls.bus import EventBus
from calls.call import CallId, CallOutcome
from calls.errors import Unavailable
from calls.events import CallbackRequested, CallEnded
from calls.ports import QueuePlace, TransferTarget
from config.settings import AmiSettings
from tests.fakes.call_channel import A_CALL
from tests.fakes.call_journal import MemoryJournal
from tests.fakes.line_recordings import FakeRecordings
from tests.fakes.queue_state import FakeExits

pytestmark = pytest.mark.unit

HQ, BRANCH, ELSEWHERE = (CallId(name, "1.7") for name in ("hq", "branch", "elsewhere"))
ANNA = "PJSIP/anna"


class SeenTransfers:
    def __init__(self) -> None:
        self.given: list[CallId] = []

    async def give(self, call_id: CallId, interface: str, target: TransferTarget) -> None:
        self.given.append(call_id)


@pytest.fixture
def bus() -> EventBus:
    return EventBus()


@pytest.fixture
def both(bus: EventBus) -> Asterisks:
    journal = MemoryJournal(bus)
    bridges = [
        AmiBridge(settings=AmiSettings(system=system), journal=journal, bus=bus)
        for system in ("hq", "branch")
    ]
    return Asterisks(bridges, login_of=lambda _: None)


def test_a_dialog_is_told_to_its_own_asterisk(both: Asterisks) -> None:
    both.dialog_started(BRANCH)
    both.dialog_started(ELSEWHERE)
    lives = {system: set(b.tracker.calls) for system, b in both.by_system.items()}
    assert lives == {"hq": set(), "branch": {"1.7"}}
    both.dialog_started(HQ)
    both.dialog_ended(HQ, hung_up=False, queued=False)
    lives = {system: set(b.tracker.calls) for system, b in both.by_system.items()}
    assert lives == {"hq": set(), "branch": {"1.7"}}


async def test_a_call_back_is_asked_for_by_one_of_two_with_equal_ids(
    both: Asterisks, bus: EventBus
) -> None:
    both.dialog_started(HQ)
    both.dialog_started(BRANCH)
    async with bus:
        bus.publish(CallbackRequested(BRANCH, datetime.now(UTC), number="+12025550150", queue="q"))
        await bus.drain()
    wished = {s: b.tracker.calls["1.7"].callback_requested for s, b in both.by_system.items()}
    assert wished == {"hq": False, "branch": True}


async def test_a_call_that_ends_is_not_recorded_again(both: Asterisks, bus: EventBus) -> None:
    """Where the AMI is away nobody else tells of it."""
    line = both.by_system["hq"].recordings
    async with bus:
        both.recordings.unmute(replace(A_CALL, id=HQ), "dialog")
        assert line.waiting == 1
        bus.publish(CallEnded(HQ, datetime.now(UTC), CallOutcome.ABANDONED_IN_MENU))
        await bus.drain()
    assert line.waiting == 0


def test_a_place_is_that_in_its_own_asterisks_queue(both: Asterisks) -> None:
    for system, others in (("hq", 0), ("branch", 2)):
        places = both.by_system[system].places
        places.replace((), lambda _: None)
        for number in range(others + 1):
            uid = f"1.{7 - others + number}"
            places.apply(QueueJoined(uid, uid, "sales", "PJSIP/t", "", "", position=number + 1))
    assert both.place_of(HQ) == QueuePlace(1)
    assert both.place_of(BRANCH) == QueuePlace(3)
    assert both.place_of(ELSEWHERE) is None


def test_a_member_is_found_at_whichever_has_it_rather_a_paused_one(both: Asterisks) -> None:
    assert both.find(ANNA, "sales") is None
    assert both.members() is None, "neither is heard"
    hq, branch = (bridge.members for bridge in both.bridges)
    hq.apply(MemberSeen("", "", ANNA, ANNA, "support", "Anna", paused=True))
    branch.apply(MemberSeen("", "", ANNA, ANNA, "sales", "Anna"))
    found = both.find(ANNA, "sales")
    assert found is not None
    assert (found.queue, found.paused) == ("sales", False)
    hq.apply(MemberSeen("", "", ANNA, ANNA, "sales", "Anna", paused=True))
    found = both.find(ANNA, "sales")
    assert found is not None
    assert found.paused


async def test_a_transfer_and_a_key_go_to_where_the_call_is() -> None:
    hq, branch = SeenTransfers(), SeenTransfers()
    transfers = TransfersWhereTheyTalk({"hq": hq, "branch": branch})  # type: ignore[dict-item]
    await transfers.give(BRANCH, ANNA, TransferTarget("ben"))
    assert (hq.given, branch.given) == ([], [BRANCH])
    with pytest.raises(Unavailable, match="elsewhere"):
        await transfers.give(ELSEWHERE, ANNA, TransferTarget("ben"))

    lines = {"hq": FakeRecordings(), "branch": FakeRecordings()}
    recordings = RecordingsWhereTheyAre(lines)
    await recordings.mute(replace(A_CALL, id=HQ), "dialog")
    recordings.unmute(replace(A_CALL, id=HQ), "dialog")
    await recordings.unmuted(HQ)
    await recordings.stop(replace(A_CALL, id=HQ))
    assert (lines["hq"].asked, lines["branch"].asked) == (["mute", "unmute", "stop"], [])
    with pytest.raises(Unavailable):
        await recordings.mute(replace(A_CALL, id=ELSEWHERE), "agent")
    with pytest.raises(Unavailable):
        await recordings.stop(replace(A_CALL, id=ELSEWHERE))
    recordings.unmute(replace(A_CALL, id=ELSEWHERE), "agent")
    await recordings.unmuted(ELSEWHERE)

    waits = {"hq": FakeExits(), "branch": FakeExits()}
    exits = ExitsWhereTheyWait(waits)
    await exits.allow_exit(HQ)
    assert (waits["hq"].allowed, waits["branch"].allowed) == ({HQ}, set())
    assert exits.place_given_up(ELSEWHERE) is None
    with pytest.raises(Unavailable):
        await exits.allow_exit(ELSEWHERE)
