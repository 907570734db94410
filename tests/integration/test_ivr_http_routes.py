"""What Asterisk fetches, over real HTTP."""

from __future__ import annotations

import http
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from calls.call import CallId
from calls.deadlines import Deadline
from calls.decision import HoldEntryPlanned
from ivr.hold import HoldProgrammes, hold_class
from ivr.http_routes import FORM_LIMIT, add_routes
from ivr.music import Music
from ivr.prompt_store import PromptStore
from ivr.prompts import Prompts
from tests.fakes.speech_engine import FakeEngine

pytestmark = pytest.mark.integration

CALL = CallId("pbx", "1700000000.1")
PROGRAMME = (
    HoldEntryPlanned("say", text="We are sorry for the delay."),
    HoldEntryPlanned("music", seconds=2),
)


@dataclass
class Site:
    prompts: Prompts
    hold: HoldProgrammes
    store: PromptStore
    client: TestClient[web.Request, web.Application]

    async def prompt_path(self, text: str) -> str:
        url = await self.prompts.render(text, "en", deadline=Deadline.after(5))
        assert url is not None
        return urlsplit(url).path

    async def wait_with(self, call_id: CallId) -> None:
        name = await self.hold.prepare(call_id, PROGRAMME, "en", deadline=Deadline.after(5))
        assert name == hold_class(call_id)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with PromptStore(folder=tmp_path, limit_bytes=10**7, base_url="http://pbx") as store:
        prompts = Prompts(store=store, engine=FakeEngine())
        music = Music(store=store, file=None)
        await music.open()
        hold = HoldProgrammes(speech=prompts, music=music)
        app = web.Application()
        add_routes(app, store=store, hold=hold)
        async with TestClient(TestServer(app)) as client:
            yield Site(prompts, hold, store, client)


async def test_a_prompt_is_served_to_be_kept_for_ever(site: Site) -> None:
    path = await site.prompt_path("For an invoice")
    async with site.client.get(path) as answer:
        body = await answer.read()
        assert answer.status == http.HTTPStatus.OK
        assert answer.headers["Content-Type"] == "audio/wav"
        assert "immutable" in answer.headers["Cache-Control"]
        assert "ETag" in answer.headers
    assert body[:4] == b"RIFF"
    async with site.client.head(path) as answer:
        assert answer.status == http.HTTPStatus.OK
        assert answer.headers["Content-Length"] == str(len(body))
        assert await answer.read() == b""
        tag = answer.headers["ETag"]
    async with site.client.get(path, headers={"If-None-Match": tag}) as answer:
        assert answer.status == http.HTTPStatus.NOT_MODIFIED


@pytest.mark.parametrize(
    "file",
    [
        "x.wav",
        "a" * 64,
        "a" * 64 + ".mp3",
        "a" * 64 + ".wav.wav",
        "A" * 64 + ".wav",
        "a" * 64 + "%0a.wav",
        "a" * 63 + "%00.wav",
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e%2f" + "a" * 64 + ".wav",
        "a" * 64 + ".wav",
        "a" * 6000,
    ],
)
async def test_any_other_name_is_not_found(site: Site, file: str) -> None:
    async with site.client.get(f"/prompts/{file}") as answer:
        assert answer.status == http.HTTPStatus.NOT_FOUND


async def test_a_file_that_vanished_is_rendered_again(site: Site) -> None:
    path = await site.prompt_path("For an invoice")
    name = path.removeprefix("/prompts/").removesuffix(".wav")
    site.store.path(name).unlink()
    async with site.client.get(path) as answer:
        assert answer.status == http.HTTPStatus.NOT_FOUND
    assert await site.prompt_path("For an invoice") == path
    async with site.client.get(path) as answer:
        assert answer.status == http.HTTPStatus.OK


async def rows(site: Site, path: str, data: str) -> list[dict[str, str]]:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    async with site.client.post(path, data=data, headers=headers) as answer:
        assert answer.status == http.HTTPStatus.OK
        text = await answer.text()
    return [{k: v[0] for k, v in parse_qs(line).items()} for line in text.splitlines()]


@pytest.mark.parametrize("shape", ["single", "multi"])
async def test_the_programme_of_a_call_is_a_playlist_class(site: Site, shape: str) -> None:
    await site.wait_with(CALL)
    name = hold_class(CALL)
    found = await rows(site, f"/pbx/musiconhold/{shape}", f"name={name}")
    assert found == [{"name": name, "mode": "playlist"}]
    # The filter as res_musiconhold.c writes it.
    entries = await rows(site, f"/pbx/musiconhold_entry/{shape}", f"position%20%3E=0&name={name}")
    assert [entry["position"] for entry in entries] == ["0", "1"]
    assert {entry["name"] for entry in entries} == {name}
    for entry in entries:
        async with site.client.get(urlsplit(entry["entry"]).path) as answer:
            assert answer.status == http.HTTPStatus.OK


@pytest.mark.parametrize(
    "data",
    [
        "name=hold-unknown",
        "name=default",
        "",
        "name=",
        "name=%00&name=x",
        "mode=files",
        "name=%ff%fe",
    ],
)
async def test_an_unknown_class_is_empty_and_no_error(site: Site, data: str) -> None:
    for path in ("musiconhold/single", "musiconhold_entry/multi"):
        assert await rows(site, f"/pbx/{path}", data) == []


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"name=" + b"x" * FORM_LIMIT, http.HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
        (b"a=1&" * 500, http.HTTPStatus.BAD_REQUEST),
        (b"name=\xff\xfe", http.HTTPStatus.BAD_REQUEST),
    ],
)
async def test_a_hostile_form_is_refused(site: Site, data: bytes, status: http.HTTPStatus) -> None:
    async with site.client.post("/pbx/musiconhold/single", data=data) as answer:
        assert answer.status == status


async def test_nothing_is_answered_to_a_get(site: Site) -> None:
    async with site.client.get("/pbx/musiconhold/single") as answer:
        assert answer.status == http.HTTPStatus.METHOD_NOT_ALLOWED
