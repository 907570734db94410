"""The recording of an agent's call by the web address, over real sockets and databases; also where
the desk's process dies in the middle of a pause."""

from __future__ import annotations

from typing import Any

import pytest

from calls import events
from calls.errors import Unavailable
from screenpop.desk import recording_routes
from storage.database import Database
from tests.fakes.desk_server import ANNA, BEN, DeskServer, add_agents, desk_server
from tests.fakes.line_recordings import FakeRecordings
from tests.fakes.ringing_call import RingingCall, now, victoria
from tests.integration.screenpop.test_past_calls import Page, logged_in
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

A = ANNA.interfaces[0]


async def talks(server: DeskServer) -> tuple[RingingCall, str]:
    call = RingingCall()
    recorded = events.LineRecorded(call.id, now(), on=True)
    await server.publish(*call.until_ringing(victoria(), A), recorded, call.answered(A))
    return call, server.desk.pops.snapshot("anna")[-1].pop_id


async def put(page: Page, pop_id: str, body: object) -> tuple[int, dict[str, Any]]:
    async with page.http.put(f"{page.url}/{pop_id}/recording", json=body) as answer:
        return answer.status, await answer.json()


async def test_a_pause_outlives_the_process_that_was_asked(any_database: Database) -> None:
    await add_agents(any_database)
    line = FakeRecordings()
    async with (
        desk_server(any_database, recordings=line) as server,
        logged_in(server) as page,
        server.client() as anna,
    ):
        call, pop_id = await talks(server)
        await anna.wait_frame("call.recording", state="on", mine=False)
        status, told = await put(page, pop_id, {"paused": True})
        assert (status, told["state"], told["ended"]) == (200, "paused", False)
        frame = await anna.wait_frame("call.recording", state="paused", mine=True)
        assert (frame["pop_id"], frame["since"]) == (pop_id, told["since"])
        assert line.asked == ["mute"]
    later = FakeRecordings()
    async with desk_server(any_database, recordings=later) as server, logged_in(server) as page:
        async with server.client() as anna:
            [now_] = (await anna.wait_frame("hello"))["recordings"]
            assert (now_["pop_id"], now_["state"]) == (pop_id, "unsure")
            await server.publish(events.CallRemembered(call.id, now(), call.call, recorded=True))
            frame = await anna.wait_frame("call.recording", state="paused", mine=True)
        assert (frame["since"], later.muted) == (told["since"], {call.id})
        status, told = await put(page, pop_id, {"paused": False})
        assert (status, told["state"], told["since"]) == (200, "on", None)
        await server.desk.flush()
        [pop] = server.desk.pops.talks_now("anna")
        assert pop.paused_at is None
    # What is over is not paused anew.
    last = FakeRecordings()
    async with desk_server(any_database, recordings=last) as server:
        await server.publish(events.CallRemembered(call.id, now(), call.call, recorded=True))
        assert server.desk.recordings is not None
        assert [one.state for one in server.desk.recordings.of("anna")] == ["on"]
    assert last.asked == []


async def test_what_is_refused_and_why(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_routes, "BURST", 8.0)
    monkeypatch.setattr(recording_routes, "PER_S", 0.001)
    await add_agents(database)
    line = FakeRecordings()
    async with desk_server(database, recordings=line) as server, logged_in(server) as page:
        call, pop_id = await talks(server)
        for body in ({}, {"paused": "yes"}, {"paused": 1}, {"paused": True, "x": 1}, []):
            status, told = await put(page, pop_id, body)
            assert (status, told["error"]) == (400, "bad_request"), body
        async with logged_in(server, BEN.login) as bens:
            assert (await put(bens, pop_id, {"paused": True}))[1]["error"] == "no_call"
        line.refusal = line.stop_refusal = Unavailable("away")
        status, told = await put(page, pop_id, {"paused": True})
        assert (status, told["error"]) == (503, "pause_failed")
        assert "may still be recorded" in told["message"]
        line.stop_refusal = None
        status, told = await put(page, pop_id, {"paused": True})
        assert (status, told["state"], told["ended"]) == (200, "off", True)
        await server.publish(call.ended())
        status, told = await put(page, pop_id, {"paused": True})
        assert (status, told["error"]) == (404, "no_call")
        status, told = await put(page, pop_id, {"paused": True})
        assert (status, told["error"]) == (429, "rate_limited")


async def test_a_pause_ends_by_itself_and_the_page_is_told(database: Database) -> None:
    await add_agents(database)
    line = FakeRecordings()
    async with (
        desk_server(database, recordings=line) as server,
        logged_in(server) as page,
        server.client() as anna,
    ):
        assert server.desk.recordings is not None
        server.desk.recordings.limit_s = 0.05
        _, pop_id = await talks(server)
        assert (await put(page, pop_id, {"paused": True}))[0] == 200
        await anna.wait_frame("notice", code="recording_goes_on")
        await wait_until(lambda: line.asked == ["mute", "unmute"])
