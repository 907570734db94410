"""Every address of the real router × everybody who may come: what the declaration says, happens."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from calls.doors import Asker, Door, Origin
from screenpop.desk.log_in_routes import LOG_OUT
from switchboard import openapi
from switchboard.nodes import direct_line
from tests.fakes.desk_server import ANNA
from tests.fakes.ringing_call import RingingCall, victoria
from tests.fakes.whole_web import ROLES, WholeWeb, whole_web

pytestmark = pytest.mark.integration

ASKERS = ("nobody", *ROLES, "program")
FAR = {"X-Forwarded-For": "198.51.100.7"}


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[WholeWeb]:
    async with whole_web(tmp_path) as web:
        yield web


def wanted(door: Door, asker: str, *, far: bool) -> int | None:
    """How the door refuses; None where it lets in."""
    by = door.by
    if Asker.ANYBODY in by or Asker.SIGNED in by:
        return None
    if by & {Asker.PBX, Asker.WATCHER}:
        return 403 if far else None
    if asker == "nobody" or Asker.TICKET in by:
        return 401
    if asker == "program":
        return None if Asker.PROGRAM in by else 401
    return None if asker in by else 403


def address(door: Door, values: dict[str, str] | None = None) -> str:
    path = openapi.plain(door)
    simple = {"shape": "multi", "family": "queues", "kind": "a", "number": "1"}
    return re.sub(r"{(\w+)}", lambda m: ((values or {}) | simple).get(m[1], "1"), path)


async def ask(
    http: aiohttp.ClientSession, web: WholeWeb, method: str, door: Door, asker: str, **more: str
) -> int:
    headers = await web.headers_of(asker) | more
    if door.origin is Origin.NEEDED:
        headers["Origin"] = web.base_url
    body: Any = {"json": {}} if door.takes is not None else {}
    async with http.request(method, web.base_url + address(door), headers=headers, **body) as reply:
        return reply.status


async def test_every_address_lets_in_whom_it_names(web: WholeWeb) -> None:
    served = [(method, door) for method, door in web.doors() if door is not None]
    assert len(served) == len(web.doors())
    documented = {str(door) for door in openapi.DOORS}
    assert {str(door) for _, door in served} | {str(direct_line.HEAR)} == documented
    # Whoever logs out has to log in again for what follows.
    served.sort(key=lambda one: one[1] is LOG_OUT)
    async with aiohttp.ClientSession() as http:
        for asker in ASKERS:
            for method, door in served:
                for more in ({}, FAR) if asker == "nobody" else ({},):
                    status = await ask(http, web, method, door, asker, **more)
                    what = (str(door), method, asker, more, status)
                    refused = wanted(door, asker, far=bool(more))
                    if refused is None:
                        assert status not in (401, 403), what
                        assert status in openapi.replies_of(door), what
                    else:
                        assert status == refused, what


async def test_another_page_is_refused_wherever_a_log_in_counts(web: WholeWeb) -> None:
    async with aiohttp.ClientSession() as http:
        for method, door in web.doors():
            assert door is not None
            if door.origin is Origin.FREE:
                continue
            headers = await web.headers_of("admin") | {"Origin": "https://elsewhere.example"}
            url = web.base_url + address(door)
            async with http.request(method, url, headers=headers) as reply:
                assert (str(door), reply.status) == (str(door), 403)


async def test_what_is_anothers_is_not_there(web: WholeWeb) -> None:
    owned = [door for method, door in web.doors() if door and door.own and method != "HEAD"]
    # Whoever adds one says here how an object of anna's is made.
    calls_own = "/api/v1/agent/calls/{pop_id:[A-Za-z0-9_-]+}"
    assert [str(door) for door in owned] == [f"GET {calls_own}", f"PUT {calls_own}/recording"]
    call, phone = RingingCall(), ANNA.interfaces[0]
    await web.centre.publish(*call.until_ringing(victoria(), phone), call.answered(phone))
    async with aiohttp.ClientSession() as http:
        calls: list[dict[str, Any]] = []
        anna = await web.headers_of("anna")
        # It is written a moment after it is shown.
        async with asyncio.timeout(30):
            while not calls:
                async with http.get(f"{web.base_url}/api/v1/agent/calls", headers=anna) as reply:
                    calls = (await reply.json())["calls"]
        for asker, status in (("anna", 200), *((role, 404) for role in ROLES)):
            headers = await web.headers_of(asker)
            hers = {"pop_id": calls[0]["pop_id"]}
            url, pause = (web.base_url + address(one, hers) for one in owned)
            async with http.get(url, headers=headers) as reply:
                assert (asker, reply.status) == (asker, status)
            # There is no Asterisk: anna's own line cannot be silenced.
            tried = 503 if status == 200 else status
            async with http.put(pause, headers=headers, json={"paused": True}) as reply:
                assert (asker, reply.status) == (asker, tried)
