"""What Asterisk fetches, over real HTTP."""

from __future__ import annotations

import http
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from calls.bus import EventBus
from calls.call import CallId
from calls.deadlines import Deadline
from calls.decision import HoldEntryPlanned
from ivr.hold import HoldProgrammes
from ivr.http_routes import FORM_LIMIT, add_routes
from ivr.music import Music
from ivr.prompt_store import PromptStore
from ivr.prompts import Prompts
from tests.fakes.hold_programmes import hold_programmes
from tests.fakes.kept_app import kept_app
from tests.fakes.legible_speech import LegibleEngine, flat_music, read_back

pytestmark = pytest.mark.integration

CALL = CallId("pbx", "1700000000.1")
PROGRAMME = (
    HoldEntryPlanned("say", text="We are sorry for the delay."),
    HoldEntryPlanned("music", seconds=2),
)


@dataclass
class Site:
    engine: LegibleEngine
    prompts: Prompts
    hold: HoldProgrammes
    store: PromptStore
    client: TestClient[web.Request, web.Application]

    async def prompt_path(self, text: str) -> str:
        url = await self.prompts.render(text, "en", deadline=Deadline.after(30))
        assert url is not None
        return urlsplit(url).path

    async def wait_with(self, call_id: CallId) -> str:
        name = await self.hold.prepare(call_id, PROGRAMME, "en", deadline=Deadline.after(30))
        assert name is not None
        return name


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    own = tmp_path / "own.wav"
    own.write_bytes(flat_music(40))
    async with (
        EventBus() as bus,
        PromptStore(folder=tmp_path / "p", limit_bytes=10**7, base_url="http://pbx") as store,
    ):
        engine = LegibleEngine()
        prompts = Prompts(store=store, engine=engine)
        music = Music(store=store, file=own)
        await music.open()
        hold = await hold_programmes(speech=prompts, music=music, store=store, bus=bus)
        app = kept_app()
        add_routes(app, store=store, hold=hold)
        async with TestClient(TestServer(app)) as client:
            yield Site(engine, prompts, hold, store, client)


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
    name = await site.wait_with(CALL)
    found = await rows(site, f"/pbx/musiconhold/{shape}", f"name={name}")
    assert found == [{"name": name, "mode": "playlist"}]
    # The filter as res_musiconhold.c writes it.
    entries = await rows(site, f"/pbx/musiconhold_entry/{shape}", f"position%20%3E=0&name={name}")
    assert [entry["position"] for entry in entries] == ["0", "1", "2", "3"]
    assert {entry["name"] for entry in entries} == {name}
    for entry in entries:
        async with site.client.get(urlsplit(entry["entry"]).path) as answer:
            assert answer.status == http.HTTPStatus.OK


async def test_an_entry_of_the_callers_own_is_never_kept(site: Site) -> None:
    urls = await site.hold.playlist(await site.wait_with(CALL))
    async with site.client.get(urlsplit(urls[0]).path) as answer:
        assert answer.status == http.HTTPStatus.OK
        assert answer.headers["Content-Type"] == "audio/wav"
        assert answer.headers["Cache-Control"] == "no-store"
        # With any of these Asterisk would ask whether its old copy still holds.
        assert not {"ETag", "Last-Modified", "Expires"} & set(answer.headers)
        assert read_back(await answer.read()) == ["We are sorry for the delay."]
    async with site.client.head(urlsplit(urls[0]).path) as answer:
        assert answer.status == http.HTTPStatus.METHOD_NOT_ALLOWED


@pytest.mark.parametrize("token", ["0" * 64, "x", "..x", "a" * 3000, "%00"])
@pytest.mark.parametrize("number", ["0", "1", "9999"])
async def test_whoever_asks_for_an_entry_of_nobodys_hears_music(
    site: Site, token: str, number: str
) -> None:
    async with site.client.get(f"/pbx/hold/{token}/{number}.wav") as answer:
        assert answer.status == http.HTTPStatus.OK
        assert read_back(await answer.read()) == ["♪5"]


@pytest.mark.parametrize("path", ["x.wav", "-1.wav", "1", "99999.wav", "1.mp3", ""])
async def test_what_is_no_entry_is_not_found(site: Site, path: str) -> None:
    async with site.client.get(f"/pbx/hold/{'0' * 64}/{path}") as answer:
        assert answer.status == http.HTTPStatus.NOT_FOUND


async def test_entries_are_answered_at_once_while_speech_is_stuck(site: Site) -> None:
    name = await site.wait_with(CALL)
    site.engine.gate.clear()
    await site.hold.replan(CALL, (HoldEntryPlanned("say", text="Anything else."),), "en")
    spoken = [url for url in await site.hold.playlist(name) if "/pbx/hold/" in url]
    began = time.perf_counter()
    for url in spoken:
        async with site.client.get(urlsplit(url).path) as answer:
            assert read_back(await answer.read()) in ([], ["♪28"])
    assert time.perf_counter() - began < 1
    site.engine.gate.set()


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
