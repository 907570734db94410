"""Nobody is rung twice who serves queues of two Asterisks."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ami_bridge.pauses import ELSEWHERE, Pauses
from calls import events
from calls.call import CallId, CallOutcome
from calls.errors import Unavailable
from tests.fakes.desk_server import QueueControlTwin

pytestmark = pytest.mark.unit

AT = datetime(2026, 3, 1, tzinfo=UTC)
ANNA, BEN = "PJSIP/anna", "PJSIP/ben"
#: Anna's other phone.
DESK = "PJSIP/201"
HQ, BRANCH = CallId("hq", "1.7"), CallId("branch", "1.7")


class House:
    def __init__(self) -> None:
        self.hq, self.branch = QueueControlTwin(), QueueControlTwin()
        logins = {ANNA: "anna", DESK: "anna", BEN: "ben"}
        controls = {"hq": self.hq, "branch": self.branch}
        self.pauses = Pauses(controls, login_of=logins.get)

    async def wish(self, interface: str, reason: str = "") -> None:
        await self.pauses.set_paused(interface, paused=bool(reason), reason=reason)

    async def tell(self, *told: events.CallEvent) -> None:
        for event in told:
            await self.pauses.handle(event)

    def told(self) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """Since the last time: interface and reason, at each Asterisk."""
        heard = [[(each[0], each[2]) for each in one.told] for one in (self.hq, self.branch)]
        self.hq.told.clear()
        self.branch.told.clear()
        return heard[0], heard[1]


async def test_what_an_agent_chose_is_told_to_each() -> None:
    house = House()
    await house.wish(ANNA, "lunch")
    assert house.told() == ([(ANNA, "lunch")], [(ANNA, "lunch")])
    await house.wish(ANNA)
    assert house.told() == ([(ANNA, "")], [(ANNA, "")])


async def test_who_is_rung_or_talks_at_one_is_paused_at_the_other_with_all_phones() -> None:
    house = House()
    await house.wish(ANNA)
    await house.wish(DESK)
    await house.wish(BEN)
    house.told()
    await house.tell(events.AgentRinging(HQ, AT, "sales", ANNA))
    assert house.told() == ([], [(ANNA, ELSEWHERE), (DESK, ELSEWHERE)])
    await house.tell(events.AgentAnswered(HQ, AT, "sales", ANNA))
    assert house.told() == ([], []), "nothing has changed"
    await house.tell(events.AgentReleased(HQ, AT, "sales", ANNA))
    assert house.told() == ([], [(ANNA, ""), (DESK, "")])


async def test_equal_unique_ids_are_two_calls() -> None:
    house = House()
    await house.wish(ANNA)
    house.told()
    await house.tell(
        events.AgentRinging(HQ, AT, "sales", ANNA), events.AgentRinging(BRANCH, AT, "sales", ANNA)
    )
    assert house.told() == ([(ANNA, ELSEWHERE)], [(ANNA, ELSEWHERE)])
    await house.tell(events.CallEnded(BRANCH, AT, CallOutcome.ABANDONED_IN_QUEUE))
    assert house.told() == ([(ANNA, "")], [])


async def test_whoever_was_not_quick_enough_is_free_again() -> None:
    house = House()
    await house.wish(ANNA)
    await house.wish(BEN)
    house.told()
    await house.tell(
        events.AgentRinging(HQ, AT, "sales", ANNA),
        events.AgentRinging(HQ, AT, "sales", BEN),
        events.AgentAnswered(HQ, AT, "sales", BEN),
    )
    assert house.told() == ([], [(ANNA, ELSEWHERE), (BEN, ELSEWHERE), (ANNA, "")])


async def test_a_pause_of_the_agents_own_outlasts_the_call() -> None:
    house = House()
    await house.wish(ANNA)
    await house.tell(events.AgentAnswered(HQ, AT, "sales", ANNA))
    await house.wish(ANNA, "wrap_up")
    house.told()
    await house.tell(events.AgentReleased(HQ, AT, "sales", ANNA))
    assert house.told() == ([], [])


async def test_agents_who_never_chose_at_a_desktop_are_left_alone() -> None:
    house = House()
    await house.tell(events.AgentRinging(HQ, AT, "sales", ANNA))
    assert house.told() == ([], [])


async def test_one_that_is_away_keeps_nothing_from_the_other() -> None:
    house = House()
    house.branch.away = True
    with pytest.raises(Unavailable):
        await house.wish(ANNA, "lunch")
    assert house.told() == ([(ANNA, "lunch")], [])
    house.branch.away = False
    await house.wish(ANNA)
    house.branch.away = True
    await house.tell(events.AgentAnswered(HQ, AT, "sales", ANNA))
    house.branch.away = False
    house.told()
    # What it was not told, it is told with the next news.
    await house.tell(events.AgentRinging(CallId("hq", "1.8"), AT, "sales", ANNA))
    assert house.told() == ([], [(ANNA, ELSEWHERE)])
