"""The HTTP client before every CRM, against servers that behave badly over real sockets."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from calls.deadlines import Deadline
from crm_adapter.adapter import (
    AmbiguousWrite,
    AuthFailed,
    Conflict,
    CrmError,
    Forbidden,
    Invalid,
    NotFound,
    RateLimited,
    Timeout,
    Unavailable,
)
from crm_adapter.http.client import CrmHttp, HttpLimits, quote
from crm_adapter.http.log_ins import LogIn, basic, bearer, no_log_in, oauth2
from crm_adapter.http.requests import Request
from crm_adapter.http.traces import Exchange
from switchboard.demo import free_ports
from tests.punctual import in_time

pytestmark = pytest.mark.integration

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
#: Line breaks too.
EVERYTHING = r"/{tail:[\s\S]*}"
LIMITS = HttpLimits(connect_s=30, write_s=30, most_bytes=64 * 1024)


@asynccontextmanager
async def crm(
    answer: Answer, *, log_in: LogIn | None = None, path: str = ""
) -> AsyncIterator[tuple[CrmHttp, str]]:
    app = web.Application()
    app.router.add_route("*", EVERYTHING, answer)
    async with TestServer(app) as server:
        base = str(server.make_url("/")).rstrip("/")
        http = CrmHttp(crm="acme", base_url=base + path, log_in=log_in, limits=LIMITS)
        await http.open()
        try:
            yield http, base
        finally:
            await http.close()


@asynccontextmanager
async def raw(
    answer: bytes | None, *, then_reset: bool = False, write_s: float = 30
) -> AsyncIterator[CrmHttp]:
    """A server that reads one request and answers these bytes; None: nothing, ever."""
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer is None:
            await over.wait()
        elif then_reset:
            writer.transport.abort()
        else:
            writer.write(answer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    limits = replace(LIMITS, write_s=write_s)
    http = CrmHttp(crm="acme", base_url=f"http://127.0.0.1:{port}", limits=limits)
    await http.open()
    try:
        yield http
    finally:
        over.set()
        await http.close()
        server.close()
        await server.wait_closed()


def soon() -> Deadline:
    return Deadline.after(30)


async def ask(http: CrmHttp, deadline: Deadline | None = None) -> object:
    return (await http.read("GET", "/contacts", deadline=deadline or soon())).json()


@pytest.mark.parametrize(
    ("status", "read", "write"),
    [
        (301, Unavailable, Unavailable),
        (400, Invalid, Invalid),
        (401, AuthFailed, AuthFailed),
        (403, Forbidden, Forbidden),
        (404, NotFound, NotFound),
        (409, Conflict, Conflict),
        (410, NotFound, NotFound),
        (422, Invalid, Invalid),
        (429, RateLimited, RateLimited),
        (500, Unavailable, AmbiguousWrite),
        (502, Unavailable, AmbiguousWrite),
        (504, Unavailable, AmbiguousWrite),
    ],
)
async def test_what_a_status_means(
    status: int, read: type[CrmError], write: type[CrmError]
) -> None:
    async def answer(request: web.Request) -> web.Response:
        headers = {"Retry-After": "7", "Location": "http://127.0.0.1:1/"}
        return web.json_response({"message": "so it is"}, status=status, headers=headers)

    async with crm(answer) as (http, _):
        with pytest.raises(CrmError) as told:
            await ask(http)
        assert type(told.value) is read
        assert "so it is" in str(told.value)
        with pytest.raises(CrmError) as told:
            await http.write("POST", "/leads", json={})
        assert type(told.value) is write
        if isinstance(told.value, RateLimited):
            assert told.value.after_s == 7


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"<html>log in, please</html>", "text/html"),
        (b'{"cut":', "application/json"),
        (b"\xff\xfe\x00", "application/json"),
        (b"[" * 20_000, "application/json"),
        (b'{"n": NaN}', "application/json"),
    ],
)
async def test_what_is_no_json_is_said_so(body: bytes, content_type: str) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=body, content_type=content_type)

    async with crm(answer) as (http, _):
        with pytest.raises(Unavailable, match="no JSON"):
            await ask(http)


async def test_nothing_at_all_is_an_answer() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=204)

    async with crm(answer) as (http, _):
        assert await ask(http) is None
        with pytest.raises(Unavailable, match="JSON object"):
            (await http.read("GET", "/", deadline=soon())).json_object()


async def test_an_answer_that_never_ends_is_cut_off() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(10_000):
            await response.write(b" " * 1024)
        return response

    async with crm(answer) as (http, _):
        with pytest.raises(Unavailable, match="more than 65536 bytes"):
            await ask(http)


async def test_nothing_is_unpacked_beyond_the_limit() -> None:
    async def answer(request: web.Request) -> web.Response:
        assert request.headers["Accept-Encoding"] == "identity"
        bomb = gzip.compress(b"[" + b" " * 10**7 + b"]")
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    async with crm(answer) as (http, _):
        with pytest.raises(Unavailable, match="more than 65536 bytes"):
            await ask(http)


@pytest.mark.parametrize(
    ("answer", "then_reset"),
    [
        (b"", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n[1", False),
        (b"SSH-2.0-OpenSSH_9.2\r\n", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", False),
    ],
)
async def test_an_answer_that_breaks_off(answer: bytes, then_reset: bool) -> None:
    async with raw(answer, then_reset=then_reset) as http:
        with pytest.raises(Unavailable):
            await ask(http)
        with pytest.raises(AmbiguousWrite):
            await http.write("POST", "/leads", json={})


async def test_silence_ends_at_the_deadline() -> None:
    async with raw(None, write_s=0.5) as http:
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(Timeout):
            await in_time(ask(http, Deadline.after(0.2)), 0.2)
        assert loop.time() - began > 0.19
        with pytest.raises(AmbiguousWrite, match="in time"):
            await in_time(http.write("POST", "/leads", json={}), 0.5)


async def test_a_write_that_never_left_us_is_no_riddle() -> None:
    port = free_ports.tcp()
    http = CrmHttp(crm="acme", base_url=f"http://127.0.0.1:{port}")
    await http.open()
    with pytest.raises(Unavailable, match="cannot be reached"):
        await http.write("POST", "/leads", json={})
    await http.close()


async def test_no_other_host_is_asked() -> None:
    async def answer(request: web.Request) -> web.Response:
        raise AssertionError("nobody asks this")

    async with crm(answer) as (http, base):
        outside = base.replace("127.0.0.1", "localhost")
        for address in (outside, "http://169.254.169.254/", "file:///etc/passwd", "//x"):
            with pytest.raises(Unavailable):
                await _get(http, address)


async def _get(http: CrmHttp, address: str) -> None:
    await http.exchange(Request("GET", address), soon())


async def test_values_stay_where_they_belong() -> None:
    seen: list[tuple[str, dict[str, str]]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append((request.raw_path, dict(request.query)))
        return web.json_response([])

    async with crm(answer, path="/api") as (http, _):
        hostile = "../x?a=b#c&d %2f\r\n+"
        await http.read(
            "GET", f"/contacts/{quote(hostile)}", query={"phone": "+1 (2)&x=y"}, deadline=soon()
        )
    [(path, query)] = seen
    assert path.startswith("/api/contacts/..%2Fx%3Fa%3Db%23c%26d%20%252f%0D%0A%2B?")
    assert query == {"phone": "+1 (2)&x=y"}


async def test_an_expired_token_is_renewed_once_for_all_who_wait() -> None:
    """Fifty questions under way as the token ends: one renewal, nobody fails."""
    tokens, valid = 0, ""
    storm = asyncio.Barrier(50)

    async def answer(request: web.Request) -> web.Response:
        nonlocal tokens, valid
        if request.path == "/token":
            form = await request.post()
            assert form["client_secret"] == "s e&cret"
            tokens += 1
            valid = f"token-{tokens}"
            return web.json_response({"access_token": valid, "expires_in": 3600})
        if request.headers["Authorization"] == "Bearer token-1" and tokens == 1:
            # The first token is refused, but only once everybody has come with it.
            async with storm:
                pass
            return web.Response(status=401)
        good = request.headers["Authorization"] == f"Bearer {valid}"
        return web.json_response([1]) if good else web.Response(status=401)

    port = free_ports.tcp()
    app = web.Application()
    app.router.add_route("*", EVERYTHING, answer)
    server = TestServer(app, port=port)
    async with server:
        base = f"http://127.0.0.1:{port}"
        form = {"grant_type": "client_credentials", "client_secret": "s e&cret"}
        log_in = oauth2(token_address=f"{base}/token", form=form)
        limits = HttpLimits(connections=60)
        http = CrmHttp(crm="acme", base_url=base, log_in=log_in, limits=limits)
        await http.open()
        answers = await asyncio.gather(*(ask(http) for _ in range(50)))
        await http.close()
    assert answers == [[1]] * 50
    assert (tokens, log_in.obtained) == (2, 2)


async def test_a_silent_log_in_keeps_nobody_longer_than_they_wait() -> None:
    """Not the first one, and not those who come after a patient one."""
    tries = 0
    heard, gate = asyncio.Event(), asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        nonlocal tries
        if request.path == "/token":
            tries += 1
            heard.set()
            await gate.wait()
            return web.json_response({"access_token": "t", "expires_in": 3600})
        return web.json_response([1])

    app = web.Application()
    app.router.add_route("*", EVERYTHING, answer)
    async with TestServer(app) as server:
        base = str(server.make_url("/")).rstrip("/")
        log_in = oauth2(token_address=f"{base}/token", form={"grant_type": "password"})
        http = CrmHttp(crm="acme", base_url=base, log_in=log_in)
        await http.open()
        writing = asyncio.create_task(http.write("POST", "/call", json={}))
        await heard.wait()

        async def impatient() -> None:
            with pytest.raises(Timeout):
                await http.read("GET", "/x", deadline=Deadline.after(0.1))

        await asyncio.gather(*(in_time(impatient(), 0.1) for _ in range(20)))
        gate.set()
        assert (await writing).json() == [1], "the patient one has lost nothing"
        assert await ask(http) == [1]
        assert (tries, log_in.obtained) == (1, 1)
        gate.clear()
        log_in.refused(await log_in.headers(http, deadline=soon()))
        with pytest.raises(Timeout):
            await http.read("GET", "/x", deadline=Deadline.after(0.05))
        await http.close()
        gate.set()


@pytest.mark.parametrize(
    ("status", "body"),
    [(401, {}), (403, {}), (400, {"error": "invalid_client"}), (200, {"error": "invalid_code"})],
)
async def test_a_refused_log_in_is_not_tried_again_at_once(
    status: int, body: dict[str, str]
) -> None:
    tries = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal tries
        tries += 1
        return web.json_response(body, status=status)

    app = web.Application()
    app.router.add_route("*", EVERYTHING, answer)
    async with TestServer(app) as server:
        base = str(server.make_url("/")).rstrip("/")
        log_in = oauth2(token_address=f"{base}/token", form={"grant_type": "password"})
        http = CrmHttp(crm="acme", base_url=base, log_in=log_in)
        await http.open()
        for _ in range(5):
            with pytest.raises(AuthFailed):
                await ask(http)
        await http.close()
    assert tries == 1


async def test_a_log_in_that_is_gone_says_nothing_of_a_record() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"message": "no such address"}, status=404)

    app = web.Application()
    app.router.add_route("*", EVERYTHING, answer)
    async with TestServer(app) as server:
        base = str(server.make_url("/")).rstrip("/")
        log_in = oauth2(token_address=f"{base}/token", form={"grant_type": "password"})
        http = CrmHttp(crm="acme", base_url=base, log_in=log_in)
        await http.open()
        with pytest.raises(Unavailable, match="log-in"):
            await ask(http)
        await http.close()


@pytest.mark.parametrize("log_in", [bearer("s3cret"), basic("me", "s3cret"), no_log_in()])
async def test_no_secret_is_in_a_trace_or_a_log(
    log_in: LogIn, caplog: pytest.LogCaptureFixture
) -> None:
    async def answer(request: web.Request) -> web.Response:
        given = request.headers.get("Authorization", "none")
        return web.json_response({"you sent": given})

    traces: list[Exchange] = []
    caplog.set_level(logging.DEBUG)
    async with crm(answer, log_in=log_in) as (http, _):
        http.set_trace(traces.append)
        await http.read("POST", "/x", json={"key": "s3cret-ish"}, deadline=soon())
    [trace] = traces
    said = json.dumps([trace.url, trace.request, trace.answer]) + caplog.text
    if list(log_in.secrets()):
        assert "s3cret" not in said
        assert "***" in trace.request
        assert "***" in trace.answer
    for secret in log_in.secrets():
        assert secret not in said
