"""Nobody comes in but whom a declaration names; near is by address, whoever else may claim it."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from calls.doors import ANYBODY, Asker, Door, Origin, hang
from calls.errors import Misconfigured
from config.neighbours import Neighbours
from screenpop.desk.doorkeeper import WATCHES
from tests.fakes.kept_app import kept_app

pytestmark = pytest.mark.unit

FAR = "198.51.100.7"


def door(*by: Asker, **more: Any) -> Door:
    why = "a test" if Asker.ANYBODY in by else ""
    return Door("GET", "/", by=frozenset(by), what="A test.", why=why, **more)


async def hello(request: web.Request) -> web.Response:
    return web.json_response(request.get(WATCHES))


@web.middleware
async def from_afar(request: web.Request, handler: Any) -> web.StreamResponse:
    """Whoever asks is elsewhere, as far as the doors know."""
    response: web.StreamResponse = await handler(request.clone(remote=FAR))
    return response


async def asked(app: web.Application, **headers: str) -> tuple[int, Any]:
    async with (
        TestClient(TestServer(app)) as http,
        http.get("/", headers={name.replace("_", "-"): v for name, v in headers.items()}) as answer,
    ):
        return answer.status, await answer.json()


async def test_an_address_without_a_door_is_not_served() -> None:
    app = kept_app()
    app.router.add_get("/", hello)
    with pytest.raises(Misconfigured, match=r"nobody says who may ask at .*GET"):
        await TestServer(app).start_server()


async def test_an_address_that_came_later_is_refused() -> None:
    app = kept_app()
    app.on_startup.clear()
    app.router.add_get("/", hello)
    assert (await asked(app))[0] == 403


async def test_a_door_without_a_keeper_lets_nobody_in() -> None:
    app = web.Application()
    hang(app.router, door(Asker.ANYBODY), hello)
    async with TestClient(TestServer(app)) as http, http.get("/") as answer:
        assert answer.status == 500


def test_who_may_ask_is_said_and_why_anybody_may() -> None:
    for by, why in ((frozenset[Asker](), ""), (ANYBODY, ""), (frozenset({Asker.PBX}), "so")):
        with pytest.raises(ValueError, match="say who may ask"):
            Door("GET", "/", by=by, what="A test.", why=why)


@pytest.mark.parametrize(
    ("by", "neighbours", "status"),
    [
        (Asker.PBX, Neighbours(), 403),
        (Asker.PBX, Neighbours(asterisks=["198.51.100.0/28"]), 200),
        (Asker.PBX, Neighbours(hosts=[FAR]), 200),
        (Asker.PBX, Neighbours(watchers=[FAR]), 403),
        (Asker.WATCHER, Neighbours(), 403),
        (Asker.WATCHER, Neighbours(watchers=[FAR]), 200),
        (Asker.WATCHER, Neighbours(hosts=[FAR]), 403),
        (Asker.AGENT, Neighbours(hosts=[FAR]), 403),
    ],
)
async def test_who_is_far_needs_a_setting(by: Asker, neighbours: Neighbours, status: int) -> None:
    app = kept_app(neighbours=neighbours, middlewares=[from_afar])
    hang(app.router, door(by), hello)
    assert (await asked(app))[0] == status


@pytest.mark.parametrize("by", [Asker.PBX, Asker.WATCHER])
async def test_this_machine_is_near_but_not_whom_its_proxy_asks_for(by: Asker) -> None:
    for headers, status in (
        ({}, 200),
        ({"X_Forwarded_For": "127.0.0.1, ::ffff:127.0.0.1"}, 200),
        ({"X_Forwarded_For": FAR}, 403),
        ({"X_Forwarded_For": f"127.0.0.1, {FAR}"}, 403),
        ({"X_Forwarded_For": "unknown"}, 403),
        ({"X_Forwarded_For": ",".join(["127.0.0.1"] * 21)}, 403),
    ):
        app = kept_app()
        hang(app.router, door(by), hello)
        assert (headers, (await asked(app, **headers))[0]) == (headers, status)


async def test_nobody_says_for_whom_another_asks_to_come_nearer() -> None:
    app = kept_app(middlewares=[from_afar])
    hang(app.router, door(Asker.WATCHER), hello)
    assert (await asked(app, X_Forwarded_For="127.0.0.1"))[0] == 403


async def test_anybody_is_told_and_who_watches_is_told_more() -> None:
    for middlewares, more in (([], True), ([from_afar], False)):
        app = kept_app(middlewares=middlewares)
        hang(app.router, door(Asker.ANYBODY, Asker.WATCHER), hello)
        assert await asked(app) == (200, more)


async def test_another_process_shows_the_secret() -> None:
    for secret, shown, status in (
        ("s", "Bearer s", 200),
        ("s", "Bearer t", 403),
        ("s", "s", 403),
        (None, "Bearer None", 403),
    ):
        app = kept_app(node_secret=secret)
        hang(app.router, door(Asker.NODE), hello)
        assert (await asked(app, Authorization=shown))[0] == status


async def test_pages_of_others_are_refused() -> None:
    for origin, sent, status in (
        (Origin.FREE, "https://elsewhere.example", 200),
        (Origin.OURS, "https://elsewhere.example", 403),
        (Origin.OURS, None, 200),
        (Origin.NEEDED, None, 403),
    ):
        app = kept_app()
        hang(app.router, door(Asker.ANYBODY, origin=origin), hello)
        headers = {} if sent is None else {"Origin": sent}
        assert (origin, (await asked(app, **headers))[0]) == (origin, status)


async def test_a_refusal_has_the_headers_of_every_answer() -> None:
    app = kept_app(node_secret="s")
    hang(app.router, door(Asker.NODE), hello)
    async with TestClient(TestServer(app)) as http, http.get("/") as answer:
        assert (answer.headers["Cache-Control"], await answer.json()) == (
            "no-store",
            {"error": "not_a_node", "message": "for processes of this centre alone"},
        )
