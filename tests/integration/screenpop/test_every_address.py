"""Each address of the desk and of programs asks who calls, but for those written down here."""

from __future__ import annotations

import re

import aiohttp
import pytest
from aiohttp import web

from calls.bus import EventBus
from config.settings import SoftphoneSettings
from screenpop.desk.desk import Desk
from storage.database import Database
from tests.fakes.desk_server import desk_server

pytestmark = pytest.mark.integration

#: The page, which is empty until somebody logs in, and the way to log in and out.
PUBLIC = {
    "GET /",
    "GET /supervisor",
    "GET /icon.svg",
    "GET /assets/{name}",
    "POST /api/v1/session",
    "DELETE /api/v1/session",
    "GET /api/v1/session/ways",
    "GET /api/v1/session/oidc",
    "GET /api/v1/session/oidc/callback",
}

#: Without it the phone's socket has nothing to ask about.
SIP = {"Sec-WebSocket-Protocol": "sip"}


async def test_nobody_gets_in_without_a_log_in(database: Database) -> None:
    routes: list[str] = []

    async def walk(app: web.Application, _desk: Desk, _bus: EventBus) -> None:
        routes.extend(
            f"{route.method} {route.resource.canonical}"
            for route in app.router.routes()
            if route.resource is not None and route.method != "HEAD"
        )

    async with (
        desk_server(database, more=walk, softphone=SoftphoneSettings()) as server,
        aiohttp.ClientSession(headers={"Origin": server.base_url}) as http,
    ):
        assert set(routes) >= PUBLIC
        assert len(set(routes) - PUBLIC) >= 8
        for address in sorted(set(routes) - PUBLIC):
            method, path = address.split()
            url = server.base_url + re.sub(r"{\w+}", "1", path)
            for headers in (
                {},
                {"Authorization": "Bearer swb_x", "Cookie": "switchboard_session=x"},
            ):
                async with http.request(method, url, json={}, headers=headers | SIP) as answer:
                    assert (address, answer.status) == (address, 401)
