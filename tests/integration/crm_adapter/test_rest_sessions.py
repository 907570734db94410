"""Habits of other APIs: sessions, JSON-RPC, rates, no question for one contact by its id."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from calls.caller import ContactRef
from calls.deadlines import Deadline
from config.crm_settings import RestSettings
from crm_adapter.adapter import AuthFailed, NotFound, RateLimited
from crm_adapter.http.traces import Exchange
from crm_adapter.rest.adapter import RestCrm

pytestmark = pytest.mark.integration

LONDON = "+442079460018"
MAPPING = """\
base_url: ${env:RPC_URL}
auth:
  type: login
  login:
    request:
      method: POST
      path: /rpc
      json: {method: login, params: ["${env:RPC_USER}", {password: "${env:RPC_PASSWORD}"}]}
    take: {user_id: "result[0]", session: "result[1]"}
    ok_when: result
    scheme: Session
    value: "${env:RPC_USER}:{user_id}:{session}"
    encode: base64
limits: {rate: 3/2s, timeout_ms: 30000}
lookup:
  method: POST
  path: /rpc
  json: {method: find, params: [["phone", "in", "{phones}"], "{limit}", "{last8}"]}
  items: result
  map: {id: id, name: name, phones: phone}
phone: {forms: [e164, national_digits]}
errors: {ok_when: "!error", auth_failed_when: "error == 'session'"}
"""
PASSWORD = 'p{w}"'


class RpcServer:
    def __init__(self) -> None:
        self.session = "session-000001"
        self.log_ins = 0
        self.asked: list[Any] = []

    async def answer(self, request: web.Request) -> web.Response:
        told = await request.json()
        if told["method"] == "login":
            self.log_ins += 1
            user, secret = told["params"]
            good = (user, secret) == ("cti", {"password": PASSWORD})
            return web.json_response({"result": [7, self.session] if good else None})
        wanted = base64.b64encode(f"cti:7:{self.session}".encode()).decode()
        if request.headers.get("Authorization") != f"Session {wanted}":
            return web.json_response({"error": "session"})
        self.asked.append(told["params"])
        return web.json_response({"result": [{"id": 5, "name": "Ann Ng", "phone": LONDON}]})


@pytest.fixture
async def rpc() -> AsyncIterator[tuple[RpcServer, str]]:
    server = RpcServer()
    app = web.Application()
    app.router.add_post("/rpc", server.answer)
    listening = TestServer(app)
    await listening.start_server()
    yield server, f"http://127.0.0.1:{listening.port}"
    await listening.close()


@asynccontextmanager
async def opened(
    folder: Path, url: str, traced: list[Exchange], *, password: str = PASSWORD
) -> AsyncIterator[RestCrm]:
    file = folder / "rpc.yaml"
    file.write_text(MAPPING)
    crm = RestCrm(
        settings=RestSettings(mapping=file),
        region="GB",
        trace=traced.append,
        environ={"RPC_URL": url, "RPC_USER": "cti", "RPC_PASSWORD": password},
    )
    await crm.open()
    try:
        yield crm
    finally:
        await crm.close()


def soon() -> Deadline:
    return Deadline.after(30)


async def test_a_session_is_had_kept_and_had_again(
    tmp_path: Path, rpc: tuple[RpcServer, str]
) -> None:
    server, url = rpc
    traced: list[Exchange] = []
    async with opened(tmp_path, url, traced) as crm:
        [hit] = await crm.find_by_phone(LONDON, limit=5, deadline=soon())
        assert (hit.candidate.ref, hit.candidate.name) == (ContactRef("rest", "5"), "Ann Ng")
        assert server.asked == [[["phone", "in", [LONDON, "02079460018"]], 5, "79460018"]]
        server.session = "session-000002"
        await crm.find_by_phone(LONDON, limit=5, deadline=soon())
        assert server.log_ins == 2
        shown = repr(traced)
        assert "Ann Ng" in shown
        for secret in (
            PASSWORD,
            "session-00000",
            base64.b64encode(b"cti:7:session-000001").decode(),
        ):
            assert secret not in shown


async def test_a_wrong_password_is_not_tried_again_and_again(
    tmp_path: Path, rpc: tuple[RpcServer, str]
) -> None:
    server, url = rpc
    async with opened(tmp_path, url, [], password="wrong") as crm:
        for _ in range(3):
            with pytest.raises(AuthFailed):
                await crm.find_by_phone(LONDON, limit=5, deadline=soon())
        assert server.log_ins == 1


async def test_no_more_is_asked_than_the_rate_allows(
    tmp_path: Path, rpc: tuple[RpcServer, str]
) -> None:
    server, url = rpc
    async with opened(tmp_path, url, []) as crm:
        asked = [crm.find_by_phone(LONDON, limit=5, deadline=Deadline.after(1.4)) for _ in range(5)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        refused = [answer for answer in answers if isinstance(answer, RateLimited)]
        assert len(refused) == 2
        assert all(one.after_s is not None and 0 < one.after_s <= 2 for one in refused)
        assert len(server.asked) == 3
        assert len(await crm.find_by_phone(LONDON, limit=5, deadline=Deadline.after(30))) == 1


async def test_who_was_found_by_number_is_known_by_id(
    tmp_path: Path, rpc: tuple[RpcServer, str]
) -> None:
    async with opened(tmp_path, rpc[1], []) as crm:
        [hit] = await crm.find_by_phone(LONDON, limit=5, deadline=soon())
        contact = await crm.get(hit.candidate.ref, deadline=soon())
        assert contact.name == "Ann Ng"
        with pytest.raises(NotFound):
            await crm.get(ContactRef("rest", "6"), deadline=soon())
