"""Who is ready for a call, as the supervisor page counts: nobody whose phone cannot ring."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from ami_bridge.ami_events import MemberSeen
from calls.agents import Agent, AgentState
from screenpop.desk.protocol import AgentStatus
from supervisor.console.board import Board, QueueRow
from supervisor.console.board_made import Sources, board_of
from supervisor.console.live_calls import LiveCalls
from tests.fakes.ringing_call import RingingCall, now

pytestmark = pytest.mark.unit

ANNA = Agent("anna", "Anna", ("PJSIP/anna",), ("support",), softphone=True)
BEN = Agent("ben", "Ben", ("Local/12@agents", "PJSIP/12"), ("support",))
CHEN = Agent("chen", "Chen", ("PJSIP/chen",), ("support",))


def member(interface: str, state_interface: str = "", **more: bool) -> MemberSeen:
    return MemberSeen("", "", interface, state_interface or interface, "support", **more)


async def board(
    members: Collection[MemberSeen] | None,
    *,
    phones: Collection[str] = (),
    states: Mapping[str, AgentState] | None = None,
    call: RingingCall | None = None,
) -> Board:
    calls = LiveCalls()
    if call is not None:
        for event in (call.arrived(), call.queued(), call.answered("PJSIP/chen")):
            await calls.handle(event)
    chosen = states or {}
    parts: Any = SimpleNamespace
    return board_of(
        Sources(
            calls=calls,
            figures=parts(queues={}, pops=None, at=None),
            agents=parts(everybody=lambda: [ANNA, BEN, CHEN], login_of=lambda interface: None),
            status_of=lambda login: AgentStatus(state=chosen.get(login, AgentState.AVAILABLE)),
            desktops_of=lambda login: 1,
            phone_open=lambda login: login in phones,
            members=lambda: members,
            places=parts(place_of=lambda call_id: None),
            parts=dict,
            rulebook_version=lambda: "v1",
            rulebooks=parts(is_folder_good=True),
            mask=str,
            now=now,
            service_level_s=20.0,
        )
    )


def counts(board: Board) -> tuple[int, int, int, int]:
    [queue] = board.queues
    return _counts(queue)


def _counts(queue: QueueRow) -> tuple[int, int, int, int]:
    return queue.ready, queue.paused, queue.busy, queue.unreachable


def reachable(board: Board) -> dict[str, bool | None]:
    return {agent.login: agent.reachable for agent in board.agents}


async def test_a_member_whose_phone_is_not_registered_is_not_ready() -> None:
    shown = await board(
        [
            member("PJSIP/anna", reachable=False),
            member("Local/12@agents", "PJSIP/12"),
            member("PJSIP/chen"),
        ]
    )
    assert counts(shown) == (2, 0, 0, 1)
    assert reachable(shown) == {"anna": False, "ben": True, "chen": True}


async def test_who_is_paused_or_talks_is_counted_as_that() -> None:
    shown = await board(
        [
            member("PJSIP/anna", reachable=False, paused=True),
            member("Local/12@agents", "PJSIP/12", reachable=False),
            member("PJSIP/chen", reachable=False),
        ],
        call=RingingCall(),
    )
    assert counts(shown) == (0, 1, 1, 1)
    assert reachable(shown)["ben"] is False


async def test_while_asterisk_is_not_heard_a_softphone_without_a_page_is_not_ready() -> None:
    shown = await board(None, states={"chen": AgentState.NOT_READY})
    assert counts(shown) == (1, 1, 0, 1)
    # Nobody says anything of a phone on a desk.
    assert reachable(shown) == {"anna": False, "ben": None, "chen": None}
    shown = await board(None, phones={"anna"})
    assert counts(shown) == (3, 0, 0, 0)
    assert reachable(shown)["anna"] is None


async def test_one_phone_of_several_is_enough() -> None:
    shown = await board(
        [member("Local/12@agents", "PJSIP/12"), member("PJSIP/12", reachable=False)]
    )
    assert reachable(shown)["ben"] is True
