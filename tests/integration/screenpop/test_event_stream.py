"""Programs take an agent's frames as server-sent events and answer by POST: the same stream as the
desktop's, by a log-in or a token."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from calls.errors import Misconfigured
from screenpop.delivery import routes
from screenpop.delivery.tokens import list_tokens, make_token, revoke_token
from storage.database import Database
from tests.fakes.desk_server import ANNA, BEN, DeskServer, add_agents, desk_server
from tests.fakes.ringing_call import RingingCall, victoria
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

A, B = ANNA.interfaces[0], BEN.interfaces[0]


@pytest.fixture
async def server(database: Database):
    await add_agents(database)
    async with desk_server(database) as server:
        yield server


@pytest.fixture
async def token(server: DeskServer) -> str:
    return await make_token(server.database, "anna", "crm")


@dataclass
class Stream:
    """Reads events as the standard says, and no more of it than we use."""

    response: aiohttp.ClientResponse
    last_id: str | None = None
    comments: list[str] = field(default_factory=list)

    async def next(self) -> tuple[str, dict[str, Any]]:
        name, data = "message", []
        async with asyncio.timeout(20):
            while line := await self.response.content.readline():
                text = line.decode().rstrip("\n")
                key, _, value = text.partition(": ")
                match key:
                    case "":
                        if value:
                            self.comments.append(value)
                        elif data:
                            return name, json.loads("\n".join(data))
                    case "id":
                        self.last_id = value
                    case "event":
                        name = value
                    case "data":
                        data.append(value)
        raise EOFError

    async def frame(self) -> dict[str, Any]:
        name, data = await self.next()
        assert name == "message", data
        return data

    async def of(self, kind: str) -> dict[str, Any]:
        """The next frame of this kind."""
        while (frame := await self.frame())["kind"] != kind:
            pass
        return frame


@asynccontextmanager
async def stream(
    server: DeskServer, token: str, **headers: str
) -> AsyncIterator[tuple[aiohttp.ClientSession, Stream]]:
    given = {"Authorization": f"Bearer {token}"} | headers
    async with (
        aiohttp.ClientSession(headers=given) as http,
        http.get(f"{server.base_url}/api/v1/agent/events") as response,
    ):
        assert response.status == 200, await response.text()
        yield http, Stream(response)


async def say(server: DeskServer, http: aiohttp.ClientSession, frame: Mapping[str, Any]) -> int:
    async with http.post(f"{server.base_url}/api/v1/agent/frames", json=frame) as answer:
        return answer.status


async def test_a_program_takes_a_call_from_ring_to_wrap_up(server: DeskServer, token: str) -> None:
    """What it is sent is what the desktop is sent, and it can do what the desktop does."""
    async with server.client() as desktop, stream(server, token) as (http, events):
        assert events.response.headers["Content-Type"].startswith("text/event-stream")
        assert events.response.headers["Cache-Control"] == "no-store"
        assert (await events.frame())["kind"] == "hello"
        call = RingingCall()
        await server.publish(*call.until_ringing(victoria(), A), call.answered(A), call.released(A))
        taken = [await events.frame()]
        while taken[-1]["kind"] != "pop.wrapup":
            taken.append(await events.frame())
        await desktop.wait_frame("pop.wrapup")
        assert taken == list(desktop.frames)[1 : 1 + len(taken)]
        assert events.last_id == str(taken[-1]["seq"])
        pop_id = taken[0]["pop_id"]
        assert await say(server, http, {"kind": "note", "pop_id": pop_id, "text": "typed"}) == 204
        done = {"kind": "disposition", "pop_id": pop_id, "code": "sale"}
        assert await say(server, http, done) == 204
        assert (await events.of("pop.close"))["reason"] == "done"
        assert await say(server, http, done) == 204
        assert (await events.of("notice"))["code"] == "disposition_refused"
        assert await say(server, http, {"kind": "state.set", "state": "available"}) == 204
        assert (await events.of("agent.state"))["status"]["state"] == "available"


async def test_it_resumes_after_the_last_event_id(server: DeskServer, token: str) -> None:
    call = RingingCall()
    async with stream(server, token) as (http, events):
        await events.frame()
        await server.publish(*call.until_ringing(victoria(), A))
        offer = await events.frame()
        ack = {"kind": "ack", "pop_id": offer["pop_id"], "seq": offer["seq"], "rendered_ms": 3}
        assert await say(server, http, ack) == 204
        last = events.last_id or ""
    await server.publish(call.answered(A))
    async with stream(server, token, **{"Last-Event-ID": last}) as (_, events):
        hello = await events.frame()
        assert hello["resumed"] is True
        assert events.last_id is None
        claim = await events.frame()
        assert (claim["kind"], events.last_id) == ("pop.claim", str(claim["seq"]))
    # Not acknowledged: it comes again, and the client's place does not move back.
    newest = events.last_id
    async with stream(server, token, **{"Last-Event-ID": newest}) as (_, events):
        await events.frame()
        assert (await events.frame(), events.last_id) == (claim, None)
    async with stream(server, token, **{"Last-Event-ID": "999999999"}) as (_, events):
        hello = await events.frame()
        assert (hello["resumed"], events.last_id) == (False, str(hello["seq"]))


async def test_a_browsers_log_in_is_as_good_as_a_token(server: DeskServer) -> None:
    async with server.client() as anna:
        assert anna._http is not None
        url = f"{server.base_url}/api/v1/agent/events"
        async with anna._http.get(url) as response:
            assert (await Stream(response).frame())["agent"]["login"] == "anna"
        async with anna._http.get(url, headers={"Origin": "http://evil.example"}) as response:
            assert response.status == 403
        frame = {"kind": "state.set", "state": "available"}
        evil = {"Origin": "http://evil.example"}
        async with anna._http.post(
            f"{server.base_url}/api/v1/agent/frames", json=frame, headers=evil
        ) as response:
            assert response.status == 403


@pytest.mark.parametrize(
    "header",
    ["Bearer ", "Bearer swb_wrong", "Basic YW5uYTp4", "swb_wrong", "Bearer " + "x" * 5_000],
)
async def test_nobody_elses_word_counts(server: DeskServer, token: str, header: str) -> None:
    async with aiohttp.ClientSession(headers={"Authorization": header}) as http:
        for method, path in (("GET", "events"), ("POST", "frames")):
            address = f"{server.base_url}/api/v1/agent/{path}"
            async with http.request(method, address) as answer:
                assert answer.status == 401
                assert (await answer.json())["error"] == "not_logged_in"


async def test_an_agent_is_sent_only_their_own(server: DeskServer, token: str) -> None:
    async with server.client(BEN) as ben, stream(server, token) as (http, events):
        await events.frame()
        bens, annas = RingingCall(), RingingCall()
        await server.publish(*bens.until_ringing(victoria(), B))
        offer = await ben.wait_frame("pop.offer")
        note = {"kind": "note", "pop_id": offer["pop_id"], "text": "mine now"}
        assert await say(server, http, note) == 204
        assert (await events.frame())["code"] == "note_refused"
        await server.publish(*annas.until_ringing(victoria(), A))
        assert (await events.frame())["content"]["call"]["id"] == str(annas.id)


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"{", "application/json", 400, "bad_frame"),
        (b"[]", "application/json", 400, "bad_frame"),
        (b'{"kind":"hello"}', "application/json", 400, "bad_frame"),
        (b'{"kind":"ack","pop_id":"p","seq":-1}', "application/json", 400, "bad_frame"),
        (b'{"kind":"note","pop_id":"p","text":"<b>"}', "text/plain", 400, "bad_request"),
        (
            b'{"kind":"note","text":"' + b"x" * 20_000 + b'"}',
            "application/json",
            400,
            "bad_request",
        ),
    ],
)
async def test_what_is_no_frame(
    server: DeskServer, token: str, body: bytes, kind: str, status: int, code: str
) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.post(f"{server.base_url}/api/v1/agent/frames", data=body) as answer,
    ):
        assert answer.status == status
        told = await answer.json()
        assert told["error"] == code
        assert "<b>" not in told["message"]


async def test_a_frame_that_comes_in_pieces(server: DeskServer, token: str) -> None:
    frame = {"kind": "state.set", "state": "available"}
    text = json.dumps(frame).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    async with aiohttp.ClientSession(headers=headers) as http:

        async def pieces() -> AsyncIterator[bytes]:
            yield text[:20]
            # The first piece has come once this has gone there and back.
            assert await say(server, http, frame) == 204
            yield text[20:]

        async with http.post(f"{server.base_url}/api/v1/agent/frames", data=pieces()) as answer:
            assert answer.status == 204, await answer.text()


async def test_too_many_frames_are_slowed_down(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Slower than any machine is.
    monkeypatch.setattr(routes, "MESSAGES_PER_S", 0.01)
    monkeypatch.setattr(routes, "MESSAGES_BURST", 5.0)
    await add_agents(database)
    token = await make_token(database, "anna", "test")
    ack = {"kind": "ack", "pop_id": "p", "seq": 1}
    async with desk_server(database) as server, stream(server, token) as (http, _):
        told = [await say(server, http, ack) for _ in range(6)]
    assert told == [204] * 5 + [429]


async def test_a_client_that_does_not_read_is_dropped_alone(server: DeskServer, token: str) -> None:
    host, port = server.base_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
        slow.sendall(
            b"GET /api/v1/agent/events HTTP/1.1\r\nHost: x\r\n"
            b"Authorization: Bearer " + token.encode() + b"\r\n\r\n"
        )
        async with server.client(BEN) as ben:
            await wait_until(lambda: server.desk.hub.desktops_of("anna") == 1)
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
        assert server.desk.hub.desktops_of("anna") == 0


async def test_a_client_that_has_gone_is_no_longer_counted(server: DeskServer, token: str) -> None:
    async with stream(server, token) as (_, events):
        await events.frame()
        assert server.desk.hub.desktops_of("anna") == 1
    await wait_until(lambda: server.desk.hub.desktops_of("anna") == 0)


async def test_a_quiet_stream_beats(
    server: DeskServer, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("screenpop.delivery.event_stream.BEAT_EVERY_S", 0.05)
    async with stream(server, token) as (_, events):
        await events.frame()
        await asyncio.wait([beats := asyncio.create_task(events.next())], timeout=0.3)
        await server.publish(*RingingCall().until_ringing(victoria(), A))
        assert (await beats)[1]["kind"] == "pop.offer"
        assert "beat" in events.comments


async def test_a_revoked_token_ends_its_streams_and_no_other(
    server: DeskServer, token: str
) -> None:
    other = await make_token(server.database, "anna", "other")
    assert [(one.login, one.name) for one in await list_tokens(server.database)] == [
        ("anna", "crm"),
        ("anna", "other"),
    ]
    async with stream(server, token) as (http, events), stream(server, other) as (_, stays):
        await events.frame()
        await stays.frame()
        await revoke_token(server.database, "anna", "crm")
        assert await say(server, http, {"kind": "state.set", "state": "available"}) == 401
        await server.desk.refresh()
        assert await events.next() == ("close", {"code": 4401, "reason": "the log-in ended"})
        with pytest.raises(EOFError):
            await events.next()
        await server.publish(*RingingCall().until_ringing(victoria(), A))
        assert (await stays.frame())["kind"] == "pop.offer"
    with pytest.raises(Misconfigured, match="no token"):
        await revoke_token(server.database, "anna", "crm")


async def test_a_ninth_client_is_refused(server: DeskServer, token: str) -> None:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http:
        url = f"{server.base_url}/api/v1/agent/events"
        open_ones = [await http.get(url) for _ in range(8)]
        async with http.get(url) as ninth:
            assert ninth.status == 429
            assert (await ninth.json())["error"] == "too_many"
        for one in open_ones:
            one.close()


async def test_a_token_is_nowhere_on_our_side(any_database: Database) -> None:
    await add_agents(any_database)
    token = await make_token(any_database, "anna", "crm")
    async with any_database.read() as connection:
        rows = (await connection.exec_driver_sql("SELECT * FROM agent_tokens")).all()
    assert len(rows) == 1
    assert token not in repr(rows)
    for login, name, why in (
        ("nobody", "crm", "no agent 'nobody'"),
        ("anna", "crm", "a token 'crm' already"),
        ("anna", "a b", "name 'a b'"),
    ):
        with pytest.raises(Misconfigured, match=why):
            await make_token(any_database, login, name)
