"""Webhooks over real HTTP, to servers that behave and to servers that do not."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import hmac
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from calls.deadlines import Deadline
from calls.errors import DeadlineExceeded, Unavailable
from config.facts import Fact, FactKind
from config.problems import Place
from config.rulebook import Webhook
from config.settings import RulebookSettings
from ivr import webhooks
from ivr.webhook_question import declared
from ivr.webhooks import MAX_ANSWER_BYTES, SIGNATURE_HEADER, HttpWebhooks, flat_values

pytestmark = pytest.mark.integration

BODY = {"call": "pbx/1.1", "dialled": "+18005550100", "number": None, "typed": {"a": "1"}}
SETTINGS = RulebookSettings(
    webhook_hosts=("127.0.0.1", "api.example.com"), webhook_secret=SecretStr("hush")
)

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Peer:
    """The company's own system; `answer` is what it does."""

    answer: Answer
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    url: str = ""

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.paths.append(request.path)
        self.headers.append(dict(request.headers))
        self.bodies.append(await request.read())
        return await self.answer(request)


@asynccontextmanager
async def peer(answer: Answer) -> AsyncIterator[Peer]:
    here = Peer(answer)
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", here.serve)
    async with TestServer(app) as server:
        here.url = str(server.make_url("/stock"))
        yield here


def answering(body: Any, **more: Any) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return web.Response(body=raw, **more)

    return answer


async def ask(
    url: str, *, settings: RulebookSettings = SETTINGS, seconds: float = 5.0
) -> dict[str, Any]:
    async with HttpWebhooks(settings=settings, now=lambda: 1_760_000_000.9) as asking:
        answer = await asking.ask("stock", url, BODY, deadline=Deadline.after(seconds))
    return dict(answer.values)


async def test_the_question_is_json_and_signed_and_the_answer_is_its_values() -> None:
    async with peer(answering({"pieces": 3, "shop": "Mitte", "open": True, "price": 1.5})) as shop:
        values = await ask(shop.url)
    assert values == {"pieces": 3, "shop": "Mitte", "open": True, "price": 1.5}
    [body], [headers] = shop.bodies, shop.headers
    assert json.loads(body) == BODY
    assert headers["Content-Type"] == "application/json"
    at, _, given = headers[SIGNATURE_HEADER].partition(",v1=")
    expected = hmac.new(b"hush", b"1760000000." + body, hashlib.sha256).hexdigest()
    assert (at, given) == ("t=1760000000", expected)


async def test_the_secret_may_be_in_a_file_and_change_there(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    settings = SETTINGS.model_copy(update={"webhook_secret_file": file})
    async with peer(answering({})) as shop:
        signatures = []
        for secret in ("one\n", "two\n", "one"):
            file.write_text(secret)
            await ask(shop.url, settings=settings)
            signatures.append(shop.headers[-1][SIGNATURE_HEADER])
    assert signatures[0] == signatures[2] != signatures[1]


async def test_without_a_secret_nobody_is_asked() -> None:
    settings = SETTINGS.model_copy(update={"webhook_secret": SecretStr("")})
    async with peer(answering({})) as shop:
        with pytest.raises(Unavailable, match="webhook_secret"):
            await ask(shop.url, settings=settings)
    assert shop.paths == []


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:{port}/stock",
        "http://api.example.com.evil.test/stock",
        "http://127.0.0.1@evil.test/stock",
        "http://127.0.0.1\\@evil.test/stock",
        "http://user:word@127.0.0.1:{port}/stock",
        "ftp://127.0.0.1:{port}/stock",
        "file:///etc/passwd",
        "//127.0.0.1:{port}/stock",
        "http://",
        "http://[::1]:{port}/stock",
        "http://127.1:{port}/stock",
        "http://2130706433:{port}/stock",
        "http://127.0.0.1:notaport/stock",
    ],
)
async def test_no_other_host_is_ever_asked(url: str) -> None:
    async with peer(answering({})) as shop:
        port = shop.url.rpartition(":")[2].partition("/")[0]
        with pytest.raises(Unavailable, match="webhook stock"):
            await ask(url.replace("{port}", port))
    assert shop.paths == []


async def test_a_redirect_is_not_followed() -> None:
    async def away(request: web.Request) -> web.StreamResponse:
        raise web.HTTPTemporaryRedirect("/elsewhere")

    async with peer(away) as shop:
        with pytest.raises(Unavailable, match="307"):
            await ask(shop.url)
    assert shop.paths == ["/stock"]


