"""What agents do apart from what they chose: wrap-ups that end, calls missed, what comes next."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from calls import events
from calls.agents import AgentState
from config.agent_settings import AgentSettings, QueueWrapUp
from storage.database import Database
from switchboard.demo.desktop_client import DesktopClient
from tests.fakes.desk_server import ANNA, BEN, DeskServer, add_agents, desk_server
from tests.fakes.ringing_call import RingingCall, now, stranger, victoria
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

A, B = ANNA.interfaces[0], BEN.interfaces[0]
TIMED = AgentSettings(wrapup="timed", wrapup_limit_s=60, wrapup_extensions=1, wrapup_code="other")
MANDATORY = AgentSettings(wrapup="mandatory")


class Clock:
    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return now() + self.ahead

    def go_on(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)


@pytest.fixture
async def agents(database: Database) -> Database:
    await add_agents(database)
    return database


@pytest.fixture
def noon() -> Iterator[None]:
    """It is about noon here, whatever the hour: days do not turn during the test."""
    west = now().hour - 12
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", f"HERE{west:+d}")
        time.tzset()
        yield
    time.tzset()


async def activity(anna: DesktopClient, wanted: str, **more: Any) -> None:
    def reached() -> bool:
        return all(
            anna.status.get(name) == value for name, value in {"activity": wanted, **more}.items()
        )

    await anna.wait_for(reached)


async def wrapped_up(server: DeskServer, call: RingingCall, queue: str = "support") -> str:
    """The id of Anna's pop of a call that she answered and that is over."""
    await server.publish(
        call.arrived(),
        call.identified(victoria()),
        call.queued(queue),
        call.ringing(A, queue),
        call.answered(A, queue),
        call.released(A),
        call.ended(),
    )
    return server.desk.pops.snapshot("anna")[-1].pop_id


def codes(server: DeskServer) -> list[tuple[str, str]]:
    told: list[tuple[str, str]] = []

    async def keep(event: events.WrapUpDone) -> None:
        told.append((event.disposition, event.note))

    server.bus.subscribe("test", keep, events.WrapUpDone)
    return told


def last_told(server: DeskServer) -> Callable[[], tuple[str, bool, str] | None]:
    return lambda: server.queue_control.told[-1] if server.queue_control.told else None


async def test_what_an_agent_is_doing_follows_their_calls(agents: Database) -> None:
    async with desk_server(agents) as server, server.client() as anna:
        await anna.set_state("available")
        await activity(anna, "idle")
        call, other = RingingCall(), RingingCall()
        await server.publish(*call.until_ringing(victoria(), A))
        await activity(anna, "ringing", state="available")
        answered = call.answered(A)
        await server.publish(answered)
        await activity(anna, "on_call", activity_since=answered.at.timestamp() * 1000)
        held = call.held(A)
        await server.publish(held, call.held(B))
        await activity(anna, "hold", activity_since=held.at.timestamp() * 1000)
        await server.publish(call.held(A, on=False))
        await activity(anna, "on_call")
        await server.publish(call.held(A), call.released(A))
        await activity(anna, "wrapup", state="available")
        # An optional one lets calls through.
        await server.publish(*other.until_ringing(stranger(), A))
        await activity(anna, "ringing")
        await server.publish(other.ended())
        await activity(anna, "wrapup")
        await anna.send({"kind": "wrapup.skip", "pop_id": next(iter(anna.pops))})
        await activity(anna, "idle", misses=0)
        assert last_told(server)() == (A, False, "")


async def test_a_call_that_rings_in_vain_makes_the_agent_not_ready(agents: Database) -> None:
    async with desk_server(agents) as server, server.client() as anna:
        await anna.set_state("available")
        for count in (1, 2):
            call = RingingCall()
            await server.publish(*call.until_ringing(victoria(), A), call.missed(A))
            await activity(anna, "missed", state="not_ready", reason="missed_call", misses=count)
            await wait_until(lambda: last_told(server)() == (A, True, "missed_call"))
            await anna.set_state("available")
            await wait_until(lambda: last_told(server)() == (A, False, ""))
        await wrapped_up(server, RingingCall())
        await activity(anna, "wrapup", misses=0)


