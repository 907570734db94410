"""The adapter that docs/crm/README.md shows to whoever writes one, as it is printed there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from calls.caller import ContactRef
from calls.errors import Misconfigured
from crm_adapter.adapter import AuthFailed, CrmAdapter, NotFound, Unsupported
from tests.crm_worlds.asking import hit_of, soon
from tests.crm_worlds.samples import LEAD, LONDON, RECORD, TASK
from tests.fakes.printed_examples import printed_python
from tests.fakes.rest_server import RestServer, started

pytestmark = pytest.mark.integration

ANN = {
    "id": "7",
    "first": "Ann",
    "last": "Ng",
    "phone": "020 7946 0018",
    "mobile": "",
    "company": {"name": "Kiln & Co"},
    "v": "3",
}


@pytest.fixture
async def shop() -> AsyncIterator[tuple[RestServer, str]]:
    shop = RestServer(contacts={"7": dict(ANN)})
    listening = await started(shop)
    yield shop, str(listening.make_url("")).rstrip("/")
    await listening.close()


def printed(url: str, token: str) -> CrmAdapter:
    made: dict[str, Any] = {}
    source = printed_python("crm/README.md", "## How to write an adapter")
    exec(compile(source, "docs/crm/README.md", "exec"), made)
    settings = SimpleNamespace(
        url=url, token=SecretStr(token), token_file=None, concurrency=4, connect_s=20.0
    )
    adapter: CrmAdapter = made["MyCrm"](settings=settings, region="GB")
    return adapter


@pytest.fixture
async def crm(shop: tuple[RestServer, str]) -> AsyncIterator[CrmAdapter]:
    server, url = shop
    adapter = printed(url, server.token)
    await adapter.open()
    yield adapter
    await adapter.close()


async def test_it_finds_and_reads(crm: CrmAdapter) -> None:
    await crm.check()
    hit = await hit_of(crm, LONDON)
    assert (hit.candidate.name, hit.candidate.company) == ("Ann Ng", "Kiln & Co")
    contact = await crm.get(hit.candidate.ref, deadline=soon())
    assert contact.name == "Ann Ng"
    assert contact.url is not None
    assert contact.url.endswith("/c/7")
    assert list(await crm.find_by_phone("+442079460019", limit=5, deadline=soon())) == []
    for nobody in (ContactRef("mycrm", "8"), ContactRef("other", "7")):
        with pytest.raises(NotFound):
            await crm.get(nobody, deadline=soon())


async def test_it_writes_each_record_once(crm: CrmAdapter, shop: tuple[RestServer, str]) -> None:
    server, _ = shop
    ids = await asyncio.gather(*(crm.create_lead(LEAD, "key-1") for _ in range(3)))
    assert len(set(ids)) == 1
    assert [lead["ext"] for lead in server.leads] == ["key-1"]
    at_answer = await crm.log_call(replace(RECORD, ended_at=None), "revision-1")
    assert await crm.log_call(replace(RECORD, revision=2), "revision-2") == at_answer
    [call] = server.calls
    assert (call["seconds"], call["key"]) == (63, "revision-2")


async def test_it_denies_what_it_does_not_claim_and_names_what_is_wrong(
    crm: CrmAdapter, shop: tuple[RestServer, str]
) -> None:
    for asked in (crm.create_task(TASK, "key-1"), crm.withdraw_lead("1", "key-2")):
        with pytest.raises(Unsupported):
            await asked
    _, url = shop
    stranger = printed(url, "wrong")
    await stranger.open()
    with pytest.raises(AuthFailed):
        await stranger.check()
    await stranger.close()
    with pytest.raises(Misconfigured, match=r"set mycrm\.url"):
        printed("", "x")
