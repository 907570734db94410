"""The supervisor page's addresses over real sockets: who may, what is live, what is published."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import pytest
import sqlalchemy as sa
from aiohttp import web
from yarl import URL

from calls.agents import Agent
from crm_adapter import outbox, outbox_status
from crm_adapter.call_tables import calls
from crm_adapter.call_tables import outbox as entries
from screenpop.pops.pop_tables import pop_deliveries, pops
from storage.database import Database
from supervisor.console import feed
from supervisor.console.day_figures import DayFigures
from supervisor.console.routes import ConsoleRoutes
from tests.fakes.desk_server import ANNA, BEN, CHEN, add_agents
from tests.fakes.outbox_desk import call_entry
from tests.fakes.ringing_call import RingingCall, now, offering, victoria
from tests.fakes.rulebook_folder import option, write_rulebook
from tests.fakes.supervisor_server import API, INES, SupervisorServer, supervisor_server
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

A = ANNA.interfaces[0]


@pytest.fixture
async def server(database: Database, tmp_path: Path) -> AsyncIterator[SupervisorServer]:
    await add_agents(database, ANNA, BEN, CHEN, INES)
    folder = write_rulebook(tmp_path / "rulebook")
    async with supervisor_server(database, tmp_path, rulebook=folder) as server:
        yield server


@pytest.fixture
async def http(server: SupervisorServer) -> AsyncIterator[aiohttp.ClientSession]:
    async with server.client("ines") as http:
        yield http


async def next_board(stream: aiohttp.ClientResponse) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while line := await stream.content.readline():
            if line.startswith(b"data: {") and len(line) > 12:
                board: dict[str, Any] = json.loads(line[6:])
                return board
    raise AssertionError("the stream ended")


async def get(http: aiohttp.ClientSession, path: str) -> tuple[int, Any]:
    async with http.get(f"{API}{path}") as answer:
        return answer.status, await answer.json()


async def post(http: aiohttp.ClientSession, path: str, **body: object) -> tuple[int, Any]:
    async with http.post(f"{API}{path}", json=body) as answer:
        return answer.status, await answer.json()


#: By address: what it answers to who may look, who may also move something, and to administrators.
ADDRESSES = {
    "GET /board": (200, 200, 200),
    "GET /events": (200, 200, 200),
    "GET /call": (400, 400, 400),
    "GET /rulebook": (200, 200, 200),
    "GET /models": (200, 200, 200),
    "GET /models/{kind}/{version}": (404, 404, 404),
    "GET /outbox": (200, 200, 200),
    "POST /rulebook/check": (200, 200, 200),
    "POST /rulebook/publish": (403, 409, 409),
    "POST /rulebook/rollback": (403, 409, 409),
    "POST /outbox/retry": (403, 403, 409),
}
LOOKS, MOVES, RUNS = 0, 1, 2
#: By role: its column of the table, or what every address answers.
ROLES = {"supervisor": MOVES, "admin": RUNS, "auditor": LOOKS, "agent": 403, None: 401}

REFUSED = {"agent": "not_a_supervisor", "auditor": "read_only", "supervisor": "not_an_admin"}


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_at_each_address(
    server: SupervisorServer, database: Database, role: str | None
) -> None:
    await add_agents(database, Agent("nora", "Nora", (), (), "en", role or "agent"))
    async with server.client("nora" if role else None) as http:
        for address, answers in ADDRESSES.items():
            method, path = address.format(kind="a", version="1").split()
            wanted = answers[ROLES[role]] if ROLES[role] in (LOOKS, MOVES, RUNS) else ROLES[role]
            body: Any = {"version": "0" * 16} if method == "POST" else None
            if path == "/outbox/retry":
                body = {"key": str(UUID(int=0))}
            async with http.request(method, f"{API}{path}", json=body) as answer:
                assert (address, answer.status) == (address, wanted)
                if wanted == 403:
                    code = (await answer.json())["error"]
                    assert code == REFUSED[role]


def test_the_table_has_every_address() -> None:
    app = web.Application()
    nothing: Any = None
    ConsoleRoutes(
        console=nothing,
        pages=nothing,
        rulebook=nothing,
        outbox=nothing,
        models_dir=Path(),
    ).add_to(app)
    served = {
        f"{route.method} {route.resource.canonical.removeprefix(API)}"
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    assert served == ADDRESSES.keys()


async def test_another_origin_is_refused(http: aiohttp.ClientSession) -> None:
    headers = {"Origin": "https://elsewhere.example"}
    async with http.post(f"{API}/rulebook/check", headers=headers) as answer:
        assert answer.status == 403


async def test_a_call_is_told_as_it_goes_on(
    server: SupervisorServer, http: aiohttp.ClientSession
) -> None:
    call = RingingCall()
    async with http.get(f"{API}/events") as stream:
        assert (await next_board(stream))["calls"] == []
        await server.desk.publish(call.arrived(), call.identified(victoria()))
        seen = await next_board(stream)
        while not seen["calls"]:
            seen = await next_board(stream)
        [row] = seen["calls"]
        assert (row["stage"], row["number"], row["name"]) == ("menu", "…02", "Victoria Stone")
        await server.desk.publish(call.queued(), call.ringing(A))
        while seen["calls"][0]["stage"] != "ringing":
            seen = await next_board(stream)
        assert seen["calls"][0]["agents"] == ["anna"]
        [queue] = [one for one in seen["queues"] if one["name"] == "support"]
        assert (queue["waiting"], queue["busy"]) == (1, 1)
        [anna] = [one for one in seen["agents"] if one["login"] == "anna"]
        assert (anna["doing"], anna["call"]) == ("ringing", str(call.id))
        await server.desk.publish(call.answered(A), call.released(A), call.ended())
        while seen["calls"]:
            seen = await next_board(stream)
        assert seen["ended"][0]["outcome"] == "answered"
        assert seen["parts"] == [{"name": "crm", "ok": True, "needed": False, "detail": "embedded"}]


async def test_a_burst_is_one_board_and_a_withheld_number_is_none(
    server: SupervisorServer, http: aiohttp.ClientSession
) -> None:
    async with http.get(f"{API}/events") as stream:
        await next_board(stream)
        begun = asyncio.get_running_loop().time()
        many = [RingingCall(withheld=True) for _ in range(feed.MAX_VIEWERS * 10)]
        await server.desk.publish(*(call.arrived() for call in many))
        boards = [await next_board(stream)]
        while boards[-1]["calls_total"] < len(many):
            boards.append(await next_board(stream))
        took = asyncio.get_running_loop().time() - begun
    assert len(boards) <= took / feed.EVERY_S + 2
    assert len(boards[-1]["calls"]) == 200
    assert {row["number"] for row in boards[-1]["calls"]} == {None}


async def test_the_stream_ends_with_the_log_in(
    server: SupervisorServer, http: aiohttp.ClientSession
) -> None:
    async with http.get(f"{API}/events") as stream:
        await next_board(stream)
        async with http.delete("/api/v1/session") as answer:
            assert answer.status == 204
        # Log-ins are looked at every few seconds, and whenever a page is opened.
        async with server.client("ines") as other, other.get(f"{API}/events"), asyncio.timeout(20):
            assert b"event: end" in await stream.read()


async def test_pages_are_bounded_and_one_that_ends_makes_room(
    http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "MAX_VIEWERS", 1)
    monkeypatch.setattr(feed, "LOOK_EVERY_S", 0.01)
    async with http.get(f"{API}/events") as stream:
        await next_board(stream)
        assert (await get(http, "/events"))[0] == 429
        stream.close()
    async with asyncio.timeout(10):
        while True:
            async with http.get(f"{API}/events") as again:
                if again.status == 200:
                    break


async def test_a_page_that_does_not_read_is_cut_and_holds_nobody_up(
    server: SupervisorServer, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "WRITE_DEADLINE_S", 0.2)
    monkeypatch.setattr(feed, "EVERY_S", 0.0)
    many = [RingingCall(name="x") for _ in range(300)]
    await server.desk.publish(*(call.arrived() for call in many))
    cookie = http.cookie_jar.filter_cookies(URL(server.base_url))["switchboard_session"].value
    with socket.create_connection(("127.0.0.1", URL(server.base_url).port)) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall(
            f"GET {API}/events HTTP/1.1\r\nHost: x\r\n"
            f"Cookie: switchboard_session={cookie}\r\n\r\n".encode()
        )
        async with http.get(f"{API}/events") as stream:
            await wait_until(lambda: server.viewers() == 2, deadline_s=20)
            async with asyncio.timeout(20):
                while server.viewers() == 2:
                    await server.desk.publish(RingingCall().arrived())
                    await next_board(stream)
            assert server.viewers() == 1


async def test_a_broken_rulebook_is_told_by_file_and_line_and_changes_nothing(
    server: SupervisorServer, http: aiohttp.ClientSession
) -> None:
    folder = server.settings.rulebook.path
    assert folder is not None
    before = server.rulebooks.current.version
    write_rulebook(folder, menus=option(sya="x"))
    _, checked = await post(http, "/rulebook/check")
    assert not checked["good"]
    problem = checked["problems"][0]
    assert (problem["file"], problem["severity"]) == ("menus.yaml", "error")
    assert problem["line"] > 0
    status, refused = await post(http, "/rulebook/publish", version=checked["version"])
    assert (status, refused["problems"]) == (422, checked["problems"])
    _, state = await get(http, "/rulebook")
    assert (state["current"], server.rulebooks.current.version) == (before, before)
    assert len(state["versions"]) == 1


async def test_what_was_checked_is_published_and_rolled_back(
    server: SupervisorServer, http: aiohttp.ClientSession
) -> None:
    folder = server.settings.rulebook.path
    assert folder is not None
    first = server.rulebooks.current.version
    write_rulebook(folder, menus=option(say='"To buy"'))
    _, checked = await post(http, "/rulebook/check")
    assert checked["good"]
    status, why = await post(http, "/rulebook/publish", version="0" * 16)
    assert (status, why["error"]) == (409, "folder_changed")
    status, _ = await post(http, "/rulebook/publish", version=checked["version"], comment="buy")
    assert status == 200
    assert server.rulebooks.current.version == checked["version"] != first
    _, state = await get(http, "/rulebook")
    newest = state["versions"][0]
    assert (newest["author"], newest["comment"], newest["current"]) == ("ines", "buy", True)
    status, _ = await post(http, "/rulebook/rollback", version=first, comment="too short")
    assert (status, server.rulebooks.current.version) == (200, first)
    status, _ = await post(http, "/rulebook/rollback", version="f" * 16)
    assert status == 409
    assert (await post(http, "/rulebook/publish", version="../../x"))[0] == 400


async def test_one_call_with_its_decision_and_its_pops(
    server: SupervisorServer, http: aiohttp.ClientSession, database: Database
) -> None:
    call = RingingCall()
    await keep(database, call, offset_s=5)
    async with server.desk.client() as anna:
        await server.desk.publish(*call.until_ringing(victoria(), A))
        await anna.wait_frame("pop.offer")
        await server.desk.desk.flush()
    status, page = await get(http, f"/call?id={call.id}")
    assert status == 200
    explained = page["explained"]
    assert (explained["caller"]["number"], explained["call"]["typed"]) == ("…02", {"pin": "…78"})
    assert explained["decision"]["route"]["target"] == "support"
    assert "facts" not in explained["decision"]
    [trace] = page["pops"]
    assert (trace["agent"], trace["kind"], trace["sockets"]) == ("anna", "pop.offer", 1)
    assert page["stops"] == []
    assert (await get(http, "/call?id=pbx/none"))[0] == 404
    assert (await get(http, "/call?id=none"))[0] == 400


async def test_a_pop_that_stopped_says_what_to_do_in_both_languages(
    server: SupervisorServer, http: aiohttp.ClientSession, database: Database
) -> None:
    call = RingingCall()
    await keep(database, call, offset_s=5)
    await server.desk.publish(*call.until_ringing(victoria(), A))
    await server.desk.desk.flush()
    _, page = await get(http, f"/call?id={call.id}")
    [stop] = page["stops"]
    assert (stop["code"], stop["agent"]) == ("logged_out", "anna")
    assert "anna was not logged in" in stop["happened"][0]
    assert "没有登录" in stop["happened"][1]
    assert all("queues.membership" in said for said in stop["do"])


async def test_what_was_given_up_is_told_and_delivered_again(
    server: SupervisorServer, database: Database
) -> None:
    await add_agents(database, Agent("nora", "Nora", (), (), "en", "admin"))
    [waiting, given_up] = [call_entry("w.1"), call_entry("d.1")]
    async with server.client("nora") as http:
        await database.writer.write(lambda c: outbox.enqueue(c, [waiting, given_up], at=now()))
        error = "Invalid: +12025550102 is no number"
        dead = {"state": "dead", "finished_at": now(), "last_error": error}
        await database.writer.write(
            lambda c: c.execute(
                sa.update(entries).where(entries.c.key == given_up.key).values(dead)
            )
        )
        _, told = await get(http, "/outbox")
        [row] = told["dead"]
        assert (row["key"], row["error"]) == (given_up.key, "Invalid: …02 is no number")
        assert row["do"][0].endswith("then retry")
        assert row["do"][1].endswith("然后重试")
        assert [(one["lane"], one["count"]) for one in told["owed"]] == [("crm", 1)]
        assert (await post(http, "/outbox/retry", key=given_up.key))[0] == 200
        _, told = await get(http, "/outbox")
        assert (told["dead"], told["owed"][0]["count"]) == ([], 2)
        assert (await post(http, "/outbox/retry", key=given_up.key))[0] == 409
        assert (await post(http, "/outbox/retry", key=""))[0] == 400


def test_each_advice_is_there_in_chinese() -> None:
    assert outbox_status._ADVICE.keys() == outbox_status._ADVICE_ZH.keys()


async def test_models_without_any(http: aiohttp.ClientSession) -> None:
    assert await get(http, "/models") == (200, {"models": []})
    assert (await get(http, "/models/churn/20260101-000000-00000000"))[0] == 404
    assert (await get(http, "/models/churn/20260101"))[0] == 404


async def test_the_figures_of_today(any_database: Database) -> None:
    for offset_s in (3.0, 19.9, 20.5, None):
        await keep(any_database, RingingCall(), offset_s=offset_s)
    figures = DayFigures(
        database=any_database, within_s=20, now=lambda: now() + timedelta(seconds=60)
    )
    assert await figures.look()
    today = figures.queues["support"]
    assert (today.offered, today.answered, today.in_time) == (4, 3, 2)


async def test_the_pops_way_to_the_screen(any_database: Database) -> None:
    call = RingingCall()
    await keep(any_database, call, offset_s=1)
    shown = [(20.0, now()), (80.0, now()), (None, None)]
    rows = [
        {
            "agent": "anna", "seq": n, "pop_id": f"p{n}", "call_id": str(call.id),
            "kind": "pop.offer", "payload": {}, "event_at": now(), "sent_at": now(),
            "sockets": int(acked is not None), "acked_at": acked, "rendered_ms": rendered,
        }
        for n, (rendered, acked) in enumerate(shown)
    ]  # fmt: skip
    await any_database.writer.write(lambda c: c.execute(sa.insert(pop_deliveries), rows))
    figures = DayFigures(database=any_database, within_s=20, now=now)
    assert await figures.look()
    pops = figures.pops
    assert pops is not None
    assert (pops.offered, pops.rendered, pops.undelivered) == (3, 2, 1)
    assert (pops.p50_ms, pops.p95_ms) == (20.0, 80.0)
    [lost] = pops.lost
    assert (lost.call, lost.agent, lost.why) == (str(call.id), "anna", "no_desktop")


async def test_a_pop_that_is_on_its_way_or_was_seen_later_is_not_lost(
    any_database: Database,
) -> None:
    call = RingingCall()
    await keep(any_database, call, offset_s=1)
    at = now()
    frames = [
        ("just sent", "pop.offer", 1, None),
        ("seen later", "pop.offer", 0, None),
        ("seen later", "pop.update", 1, at),
    ]
    rows = [
        {
            "agent": "anna", "seq": n, "pop_id": pop_id, "call_id": str(call.id), "kind": kind,
            "payload": {}, "event_at": at, "sent_at": at, "sockets": sockets, "acked_at": acked,
        }
        for n, (pop_id, kind, sockets, acked) in enumerate(frames)
    ]  # fmt: skip
    await any_database.writer.write(lambda c: c.execute(sa.insert(pop_deliveries), rows))
    figures = DayFigures(database=any_database, within_s=20, now=lambda: at)
    assert await figures.look()
    assert figures.pops is not None
    assert (figures.pops.offered, figures.pops.undelivered, figures.pops.lost) == (2, 0, ())


async def test_a_pop_that_was_over_before_it_could_be_seen_is_not_lost(
    any_database: Database,
) -> None:
    call = RingingCall()
    await keep(any_database, call, offset_s=1)
    at = now()
    closed_after_s = {"over at once": 0.4, "over at last": 9.0}
    sent = [
        {
            "agent": "anna", "seq": n, "pop_id": pop_id, "call_id": str(call.id),
            "kind": "pop.offer", "payload": {}, "event_at": at, "sent_at": at, "sockets": 1,
        }
        for n, pop_id in enumerate(closed_after_s)
    ]  # fmt: skip
    kept = [
        {
            "pop_id": pop_id, "call_id": str(call.id), "agent": "anna", "interface": A,
            "state": "closed", "seq": 0, "payload": {}, "offered_at": at,
            "closed_at": at + timedelta(seconds=after_s),
        }
        for pop_id, after_s in closed_after_s.items()
    ]  # fmt: skip
    await any_database.writer.write(lambda c: c.execute(sa.insert(pop_deliveries), sent))
    await any_database.writer.write(lambda c: c.execute(sa.insert(pops), kept))
    later = at + timedelta(seconds=60)
    figures = DayFigures(database=any_database, within_s=20, now=lambda: later)
    assert await figures.look()
    assert figures.pops is not None
    assert (figures.pops.offered, figures.pops.undelivered) == (2, 1)
    assert [one.why for one in figures.pops.lost] == ["unacknowledged"]


async def keep(database: Database, call: RingingCall, *, offset_s: float | None) -> None:
    """A call that waited so long for its answer; None: in vain."""
    queued = now() - timedelta(seconds=1)
    answered = queued + timedelta(seconds=offset_s) if offset_s is not None else None
    row = {
        "system": call.id.system, "linkedid": call.id.linkedid, "channel": "PJSIP/trunk-1",
        "from_raw": "+12025550102", "from_name": "", "withheld": False, "number": "+12025550102",
        "dialled": "+18005550100", "language": "en", "arrived_at": queued, "fallback": False,
        "queue": "support", "first_queued_at": queued, "answered_at": answered,
        "ended_at": now() + timedelta(seconds=30), "end_estimated": False,
        "decision": offering("kettle").as_json(), "typed": {"pin": "5678"},
    }  # fmt: skip
    await database.writer.write(lambda c: c.execute(sa.insert(calls).values(row)))