async def test_a_slow_answer_is_given_up_at_the_deadline() -> None:
    begun, over = asyncio.Event(), asyncio.Event()

    async def dripping(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"a": ')
        begun.set()
        await over.wait()
        return response

    async with peer(dripping) as shop:
        with pytest.raises(DeadlineExceeded, match="webhook stock"):
            await ask(shop.url, seconds=0.3)
        assert begun.is_set()
        over.set()


@pytest.mark.parametrize("chunked", [True, False])
async def test_a_huge_answer_is_read_no_further_than_the_limit(chunked: bool) -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        if not chunked:
            response.content_length = 10**9
        await response.prepare(request)
        with_room = 50 * 2**20
        try:
            while sent < with_room:
                await response.write(b" " * 65536)
                sent += 65536
        except ConnectionError:
            pass
        return response

    async with peer(endless) as shop:
        with pytest.raises(Unavailable, match=str(MAX_ANSWER_BYTES)):
            await ask(shop.url)
    assert sent < 50 * 2**20


async def test_what_is_packed_is_not_unpacked() -> None:
    bomb = gzip.compress(b" " * 10_000_000)
    async with peer(answering(bomb, headers={"Content-Encoding": "gzip"})) as shop:
        with pytest.raises(Unavailable, match="no JSON"):
            await ask(shop.url)


@pytest.mark.parametrize("status", [201, 204, 302, 400, 404, 500])
async def test_only_200_is_an_answer(status: int) -> None:
    async with peer(answering(b"{}" if status != 204 else b"", status=status)) as shop:
        with pytest.raises(Unavailable, match=str(status)):
            await ask(shop.url)


@pytest.mark.parametrize(
    "body",
    [b"", b"nothing", b"[1]", b'"a"', b"null", b"[" * 16_000, b"\xff\xfe", b'{"a": NaN}', b"{"],
)
async def test_what_is_no_json_object_is_no_answer(body: bytes) -> None:
    async with peer(answering(body)) as shop:
        with pytest.raises(Unavailable, match="JSON"):
            await ask(shop.url)


async def test_a_peer_that_is_not_there_is_unavailable() -> None:
    async with peer(answering({})) as shop:
        url = shop.url
    with pytest.raises(Unavailable, match="webhook stock"):
        await ask(url)


async def test_proxies_and_passwords_of_the_environment_are_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    async with peer(answering({"pieces": 1})) as shop:
        assert await ask(shop.url) == {"pieces": 1}
    assert "Authorization" not in shop.headers[0]


async def test_no_cookie_is_sent_back() -> None:
    async with (
        peer(answering({}, headers={"Set-Cookie": "a=b"})) as shop,
        HttpWebhooks(settings=SETTINGS) as asking,
    ):
        for _ in range(2):
            await asking.ask("stock", shop.url, BODY, deadline=Deadline.after(30))
    assert "Cookie" not in shop.headers[1]


class _PointingHome(AbstractResolver):
    """A name server in the wrong hands."""

    addresses: tuple[str, ...] = ()

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[Any]:
        return [
            {"hostname": host, "host": one, "port": port, "family": 2, "proto": 0, "flags": 0}
            for one in self.addresses
        ]

    async def close(self) -> None: ...


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "::1", "::ffff:127.0.0.1"],
)
async def test_an_allowed_name_that_leads_into_our_own_network_is_not_asked(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setattr(webhooks.aiohttp, "ThreadedResolver", _PointingHome)
    monkeypatch.setattr(_PointingHome, "addresses", (address,))
    async with peer(answering({})) as shop:
        url = shop.url.replace("http://127.0.0.1", "https://api.example.com")
        with pytest.raises(Unavailable, match=r"webhook stock: .* private network"):
            await ask(url)
    assert shop.paths == []


async def test_no_name_is_asked_without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks.aiohttp, "ThreadedResolver", _PointingHome)
    monkeypatch.setattr(_PointingHome, "addresses", ("8.8.8.8",))
    with pytest.raises(Unavailable, match=r"webhook stock: http without TLS .* write https"):
        await ask("http://api.example.com/stock")


async def test_localhost_may_be_allowed_by_its_name() -> None:
    settings = SETTINGS.model_copy(update={"webhook_hosts": ("LocalHost",)})
    async with peer(answering({"pieces": 2})) as shop:
        url = shop.url.replace("127.0.0.1", "localhost")
        assert await ask(url, settings=settings) == {"pieces": 2}


async def test_neither_the_body_nor_the_answer_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with peer(answering({"name": "Maria"})) as shop:
        await ask(shop.url)
    assert "Maria" not in caplog.text
    assert "18005550100" not in caplog.text


def test_only_flat_values_are_kept() -> None:
    given = {
        "text": "a",
        "whole": 1,
        "number": 1.5,
        "yes": True,
        "none": None,
        "list": [1],
        "object": {"a": 1},
        "long": "x" * 501,
        "big": 2**60,
        "infinite": 1e999,
    }
    body = json.dumps(given).replace("Infinity", "1e999").encode()
    assert flat_values("stock", body) == {"text": "a", "whole": 1, "number": 1.5, "yes": True}


def test_only_declared_kinds_become_facts() -> None:
    webhook = Webhook(
        "stock",
        "https://api.example.com/",
        2.0,
        {
            "pieces": Fact(FactKind.WHOLE),
            "price": Fact(FactKind.NUMBER),
            "shop": Fact(FactKind.TEXT),
            "open": Fact(FactKind.YES_NO),
            "state": Fact(FactKind.TEXT, ("new", "old")),
        },
        Place("test.yaml", 1),
    )
    good = {"pieces": 3, "price": 2, "shop": " Mitte\n\x1b ", "open": False, "state": "new"}
    assert declared(webhook, {**good, "more": 1}) == {**good, "shop": "Mitte"}
    bad = {"pieces": True, "price": "2", "shop": 1, "open": 1, "state": "odd"}
    assert declared(webhook, bad) == {}
    assert declared(webhook, {"pieces": 1.0, "open": "yes", "shop": "\x00"}) == {}
