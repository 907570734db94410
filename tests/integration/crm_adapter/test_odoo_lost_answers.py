"""Odoo commits, its answer is lost: the same write again finds what the first one made."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace

import aiohttp
import pytest
from aiohttp import web

from calls.caller import ContactRef
from calls.deadlines import Deadline
from crm_adapter.adapter import AmbiguousWrite
from crm_adapter.adapters.odoo import OdooCrm
from tests.crm_worlds.odoo_world import settings_of
from tests.crm_worlds.samples import LEAD, LONDON, RECORD, TASK
from tests.servers.odoo.server import OdooServer

pytestmark = [pytest.mark.integration, pytest.mark.odoo]

Write = Callable[[OdooCrm], Awaitable[str]]
WRITES: dict[str, tuple[str, Write]] = {
    "lead": ("crm.lead", lambda crm: crm.create_lead(LEAD, "key-1")),
    "call": ("mail.message", lambda crm: crm.log_call(RECORD, "key-1")),
    "task": ("mail.activity", lambda crm: crm.create_task(TASK, "key-1")),
}


@dataclass
class LossyProxy:
    """Passes everything on; the answers to `loses` are lost, once each `lose` is set."""

    target: str
    url: str = ""
    lose: str | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {
            name: request.headers[name]
            for name in ("Authorization", "X-Odoo-Database", "Content-Type")
            if name in request.headers
        }
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.target}{request.path}", data=body, headers=headers) as answer,
        ):
            told = await answer.read()
            status = answer.status
        # JSON-2 names the model in the path, JSON-RPC in the body.
        asked = f"{request.path} {body.decode()}"
        if self.lose is not None and self.lose in asked and "load" in asked:
            self.lose = None
            assert request.transport is not None
            request.transport.abort()
        return web.Response(body=told, status=status, content_type="application/json")


@pytest.fixture
async def proxy(odoo_server: OdooServer) -> AsyncIterator[LossyProxy]:
    lossy = LossyProxy(odoo_server.url)
    app = web.Application(client_max_size=2**20)
    app.router.add_route("POST", "/{path:.*}", lossy.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    lossy.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield lossy
    await runner.cleanup()


@pytest.fixture(params=["json2", "jsonrpc"])
async def crm(
    request: pytest.FixtureRequest, odoo_server: OdooServer, proxy: LossyProxy
) -> AsyncIterator[OdooCrm]:
    await odoo_server.clean()
    settings = settings_of(odoo_server, api=request.param, url=proxy.url)
    adapter = OdooCrm(settings=settings, region="GB")
    await adapter.open()
    await adapter.check()
    yield adapter
    await adapter.close()


@pytest.mark.parametrize("what", sorted(WRITES))
async def test_a_write_whose_answer_is_lost_is_made_once(
    crm: OdooCrm, odoo_server: OdooServer, proxy: LossyProxy, what: str
) -> None:
    model, write = WRITES[what]
    proxy.lose = model
    with pytest.raises(AmbiguousWrite):
        await write(crm)
    assert proxy.lose is None
    made = await ours(odoo_server, model)
    assert len(made) == 1
    assert await write(crm) == str(made[0])
    assert await ours(odoo_server, model) == made


async def test_a_change_whose_answer_is_lost_may_be_repeated_by_the_same_writer(
    crm: OdooCrm, odoo_server: OdooServer, proxy: LossyProxy
) -> None:
    partner = await odoo_server.add_partner("Ann Lee", phone=LONDON)
    ref = ContactRef("odoo", str(partner))
    [hit] = await crm.find_by_phone(LONDON, limit=5, deadline=Deadline.after(30))
    proxy.lose = "mail.message"

    async def change() -> None:
        await crm.update_fields(
            ref, {"email": "ann@example.com"}, expect_version=hit.version, idem="u-1"
        )

    with pytest.raises(AmbiguousWrite):
        await change()
    await change()
    [held] = await odoo_server.find("res.partner", [("id", "=", partner)], ["email"])
    assert held["email"] == "ann@example.com"
    await change()  # as an outbox does that was killed before it could note the success


async def test_a_later_word_of_a_call_is_written_after_a_lost_answer(
    crm: OdooCrm, odoo_server: OdooServer, proxy: LossyProxy
) -> None:
    proxy.lose = "mail.message"
    with pytest.raises(AmbiguousWrite):
        await crm.log_call(replace(RECORD, ended_at=None), "revision-1")
    await crm.log_call(replace(RECORD, revision=2), "revision-2")
    [note] = await ours(odoo_server, "mail.message")
    [row] = await odoo_server.find("mail.message", [("id", "=", note)], ["body"])
    assert "Revision: 2" in row["body"]


async def ours(server: OdooServer, model: str) -> list[int]:
    domain = [("body", "like", "Key: ")] if model == "mail.message" else []
    return [row["id"] for row in await server.find(model, domain, ["id"])]
