"""Whether the API behind a mapping lets us write: asked as the mapping says, never by writing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from calls.errors import Misconfigured
from config.crm_settings import RestSettings
from crm_adapter.adapter import AuthFailed, Forbidden
from crm_adapter.rest.adapter import RestCrm

pytestmark = pytest.mark.integration

_MAPPING = """
base_url: "${env:SHOP_URL}"
check: {path: /ping}
limits: {timeout_ms: 30000}
lookup: {path: /contacts, query: {phone: "{phone}"}, map: {id: id, name: name, phones: phones}}
create_lead: {request: {method: POST, path: /leads, json: {phone: "{e164}"}}, idempotent: true}
log_call: {request: {method: POST, path: /calls, json: {call: "{call_id}"}}, idempotent: true}
update: {path: "/contacts/{id}", json: "{changes}", allow: {last_name: last}}
"""
_ASKED = """
check_write:
  create_lead: {path: /me, when: "may.leads == 'all'"}
  log_call: {method: POST, path: /calls, json: {}, granted_status: [422]}
  update: {path: /me/contacts}
"""
_GOOD: dict[str, tuple[int, Any]] = {
    "/me": (200, {"may": {"leads": "all"}}),
    "/calls": (422, {"message": "call is missing"}),
    "/me/contacts": (204, None),
}


@asynccontextmanager
async def _shop(
    folder: Path, mapping: str, answers: dict[str, tuple[int, Any]]
) -> AsyncIterator[RestCrm]:
    async def answer(request: web.Request) -> web.Response:
        status, told = answers.get(request.path, (200, {}))
        return web.Response(status=status, text="" if told is None else json.dumps(told))

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    file = folder / "shop.yaml"
    file.write_text(mapping)
    async with TestServer(application) as server:
        crm = RestCrm(
            settings=RestSettings(mapping=file),
            region="GB",
            environ={"SHOP_URL": f"http://127.0.0.1:{server.port}"},
        )
        await crm.open()
        try:
            yield crm
        finally:
            await crm.close()


async def test_rights_that_the_mapping_asks_for_are_known(tmp_path: Path) -> None:
    async with _shop(tmp_path, _MAPPING + _ASKED, _GOOD) as crm:
        await crm.check()
        assert [str(one) for one in crm.warnings] == []


@pytest.mark.parametrize(
    ("path", "answer", "named"),
    [
        ("/me", (200, {"may": {"leads": "none"}}), "create leads"),
        ("/me", (200, {}), "create leads"),
        ("/me", (200, [1]), "create leads"),
        ("/me", (403, {"message": "no"}), "create leads"),
        ("/calls", (403, {"message": "no"}), "log calls"),
        ("/me/contacts", (403, {"message": "no"}), "change contacts"),
    ],
)
async def test_a_missing_right_is_named(
    tmp_path: Path, path: str, answer: tuple[int, Any], named: str
) -> None:
    async with _shop(tmp_path, _MAPPING + _ASKED, _GOOD | {path: answer}) as crm:
        with pytest.raises(Forbidden, match=f"may not {named}"):
            await crm.check()


async def test_what_nobody_asks_for_is_a_warning_each(tmp_path: Path) -> None:
    async with _shop(tmp_path, _MAPPING, _GOOD) as crm:
        await crm.check()
        assert [str(one) for one in crm.warnings] == [
            f"the right to {one} could not be tried without writing"
            for one in (
                "create leads (create_lead)",
                "log calls (log_call)",
                "change contacts (update)",
            )
        ]


@pytest.mark.parametrize("answer", [(500, {}), (404, {"message": "gone"}), (400, {})])
async def test_a_question_that_fails_tells_nothing(tmp_path: Path, answer: tuple[int, Any]) -> None:
    async with _shop(tmp_path, _MAPPING + _ASKED, _GOOD | {"/me": answer}) as crm:
        await crm.check()
        [warning] = [str(one) for one in crm.warnings]
        assert "create leads" in warning


async def test_a_log_in_that_ends_meanwhile_is_no_warning(tmp_path: Path) -> None:
    async with _shop(tmp_path, _MAPPING + _ASKED, _GOOD | {"/me": (401, {})}) as crm:
        with pytest.raises(AuthFailed):
            await crm.check()


async def test_a_right_to_what_is_not_written_is_a_mistake_in_the_file(tmp_path: Path) -> None:
    asked = "check_write: {create_task: {path: /me}}\n"
    with pytest.raises(Misconfigured, match="'create_task' itself is missing"):
        async with _shop(tmp_path, _MAPPING + asked, _GOOD):
            pass


async def test_a_question_about_rights_knows_no_record(tmp_path: Path) -> None:
    asked = 'check_write: {create_lead: {path: "/me/{e164}"}}\n'
    with pytest.raises(Misconfigured, match="unknown name"):
        async with _shop(tmp_path, _MAPPING + asked, _GOOD):
            pass
