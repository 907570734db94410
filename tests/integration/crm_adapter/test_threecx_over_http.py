"""What templates become asks a real server over a socket, and finds the caller there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from calls.caller import ContactRef
from calls.deadlines import Deadline
from config.crm_settings import RestSettings
from crm_adapter.adapter import HitKind
from crm_adapter.rest.adapter import RestCrm
from crm_adapter.threecx.convert import convert
from tests.crm_worlds.samples import RECORD

pytestmark = pytest.mark.integration

SAMPLES = Path(__file__).parents[2] / "fixtures" / "threecx"
CALLER = "+12025550101"


@dataclass
class Crm:
    """Answers by path; remembers what it was asked."""

    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[web.Request] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)

    async def serve(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        self.bodies.append(await request.json() if request.can_read_body else None)
        answer = self.answers.get(request.path)
        return web.json_response(answer, status=404 if answer is None else 200)


@pytest.fixture
async def crm() -> AsyncIterator[tuple[Crm, str]]:
    serving = Crm()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", serving.serve)
    async with TestServer(app) as server:
        yield serving, str(server.make_url("")).rstrip("/")


def adapter(folder: Path, name: str, host: str, base: str, **environ: str) -> RestCrm:
    """The sample, its own host being ours."""
    raw = (SAMPLES / f"{name}.xml").read_bytes().replace(host.encode(), base.encode())
    path = folder / "crm.yaml"
    path.write_text(convert(raw).yaml(), encoding="utf-8")
    return RestCrm(settings=RestSettings(mapping=str(path)), region="US", environ=environ)


async def test_a_look_up(crm: tuple[Crm, str], tmp_path: Path) -> None:
    serving, base = crm
    serving.answers["/v2/people"] = {
        "results": {
            "people": [
                {
                    "id": 7,
                    "name": {"given": "Ann", "family": "Berg"},
                    "phones": [{"kind": "mobile", "value": CALLER}],
                },
                {"id": 8, "name": {"given": "Bo"}, "phones": [{"kind": "mobile", "value": "+1"}]},
            ]
        }
    }
    secrets = {"CRM_BASE_URL": base, "CRM_API_KEY": "k-1"}
    rest = adapter(tmp_path, "json_paths", "https://none", base, **secrets)
    await rest.open()
    try:
        hits = await rest.find_by_phone(CALLER, limit=5, deadline=Deadline.after(30))
    finally:
        await rest.close()
    [hit] = [hit for hit in hits if CALLER in hit.numbers]
    assert (hit.candidate.ref, hit.candidate.name) == (ContactRef("rest", "7"), "Ann Berg")
    assert hit.candidate.url == "https://app.harbor.example/p/7"
    asked = serving.asked[0]
    assert dict(asked.query) == {
        "phone": CALLER,
        "expand": "phones,company",
        "pipeline": "phone",
    }
    assert asked.headers["X-Api-Key"] == "k-1"


async def test_a_chain_finds_contacts_and_leads(crm: tuple[Crm, str], tmp_path: Path) -> None:
    serving, base = crm
    serving.answers["/leads"] = {"data": [{"id": 5, "last": "Stone", "phone": CALLER}]}
    serving.answers["/contacts/search"] = {"data": []}
    rest = adapter(tmp_path, "chained", "https://api.lantern.example", base)
    await rest.open()
    try:
        [hit] = await rest.find_by_phone(CALLER, limit=5, deadline=Deadline.after(30))
    finally:
        await rest.close()
    assert (hit.kind, hit.candidate.name) == (HitKind.LEAD, "Stone")
    assert {"phone": "0012025550101", "limit": 20} in serving.bodies


async def test_a_report_of_a_call(crm: tuple[Crm, str], tmp_path: Path) -> None:
    serving, base = crm
    serving.answers["/api/customers/42/calls"] = {"call": {"id": 99}}
    secrets = {"CRM_USER": "u", "CRM_SECRET": "s"}
    rest = adapter(tmp_path, "report_call", "https://desk.mill.example", base, **secrets)
    record = replace(RECORD, contact=ContactRef("rest", "account:42"), number=CALLER)
    await rest.open()
    try:
        assert await rest.log_call(record, "k-1") == "99"
    finally:
        await rest.close()
    assert serving.asked[0].headers["Authorization"].startswith("Basic ")
    body = serving.bodies[0]
    assert body["seconds"] == record.talk_s == 63
    assert body["began"] == "2026-03-02 09:30:00"
    assert body["who"] == {"number": f"tel:{CALLER}"}
    assert body["tags"] == ["phone", "inbound"]


async def test_a_log_in_comes_first(crm: tuple[Crm, str], tmp_path: Path) -> None:
    serving, base = crm
    serving.answers["/session"] = {"result": {"token": "t-9"}}
    serving.answers["/find/550101"] = {"id": 1, "display-name": "Ann Berg", "tel": CALLER}
    secrets = {"CRM_SERVER": base, "CRM_LOGIN": "l", "CRM_PASSWORD": "p{w}"}
    rest = adapter(tmp_path, "log_in", "https://none", base, **secrets)
    await rest.open()
    try:
        [hit] = await rest.find_by_phone(CALLER, limit=5, deadline=Deadline.after(30))
    finally:
        await rest.close()
    assert hit.candidate.name == "Ann Berg"
    assert serving.bodies[0] == {"login": "l", "password": "p{w}"}
    assert serving.asked[1].headers["X-Session"] == "t-9"
