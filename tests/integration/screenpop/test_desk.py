"""Agents over real sockets: nothing missed, nothing twice, nothing of somebody else's."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace

import aiohttp
import pytest
import sqlalchemy as sa
from aiohttp import web

from calls import events
from calls.agents import AgentState
from calls.bus import EventBus
from calls.offers import OfferAnswer
from scoring.memory_tables import offer_meetings
from screenpop.desk.desk import Desk
from screenpop.pops.explain_pop import explain_pop
from screenpop.pops.pop_tables import pop_deliveries, pops
from storage.database import Database
from switchboard.demo.desktop_client import LogInFailed
from switchboard.proxies import behind
from tests.fakes.desk_server import (
    ANNA,
    BEN,
    CHEN,
    PASSWORD,
    DeskServer,
    add_agents,
    desk_server,
)
from tests.fakes.ringing_call import RingingCall, now, stranger, victoria
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

A, B = ANNA.interfaces[0], BEN.interfaces[0]


@pytest.fixture
async def server(database: Database):
    await add_agents(database)
    async with desk_server(database) as server:
        yield server


async def test_a_call_from_ring_to_wrap_up(any_database: Database) -> None:
    await add_agents(any_database)
    async with desk_server(any_database) as server, server.client() as anna:
        done: list[events.WrapUpDone] = []

        async def keep(event: events.WrapUpDone) -> None:
            done.append(event)

        server.bus.subscribe("test", keep, events.WrapUpDone)
        call = RingingCall()
        await server.publish(*call.until_ringing(victoria(), A))
        offer = await anna.wait_frame("pop.offer")
        assert offer["content"]["contact"]["name"] == "Victoria Stone"
        await server.publish(call.answered(A), call.released(A), call.ended())
        await anna.wait_frame("pop.wrapup")
        await anna.dispose(offer["pop_id"], "sale", "two\nlines")
        assert (await anna.wait_frame("pop.close"))["reason"] == "done"
        await server.bus.drain()
        assert [(d.agent, d.disposition, d.note) for d in done] == [("anna", "sale", "two\nlines")]
        await wait_until(lambda: server.metric("pop_frames_acked_total") == 4)
        await server.desk.flush()
        async with any_database.read() as connection:
            stored = (await connection.execute(sa.select(pops))).mappings().one()
            assert (stored["state"], stored["disposition"]) == ("closed", "sale")
            rows = (
                await connection.execute(sa.select(pop_deliveries).order_by(pop_deliveries.c.seq))
            ).mappings()
            sent = list(rows)
        assert [row["kind"] for row in sent] == [
            "pop.offer",
            "pop.claim",
            "pop.wrapup",
            "pop.close",
        ]
        assert all(row["acked_at"] is not None and row["sockets"] == 1 for row in sent)
        assert sent[0]["rendered_ms"] is not None


async def test_a_pop_explains_itself(any_database: Database) -> None:
    """Anna's desktop is open, Ben's is not."""
    await add_agents(any_database)
    call = RingingCall()
    async with desk_server(any_database) as server, server.client(ANNA) as anna:
        await server.publish(*call.until_ringing(victoria(), A, B), call.answered(A))
        await anna.wait_frame("pop.claim")
        await wait_until(lambda: server.metric("pop_frames_acked_total") == 2)
    traces = await explain_pop(any_database, call.id)
    assert [(t.agent, t.kind, t.sockets) for t in traces] == [
        ("anna", "pop.offer", 1),
        ("ben", "pop.offer", 0),
        ("anna", "pop.claim", 1),
        ("ben", "pop.close", 0),
    ]
    assert "on the screen after" in traces[0].sentence()
    assert "no desktop was open, never acknowledged" in traces[1].sentence()
    assert await explain_pop(any_database, RingingCall().id) == []


async def test_a_pop_that_the_rulebook_did_not_want_explains_itself(
    any_database: Database,
) -> None:
    await add_agents(any_database)
    call = RingingCall()
    async with desk_server(any_database) as server, server.client(ANNA):
        await server.publish(call.arrived(), call.decided(shown=False), call.ringing(A))
        await server.publish(call.answered(A), call.ended())
    [trace] = await explain_pop(any_database, call.id)
    assert (trace.agent, trace.kind) == ("anna", "not_shown")
    assert trace.sentence().endswith("rang: the rulebook shows no pop for this number")


async def test_pops_of_version_0_1_come_back_on_the_screen(any_database: Database) -> None:
    """Their contents had offers in the decision, and neither note nor offer."""
    await add_agents(any_database)
    call = RingingCall()
    async with desk_server(any_database) as server:
        await server.publish(call.arrived(), call.decided("kettle"), call.ringing(A))
        await server.desk.flush()
    async with any_database.engine.begin() as connection:
        [payload] = await connection.scalars(sa.select(pops.c.payload))
        payload["decision"]["offers"] = [{"offer": "kettle", "reasons": []}]
        del payload["note"], payload["offer"]
        await connection.execute(sa.update(pops).values(payload=payload))
    async with desk_server(any_database) as server, server.client(ANNA) as anna:
        hello = await anna.wait_frame("hello")
        [shown] = hello["pops"]
        assert shown["content"]["call"]["id"] == str(call.id)


async def test_ringing_two_agents_closes_the_loser(server: DeskServer) -> None:
    async with server.client(ANNA) as anna, server.client(BEN) as ben:
        call = RingingCall()
        await server.publish(*call.until_ringing(victoria(), A, B), call.answered(B))
        assert (await anna.wait_frame("pop.close"))["reason"] == "answered_elsewhere"
        await ben.wait_frame("pop.claim")


async def test_a_cut_desktop_resumes_with_nothing_missed_and_nothing_twice(
    server: DeskServer,
) -> None:
    async with server.client() as anna:
        first = RingingCall()
        await server.publish(*first.until_ringing(victoria(), A))
        await anna.wait_frame("pop.offer")
        await anna.cut(stay_away=True)
        second = RingingCall(number="+12025550150")
        await server.publish(
            first.answered(A), first.released(A), *second.until_ringing(stranger(), A)
        )
        anna.come_back()
        await anna.wait_for(lambda: len(anna.frames) >= 6 and anna.counters.offers == 2)
        kinds = [frame["kind"] for frame in anna.frames if not frame["kind"].startswith("agent.")]
        assert kinds == [
            "hello", "pop.offer", "hello", "pop.claim", "pop.wrapup", "pop.offer",
        ]  # fmt: skip
        assert anna.counters.resumes == 1
        assert (anna.counters.gaps, anna.counters.offers) == (0, 2)


async def test_twenty_cuts_in_a_storm_of_calls(server: DeskServer) -> None:
    """Each cut falls into the middle of events being published."""
    async with server.client() as anna:
        for _ in range(20):
            call = RingingCall()
            for event in call.until_ringing(victoria(), A):
                server.bus.publish(event)
            cut = asyncio.create_task(anna.cut())
            for event in (call.answered(A), call.released(A), call.ended()):
                server.bus.publish(event)
                await asyncio.sleep(0)
            await cut
            await server.bus.drain()
        await anna.wait_for(lambda: anna.counters.wrapups == 20)
        numbered = [frame["seq"] for frame in anna.frames if "seq" in frame and "pop_id" in frame]
        assert numbered == list(range(1, len(numbered) + 1))
        assert anna.counters.gaps == 0


async def test_what_was_never_acknowledged_comes_again(server: DeskServer) -> None:
    async with raw_desktop(server) as ws:
        await ws.receive_json()
        call = RingingCall()
        await server.publish(*call.until_ringing(victoria(), A))
        offer = await ws.receive_json()
    async with raw_desktop(server, last_seq=offer["seq"]) as ws:
        assert (await ws.receive_json())["resumed"] is True
        assert await ws.receive_json() == offer
        await ws.send_json({"kind": "ack", "pop_id": offer["pop_id"], "seq": offer["seq"]})
        await wait_until(lambda: server.metric("pop_frames_acked_total") == 1)
        await ws.send_json({"kind": "ack", "pop_id": offer["pop_id"], "seq": offer["seq"]})
    async with raw_desktop(server, last_seq=offer["seq"]) as ws:
        assert (await ws.receive_json())["resumed"] is True
        await server.publish(call.answered(A))
        assert (await ws.receive_json())["kind"] == "pop.claim"
    assert server.metric("pop_frames_acked_total") == 1


async def test_a_desktop_from_before_the_kept_frames_gets_a_snapshot(server: DeskServer) -> None:
    async with server.client() as anna:
        await anna.cut(stay_away=True)
        calls = [RingingCall() for _ in range(90)]
        for call in calls[:-1]:
            await server.publish(
                *call.until_ringing(victoria(), A), call.missed(A), call.ringing(A), call.missed(A)
            )
        await server.publish(*calls[-1].until_ringing(stranger(), A))
        anna.come_back()
        await anna.wait_for(lambda: anna.counters.connects == 2)
        hello = anna.frames[-1]
        assert (hello["kind"], hello["resumed"]) == ("hello", False)
        open_pops = [pop for pop in hello["pops"] if pop["state"] == "offered"]
        assert [pop["content"]["call"]["id"] for pop in open_pops] == [str(calls[-1].id)]
        await server.publish(calls[-1].answered(A))
        await anna.wait_frame("pop.claim")


async def test_after_a_restart_the_open_call_is_still_there(database: Database) -> None:
    await add_agents(database)
    call, other = RingingCall(), RingingCall()
    async with desk_server(database) as server, server.client() as anna:
        await server.publish(*call.until_ringing(victoria(), A), call.answered(A))
        await anna.wait_frame("pop.claim")
        behind = anna.frames[1]["seq"]
    async with desk_server(database) as server:
        async with raw_desktop(server, last_seq=behind) as ws:
            hello = await ws.receive_json()
            assert hello["resumed"] is False
            assert [pop["state"] for pop in hello["pops"]] == ["claimed"]
            await server.publish(call.released(A))
            wrapup = await ws.receive_json()
            assert wrapup["kind"] == "pop.wrapup"
            assert wrapup["seq"] == hello["seq"] + 1
            await ws.send_json({"kind": "disposition", "pop_id": wrapup["pop_id"], "code": "sale"})
            while (frame := await ws.receive_json())["kind"] != "pop.close":
                pass
            assert frame["reason"] == "done"
        await server.publish(*other.until_ringing(victoria(), A))
    async with desk_server(database) as server, server.client() as anna:
        assert [p["state"] for p in anna.pops.values()] == ["offered"]


async def test_two_tabs_show_the_same_and_one_ack_is_enough(server: DeskServer) -> None:
    async with server.client() as one, server.client() as two:
        call = RingingCall()
        await server.publish(*call.until_ringing(victoria(), A), call.answered(A))
        first, second = await one.wait_frame("pop.claim"), await two.wait_frame("pop.claim")
        assert first == second
        await wait_until(lambda: server.metric("pop_frames_acked_total") == 2)
        await one.set_state("not_ready")
        await two.wait_for(lambda: two.status.get("state") == "not_ready")


async def test_nobody_sees_or_touches_anothers_pop(server: DeskServer) -> None:
    async with server.client(ANNA) as anna, server.client(BEN) as ben:
        call = RingingCall()
        await server.publish(*call.until_ringing(victoria(), A), call.answered(A))
        offer = await anna.wait_frame("pop.offer")
        await server.publish(call.released(A), call.ended())
        await ben.dispose(offer["pop_id"], "sale")
        await ben.note(offer["pop_id"], "mine now")
        await ben.select(offer["pop_id"], None)
        for code in ("disposition_refused", "note_refused", "select_refused"):
            await ben.wait_frame("notice", code=code)
        assert not any("pop_id" in frame for frame in ben.frames)
        async with server.client(ANNA) as again:
            (pop,) = again.pops.values()
        assert (pop["state"], pop["note"]) == ("wrapup", "")


async def test_a_desktop_that_does_not_read_is_dropped_alone(server: DeskServer) -> None:
    async with server.client(BEN) as ben, raw_desktop(server, small=True) as slow:
        call = RingingCall()
        await server.publish(*call.until_ringing(victoria(name="x" * 200), A, B))
        for n in range(2_000):
            await server.publish(call.identified(victoria(name=f"{n} " + "x" * 190)))
            if server.metric("desktops_dropped_slow_total"):
                break
            if n % 20 == 0:  # Ben reads, and is given the time to
                await ben.wait_for(lambda told=n: ben.counters.updates > told)
        assert server.metric("desktops_dropped_slow_total") == 1
        await ben.wait_for(lambda: ben.counters.updates > n)
        assert ben.counters.connects == 1
        async with asyncio.timeout(30):
            while (await slow.receive()).type is aiohttp.WSMsgType.TEXT:
                pass
        assert server.desk.hub.desktops_of("anna") == 0


async def test_a_thousand_messages_of_nonsense_end_one_socket_only(server: DeskServer) -> None:
    async with server.client(BEN) as ben:
        async with raw_desktop(server) as ws:
            await ws.receive_json()
            junk = ("{", "[]", "null", '{"kind":"ack"}', '{"kind":"x"}', "\x00", '{"kind":"note"}')
            try:
                for n in range(1_000):
                    await ws.send_str(junk[n % len(junk)])
            except aiohttp.ClientConnectionResetError:
                pass
            assert await close_code(ws) in (4429, 1006)
        call = RingingCall()
        await server.publish(*call.until_ringing(victoria(), B))
        await ben.wait_frame("pop.offer")
        assert ben.counters.connects == 1


async def test_too_many_good_messages_end_the_socket_too(server: DeskServer) -> None:
    async with raw_desktop(server) as ws:
        await ws.receive_json()
        try:
            for n in range(1_000):
                await ws.send_json({"kind": "ack", "pop_id": "x", "seq": n})
        except aiohttp.ClientConnectionResetError:
            pass
        assert await close_code(ws) in (4429, 1006)


async def test_an_oversize_message_ends_the_socket(server: DeskServer) -> None:
    async with raw_desktop(server) as ws:
        await ws.receive_json()
        await ws.send_json({"kind": "note", "pop_id": "x", "text": "y" * 40_000})
        assert await close_code(ws) == aiohttp.WSCloseCode.MESSAGE_TOO_BIG


async def test_no_more_than_eight_desktops_of_one_agent(server: DeskServer) -> None:
    sockets = [await open_desktop(server) for _ in range(8)]
    try:
        async with raw_desktop(server) as ninth:
            assert await close_code(ninth) == 4409
    finally:
        for http, ws in sockets:
            await ws.close()
            await http.close()


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "", None])
async def test_another_origin_gets_no_socket(server: DeskServer, origin: str | None) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with raw_desktop(server, origin=origin):
            pass
    assert refused.value.status == 403


async def test_another_origin_may_be_allowed(database: Database) -> None:
    await add_agents(database)
    allowed = "https://crm.example"
    async with (
        desk_server(database, allowed=[allowed]) as server,
        raw_desktop(server, origin=allowed) as ws,
    ):
        assert (await ws.receive_json())["kind"] == "hello"


async def test_a_ticket_opens_one_socket(server: DeskServer) -> None:
    async with logged_in(server) as http:
        ticket = await ticket_of(server, http)
        headers = {"Origin": server.base_url}
        address = f"{server.base_url}/agent/ws?ticket={ticket}"
        async with http.ws_connect(address, headers=headers) as ws:
            await ws.receive_json()
            for bad in (
                address,
                f"{server.base_url}/agent/ws?ticket=x",
                f"{server.base_url}/agent/ws",
            ):
                with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                    await http.ws_connect(bad, headers=headers)
                assert refused.value.status == 401


async def test_a_ticket_ends_with_its_log_in(server: DeskServer) -> None:
    async with logged_in(server) as http:
        ticket = await ticket_of(server, http)
        async with http.delete(session_of(server)) as out:
            assert out.status == 204
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(
                f"{server.base_url}/agent/ws?ticket={ticket}", headers={"Origin": server.base_url}
            )
        assert refused.value.status == 401


async def test_a_desktop_closes_when_its_log_in_ends_elsewhere(server: DeskServer) -> None:
    """`agents add` in another process changes the password: whoever had the old one is out."""
    async with raw_desktop(server) as ws, server.client(BEN) as ben:
        await ws.receive_json()
        await server.desk.refresh()
        await add_agents(server.database, ANNA)
        await server.desk.refresh()
        assert await close_code(ws) == 4401
        assert [frame["kind"] for frame in ben.frames] == ["hello"]


async def test_an_interface_added_elsewhere_rings_its_agent(server: DeskServer) -> None:
    other = "PJSIP/anna-at-home"
    await add_agents(server.database, replace(ANNA, interfaces=(other,)))
    await server.desk.refresh()
    async with server.client(ANNA) as anna:
        await server.publish(*RingingCall().until_ringing(victoria(), other))
        await anna.wait_frame("pop.offer")


async def test_a_database_that_is_away_is_said_as_such(
    server: DeskServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise OSError("connection refused")

    async with logged_in(server) as http:
        monkeypatch.setattr(server.database, "read", away)
        for method, path in (("GET", "/api/v1/me"), ("POST", "/api/v1/agent/ticket")):
            async with http.request(method, server.base_url + path) as answer:
                assert answer.status == 503
                assert (await answer.json())["error"] == "unavailable"


async def test_log_in_log_out_and_what_they_open(server: DeskServer) -> None:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        for path, method in (("/api/v1/me", "GET"), ("/api/v1/agent/ticket", "POST")):
            async with http.request(method, server.base_url + path) as refused:
                assert refused.status == 401
                assert refused.headers["Cache-Control"] == "no-store"
        async with http.post(session_of(server), json=credentials()) as done:
            assert done.status == 200
            assert (await done.json())["name"] == ANNA.name
            cookie = done.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        async with http.get(f"{server.base_url}/api/v1/me") as me:
            assert (await me.json())["queues"] == list(ANNA.queues)
        async with http.ws_connect(
            f"{server.base_url}/agent/ws?ticket={await ticket_of(server, http)}",
            headers={"Origin": server.base_url},
        ) as ws:
            await ws.receive_json()
            async with http.delete(session_of(server)) as out:
                assert out.status == 204
            assert await close_code(ws) == 4401
        token = cookie.split(";")[0]
        async with http.get(f"{server.base_url}/api/v1/me", headers={"Cookie": token}) as me:
            assert me.status == 401


async def test_a_log_in_survives_a_restart(database: Database) -> None:
    await add_agents(database)
    async with desk_server(database) as server, logged_in(server) as http:
        cookies = {c.key: c.value for c in http.cookie_jar}
    async with desk_server(database) as server, aiohttp.ClientSession(cookies=cookies) as http:
        header = "; ".join(f"{k}={v}" for k, v in cookies.items())
        async with http.get(f"{server.base_url}/api/v1/me", headers={"Cookie": header}) as me:
            assert (await me.json())["login"] == "anna"


async def test_wrong_log_ins_are_refused_then_slowed_down(server: DeskServer) -> None:
    async with aiohttp.ClientSession() as http:
        answers = []
        for _ in range(7):
            async with http.post(session_of(server), json=credentials(password="wrong wrong")) as r:
                answers.append(r.status)
        assert answers == [401] * 5 + [429] * 2
        # The right password is slowed down too, another agent is not.
        async with http.post(session_of(server), json=credentials()) as r:
            assert r.status == 429
        async with http.post(session_of(server), json=credentials("ben")) as r:
            assert r.status == 200
        async with http.post(session_of(server), json=credentials("nobody")) as r:
            assert r.status == 401
    with pytest.raises(LogInFailed):
        async with server.client():
            pass


async def test_behind_a_proxy_each_address_is_slowed_down_alone(database: Database) -> None:
    await add_agents(database)

    async def believed(app: web.Application, _desk: Desk, _bus: EventBus) -> None:
        app.middlewares.append(behind(["127.0.0.1"]))

    async with (
        desk_server(database, more=believed) as server,
        aiohttp.ClientSession() as http,
    ):

        async def status(client: str, login: str, password: str = PASSWORD) -> int:
            body = credentials(login, password=password)
            headers = {"X-Forwarded-For": client}
            async with http.post(session_of(server), json=body, headers=headers) as answer:
                return answer.status

        # 30 failures, and as many more as are forgiven meanwhile: one every two seconds.
        for n in range(200):
            assert await status(f"192.0.2.{n}, 203.0.113.7", "anna", "wrong wrong") in (401, 429)
            if n > 30 and await status("192.0.2.99, 203.0.113.7", "ben") == 429:
                break
        else:
            pytest.fail("an address is never slowed down")
        assert await status("203.0.113.8", "ben") == 200


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"login":"anna"}', b'{"login":1,"password":2}', b"x" * 9_000]
)
async def test_a_log_in_that_makes_no_sense(server: DeskServer, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    async with (
        aiohttp.ClientSession() as http,
        http.post(session_of(server), data=body, headers=headers) as answer,
    ):
        assert answer.status == 400


async def test_a_chosen_state_is_told_to_asterisk_and_told_again(server: DeskServer) -> None:
    control = server.queue_control
    async with server.client(CHEN) as chen:
        assert chen.status["state"] == "offline"
        assert control.told == []
        await chen.set_state("available")
        await wait_until(lambda: len(control.told) == 2)
        assert control.told == [(i, False, "") for i in CHEN.interfaces]
        control.away = True
        await chen.send({"kind": "state.set", "state": "not_ready", "reason": "lunch"})
        await chen.wait_for(lambda: chen.status["state"] == "not_ready")
        control.away = False
        await server.publish(events.AmiRestored(now()))
        await wait_until(lambda: len(control.told) >= 4)
        assert control.told[-2:] == [(i, True, "lunch") for i in CHEN.interfaces]


async def test_a_chosen_state_survives_a_restart(database: Database) -> None:
    await add_agents(database)
    async with desk_server(database) as server:
        server.desk.duties.choose("anna", AgentState.AVAILABLE, None, now=False)
    async with desk_server(database) as server:
        assert server.desk.agents.status_of("anna").state is AgentState.AVAILABLE
        await server.publish(events.AmiRestored(now()))
        await wait_until(lambda: server.queue_control.told == [(A, False, "")])


# -- small steps


def session_of(server: DeskServer) -> str:
    return f"{server.base_url}/api/v1/session"


def credentials(login: str = "anna", password: str = PASSWORD) -> dict[str, str]:
    return {"login": login, "password": password}


class logged_in:  # noqa: N801 -- reads as a context
    def __init__(self, server: DeskServer) -> None:
        self.server = server
        self.http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def __aenter__(self) -> aiohttp.ClientSession:
        async with self.http.post(session_of(self.server), json=credentials()) as response:
            assert response.status == 200
        return self.http

    async def __aexit__(self, *exc: object) -> None:
        await self.http.close()


async def ticket_of(server: DeskServer, http: aiohttp.ClientSession) -> str:
    async with http.post(f"{server.base_url}/api/v1/agent/ticket") as response:
        return (await response.json())["ticket"]


async def open_desktop(
    server: DeskServer,
    *,
    last_seq: int | None = None,
    origin: str | None = "own",
    small: bool = False,
) -> tuple[aiohttp.ClientSession, aiohttp.ClientWebSocketResponse]:
    """The ticket is made by hand: the tests of sockets need no cookies."""
    connector = aiohttp.TCPConnector(socket_factory=_small_socket) if small else None
    http = aiohttp.ClientSession(connector=connector)
    token = (await server.desk.log_ins.log_in("anna", PASSWORD, "test")).token
    query = f"ticket={server.desk.tickets.issue('anna', token)}"
    if last_seq is not None:
        query += f"&last_seq={last_seq}"
    headers = {} if origin is None else {"Origin": server.base_url if origin == "own" else origin}
    try:
        ws = await http.ws_connect(f"{server.base_url}/agent/ws?{query}", headers=headers)
    except BaseException:
        await http.close()
        raise
    return http, ws


class raw_desktop:  # noqa: N801 -- reads as a context
    """A socket that acknowledges nothing by itself."""

    def __init__(self, server: DeskServer, **how) -> None:
        self.opening = open_desktop(server, **how)

    async def __aenter__(self) -> aiohttp.ClientWebSocketResponse:
        self.http, self.ws = await self.opening
        return self.ws

    async def __aexit__(self, *exc: object) -> None:
        await self.ws.close()
        await self.http.close()


def _small_socket(address) -> socket.socket:
    made = socket.socket(address[0], address[1], address[2])
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.setblocking(False)
    return made


async def close_code(ws: aiohttp.ClientWebSocketResponse) -> int | None:
    async with asyncio.timeout(30):
        while (await ws.receive()).type is aiohttp.WSMsgType.TEXT:
            pass
    return ws.close_code


async def test_what_came_of_an_offer_is_stored_shown_and_told(any_database: Database) -> None:
    await add_agents(any_database)
    told: list[events.OfferAnswered] = []

    async def keep(event: events.OfferAnswered) -> None:
        told.append(event)

    async with desk_server(any_database) as server, server.client() as anna:
        server.bus.subscribe("test", keep, events.OfferAnswered)
        call = RingingCall()
        await server.publish(
            call.arrived(), call.identified(victoria()), call.decided("kettle"), call.ringing(A)
        )
        offer = await anna.wait_frame("pop.offer")
        await server.publish(call.answered(A))
        answer = {"kind": "offer.answer", "pop_id": offer["pop_id"], "offer": "kettle"}
        await anna.send(answer | {"answer": "rejected", "reason": "has one"})
        update = await anna.wait_frame("pop.update")
        assert update["content"]["offer"]["said"]["answer"] == "rejected"
        await server.bus.drain()
        assert [(one.agent, one.answer, one.reason) for one in told] == [
            ("anna", OfferAnswer.REFUSED, "has one")
        ]
        await anna.send(answer | {"offer": "mug", "answer": "accepted"})
        assert (await anna.wait_frame("notice"))["code"] == "answer_refused"
    book = offer_meetings.c
    async with any_database.read() as connection:
        rows = await connection.execute(sa.select(book.contact_id, book.answer, book.place))
        assert [tuple(row) for row in rows] == [("c-102", "refused", "agent")]