async def test_who_missed_nothing_stays_available(agents: Database) -> None:
    async with desk_server(agents) as server, server.client() as anna, server.client(BEN) as ben:
        # Ben never chose: whatever pauses him is not ours.
        call = RingingCall()
        await server.publish(*call.until_ringing(victoria(), B), call.missed(B))
        await activity(ben, "idle", state="offline", misses=1)
        await anna.set_state("available")
        faster, gone, talk = RingingCall(), RingingCall(), RingingCall()
        await server.publish(
            # As Asterisk tells it: who rings for all stops ringing before the one has answered.
            *faster.until_ringing(victoria(), A, B),
            faster.missed(A, in_vain=False),
            faster.answered(B),
        )
        await anna.wait_frame("pop.close", reason="answered_elsewhere")
        gave_up = gone.missed(A, in_vain=False)
        await server.publish(*gone.until_ringing(victoria(), A), gave_up, gone.ended())
        await anna.wait_frame("pop.close", reason="caller_gone")
        quiet = RingingCall()
        await server.publish(*quiet.until_ringing(victoria(), A), quiet.missed(A, in_vain=False))
        # Nobody says why.
        await anna.wait_frame("pop.close", reason="cancelled")
        await server.publish(quiet.ended())
        assert (server.desk.days.of("anna").missed, anna.status["misses"]) == (0, 0)
        await server.publish(*talk.until_ringing(victoria(), A), talk.answered(A))
        second = RingingCall()
        await server.publish(*second.until_ringing(stranger(), A), second.missed(A))
        await activity(anna, "on_call", state="available")
    async with (
        desk_server(agents, work=AgentSettings(missed_not_ready=False)) as server,
        server.client() as anna,
    ):
        await server.publish(talk.ended())
        call = RingingCall()
        await server.publish(*call.until_ringing(victoria(), A), call.missed(A))
        await anna.wait_for(lambda: anna.status["misses"] == 2)
        assert anna.status["state"] == "available"


async def test_a_wrap_up_that_must_be_done_keeps_calls_away(agents: Database) -> None:
    async with desk_server(agents, work=MANDATORY) as server, server.client() as anna:
        await anna.set_state("available")
        call = RingingCall()
        await server.publish(*call.until_ringing(victoria(), A), call.answered(A))
        # Said while they talk: after the end the next call would be sooner.
        await wait_until(lambda: last_told(server)() == (A, True, "wrap_up"))
        await server.publish(call.released(A), call.ended())
        wrapup = (await anna.wait_frame("pop.wrapup"))["wrapup"]
        assert (wrapup["mode"], wrapup["mandatory"], wrapup["ends_at"]) == ("mandatory", True, None)
        pop_id = next(iter(anna.pops))
        await anna.send({"kind": "wrapup.skip", "pop_id": pop_id})
        assert (await anna.wait_frame("notice"))["code"] == "skip_refused"
        await anna.dispose(pop_id, "sale")
        await wait_until(lambda: last_told(server)() == (A, False, ""))
        await activity(anna, "idle", state="available")


async def test_what_was_chosen_during_a_call_comes_after_its_wrap_up(agents: Database) -> None:
    lunch = {"kind": "state.set", "state": "not_ready", "reason": "lunch"}
    async with desk_server(agents, work=MANDATORY) as server, server.client() as anna:
        await anna.set_state("available")
        call = RingingCall()
        await server.publish(*call.until_ringing(victoria(), A), call.answered(A))
        await anna.send(lunch)
        chosen = {"state": "not_ready", "reason": "lunch"}
        await activity(anna, "on_call", state="available", next=chosen)
        await wait_until(lambda: last_told(server)() == (A, True, "lunch"))
        await anna.send({"kind": "state.set", "state": "available"})
        await activity(anna, "on_call", state="available", next=None)
        await wait_until(lambda: last_told(server)() == (A, True, "wrap_up"))
        await anna.send(lunch)
        await server.publish(call.released(A), call.ended())
        await activity(anna, "wrapup", state="available", next=chosen)
        await anna.dispose(next(iter(anna.pops)), "sale")
        await activity(anna, "idle", state="not_ready", reason="lunch", next=None)
        await wait_until(lambda: last_told(server)() == (A, True, "lunch"))
    async with desk_server(agents) as server:
        assert server.desk.agents.chosen_of("anna").state is AgentState.NOT_READY


