"""What a CRM tells by a webhook is believed only with the right signature, in time, and once."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from yarl import URL

from calls.signatures import signature
from config.webhook_settings import WebhookIn
from crm_adapter.adapter import Forbidden, Invalid, Unavailable, Unsupported
from crm_adapter.webhooks_in import KNOWN_S, MOST_BYTES, KnownEvents, WebhooksIn, add_routes
from tests.fakes.change_sink import KeepingSink
from tests.fakes.kept_app import kept_app

pytestmark = pytest.mark.integration

SECRET = b"hush"
BODY = b'{"id": 1}'
NOW = 1_790_000_000.0


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


def mac(message: bytes) -> bytes:
    return hmac.new(SECRET, message, hashlib.sha256).digest()


@asynccontextmanager
async def served(
    hooks: Sequence[WebhookIn], sink: KeepingSink | None, clock: Clock
) -> AsyncIterator[str]:
    app = kept_app(client_max_size=MOST_BYTES)
    add_routes(app, WebhooksIn(hooks=hooks, sink=sink, now=clock))
    async with TestServer(app) as server:
        yield str(server.make_url("/hooks/crm/"))


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_bytes(SECRET + b"\n")
    return path


async def post(url: str, headers: dict[str, str], body: bytes = BODY) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=body, headers=headers) as response,
    ):
        return response.status


async def test_each_scheme_is_checked_to_the_last_bit(secret_file: Path) -> None:
    clock, sink = Clock(), KeepingSink()
    stamp = str(int(NOW * 1000))
    plain = WebhookIn(name="plain", secret_file=secret_file, prefix="sha256=")
    based = WebhookIn(name="based", secret_file=secret_file, encoding="base64")
    ours = WebhookIn(
        name="ours", secret_file=secret_file, style="t_v1", header="Switchboard-Signature"
    )
    whole = WebhookIn(
        name="whole",
        secret_file=secret_file,
        encoding="base64",
        signed=("method", "url", "body", "timestamp"),
        timestamp_header="X-Time",
    )
    async with served((plain, based, ours, whole), sink, clock) as url:
        over_all = b"POST" + f"{url}whole".encode() + BODY + stamp.encode()
        good = {
            "plain": {"X-Signature": "sha256=" + mac(BODY).hex()},
            "based": {"X-Signature": base64.b64encode(mac(BODY)).decode()},
            "ours": {"Switchboard-Signature": signature(SECRET, int(NOW), BODY)},
            "whole": {
                "X-Signature": base64.b64encode(mac(over_all)).decode(),
                "X-Time": stamp,
            },
        }
        for name, headers in good.items():
            # Another body, no signature, a torn one: all the same to a stranger.
            assert await post(url + name, headers, BODY + b" ") == 401
            assert await post(url + name, {}) == 401
            torn = {key: value[:-2] for key, value in headers.items()}
            assert await post(url + name, torn) == 401
            assert await post(url + name, headers) == 202
            # Once more: known, and not told again.
            assert await post(url + name, headers) == 200
        assert sink.changes == [(name, BODY) for name in good]
        assert sink.headers[0]["x-signature"] == good["plain"]["X-Signature"]
        assert await post(url + "nobody", good["plain"]) == 404


@pytest.mark.parametrize(("off_s", "status"), [(-299, 202), (299, 202), (-301, 401), (301, 401)])
async def test_what_is_old_or_of_the_future_is_refused(
    secret_file: Path, off_s: int, status: int
) -> None:
    hook = WebhookIn(name="ours", secret_file=secret_file, style="t_v1", header="S")
    async with served((hook,), KeepingSink(), Clock()) as url:
        headers = {"S": signature(SECRET, int(NOW) + off_s, BODY)}
        assert await post(url + "ours", headers) == status


async def test_an_event_that_was_not_taken_may_come_again(secret_file: Path) -> None:
    sink = KeepingSink()
    hook = WebhookIn(name="a", secret_file=secret_file, event_id_header="X-Event")
    async with served((hook,), sink, Clock()) as url:
        headers = {"X-Signature": mac(BODY).hex(), "X-Event": "1"}
        sink.away = True
        assert await post(url + "a", headers) == 503
        sink.away = False
        assert await post(url + "a", headers) == 202
        assert await post(url + "a", headers) == 200
        assert await post(url + "a", headers | {"X-Event": "2"}) == 202
        assert await post(url + "a", {"X-Signature": mac(BODY).hex()}) == 401


async def test_a_seen_id_hides_no_other_message(secret_file: Path) -> None:
    sink = KeepingSink()
    hook = WebhookIn(name="a", secret_file=secret_file, event_id_header="X-Event")
    async with served((hook,), sink, Clock()) as url:
        for body in (BODY, b'{"id": 2}'):
            headers = {"X-Signature": mac(body).hex(), "X-Event": "1"}
            assert await post(url + "a", headers, body) == 202
            assert await post(url + "a", headers, body) == 200


async def test_an_id_that_is_no_text_is_one_all_the_same(secret_file: Path) -> None:
    hook = WebhookIn(name="a", secret_file=secret_file, event_id_header="X-Event")
    async with served((hook,), KeepingSink(), Clock()) as url:
        address = URL(url)
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(
            b"POST /hooks/crm/a HTTP/1.1\r\nHost: here\r\nConnection: close\r\n"
            b"X-Event: \xff\r\nX-Signature: " + mac(BODY).hex().encode() + b"\r\n"
            b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
        )
        answer = await reader.read()
        writer.close()
    assert answer.split(b" ")[1] == b"202"


async def test_too_much_is_refused(secret_file: Path) -> None:
    hook = WebhookIn(name="a", secret_file=secret_file)
    sink = KeepingSink()
    async with served((hook,), sink, Clock()) as url:
        for size, status in ((MOST_BYTES, 202), (MOST_BYTES + 1, 413)):
            body = b"x" * size
            assert await post(url + "a", {"X-Signature": mac(body).hex()}, body) == status
    assert len(sink.changes) == 1


async def test_without_a_sink_or_a_secret_nobody_gets_in(secret_file: Path) -> None:
    hook = WebhookIn(name="a", secret_file=secret_file)
    headers = {"X-Signature": mac(BODY).hex()}
    async with served((hook,), None, Clock()) as url:
        assert await post(url + "a", headers) == 404
    secret_file.write_bytes(b"\n")
    async with served((hook,), KeepingSink(), Clock()) as url:
        empty = {"X-Signature": hmac.new(b"", BODY, hashlib.sha256).hexdigest()}
        assert await post(url + "a", empty) == 401


def test_only_so_many_events_are_known_and_only_so_long() -> None:
    clock = Clock()
    known = KnownEvents(now=clock, most=2)
    assert [known.add(event) for event in (b"1", b"1", b"2")] == [True, False, True]
    assert known.add(b"3")
    assert len(known._until) <= 2
    clock.now += KNOWN_S
    assert known.add(b"3")


@pytest.mark.parametrize(
    ("refuses", "status"),
    [
        (None, 202),
        (Forbidden("no"), 401),
        (Invalid("what?"), 400),
        (Unsupported("nothing of the kind"), 400),
        (Unavailable("away"), 503),
    ],
)
async def test_a_crm_checks_its_own_signature(refuses: Exception | None, status: int) -> None:
    sink = KeepingSink()
    sink.themselves, sink.refuses = {"hubspot"}, refuses
    async with served((), sink, Clock()) as url:
        assert await post(f"{url}hubspot", {}) == status
        assert await post(f"{url}zoho", {}) == 404
    assert len(sink.changes) == (refuses is None)