async def test_a_timed_wrap_up_ends_by_the_servers_clock(agents: Database) -> None:
    clock = Clock()
    async with (
        desk_server(agents, work=TIMED, clock=clock) as server,
        server.client() as anna,
    ):
        told = codes(server)
        pop_id = await wrapped_up(server, RingingCall())
        asked = (await anna.wait_frame("pop.wrapup"))["wrapup"]
        assert (asked["limit_s"], asked["default_code"], asked["extensions_left"]) == (
            60,
            "other",
            1,
        )
        await anna.note(pop_id, "sends it back")
        await anna.send({"kind": "wrapup.extend", "pop_id": pop_id})
        await anna.wait_for(lambda: anna.pops[pop_id]["wrapup"]["extensions_left"] == 0)
        assert anna.pops[pop_id]["wrapup"]["ends_at"] == asked["ends_at"] + 60_000
        await anna.send({"kind": "wrapup.extend", "pop_id": pop_id})
        assert (await anna.wait_frame("notice"))["code"] == "extend_refused"
        clock.go_on(119)
        server.desk.expire_wrap_ups()
        await server.bus.drain()
        assert told == []
        clock.go_on(2)
        server.desk.expire_wrap_ups()
        await server.bus.drain()
        assert told == [("other", "sends it back")]
        await activity(anna, "idle")
        await wait_until(lambda: last_told(server)() == (A, False, ""))


async def test_a_timed_wrap_up_outlives_the_server(agents: Database) -> None:
    clock = Clock()
    async with desk_server(agents, work=TIMED, clock=clock) as server:
        pop_id = await wrapped_up(server, RingingCall())
        [told] = server.desk.pops.snapshot("anna")
    clock.go_on(30)
    async with desk_server(agents, work=TIMED, clock=clock) as server, server.client() as anna:
        assert told.wrapup is not None
        assert anna.pops[pop_id]["wrapup"] == told.wrapup.model_dump(mode="json")
        await activity(anna, "wrapup")
        await server.publish(events.AmiRestored(now()))
        await wait_until(lambda: last_told(server)() == (A, True, "wrap_up"))
    clock.go_on(31)
    async with desk_server(agents, work=TIMED, clock=clock) as server, server.client() as anna:
        await anna.wait_for(lambda: anna.status["activity"] == "idle")
        [pop] = server.desk.pops.snapshot("anna")
        assert (pop.state, pop.close_reason) == ("closed", "done")


async def test_a_strict_one_goes_on_to_its_end_with_the_code_chosen(agents: Database) -> None:
    strict = QueueWrapUp(mode="timed_strict", limit_s=45)
    clock = Clock()
    async with (
        desk_server(
            agents, work=AgentSettings(wrapup_queues={"billing": strict}), clock=clock
        ) as server,
        server.client() as anna,
    ):
        told = codes(server)
        pop_id = await wrapped_up(server, RingingCall(), "billing")
        asked = (await anna.wait_frame("pop.wrapup"))["wrapup"]
        assert (asked["limit_s"], asked["extensions_left"]) == (45, 0)
        await anna.dispose(pop_id, "sale", "two kettles")
        await anna.wait_for(lambda: anna.pops[pop_id]["wrapup"]["chosen"] == "sale")
        await activity(anna, "wrapup")
        clock.go_on(46)
        server.desk.expire_wrap_ups()
        await server.bus.drain()
        assert told == [("sale", "two kettles")]
        # Other queues are as before.
        await wrapped_up(server, RingingCall())
        frame = await anna.wait_frame(
            "pop.wrapup", pop_id=server.desk.pops.snapshot("anna")[-1].pop_id
        )
        assert frame["wrapup"]["mode"] == "optional"


@pytest.mark.usefixtures("noon")
async def test_the_day_is_counted_and_counted_again_after_a_restart(agents: Database) -> None:
    clock = Clock()
    async with desk_server(agents, clock=clock) as server, server.client() as anna:
        pop_id = await wrapped_up(server, RingingCall())
        missed, gone = RingingCall(), RingingCall()
        await server.publish(*missed.until_ringing(victoria(), A), missed.missed(A))
        await server.publish(*gone.until_ringing(victoria(), A), gone.ended())
        clock.go_on(20)
        await anna.dispose(pop_id, "sale")
        await anna.wait_for(lambda: anna.pops[pop_id]["state"] == "closed")
        day = server.desk.days.of("anna")
        assert (day.offered, day.answered, day.missed) == (3, 1, 1)
        assert day.talk_s == pytest.approx(65)
        assert day.wrapup_s == pytest.approx(20, abs=5)
        await anna.wait_frame("agent.day", day=day.model_dump(mode="json"))
    async with desk_server(agents, clock=clock) as server, server.client() as anna:
        again = anna.frames[0]["day"]
        assert (again["offered"], again["answered"], again["missed"]) == (3, 1, 1)
        assert again["wrapup_s"] == pytest.approx(day.wrapup_s, abs=0.1)
        assert anna.status["misses"] == 1
        clock.go_on(86_400)
        assert server.desk.days.of("anna").offered == 0
