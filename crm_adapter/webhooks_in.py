"""`POST /hooks/crm/NAME`: a CRM says that something changed. Believed only where the signature
fits, is recent and was not here before."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from aiohttp import web

from calls.doors import Asker, Door, Origin, Reply, hang
from calls.errors import SwitchboardError
from calls.ports import CrmChangeSink
from config.webhook_settings import WebhookIn
from crm_adapter.adapter import Forbidden, Invalid, Unsupported

log = logging.getLogger(__name__)

MOST_BYTES = 256 * 1024
#: Either way: clocks differ.
WINDOW_S = 300.0
#: An event's id is known for so long; twice the window, so that none fits both before and after.
KNOWN_S = 600.0
MOST_KNOWN = 50_000
_READ_S = 10.0
#: Unix time above this is in milliseconds: in seconds it would be the year 5138.
_MILLISECONDS = 10**11


def _said(what: str) -> Reply:
    return Reply(what, kind="text/plain")


RECEIVE = Door(
    "POST",
    "/hooks/crm/{name}",
    by=frozenset({Asker.SIGNED}),
    what="A CRM says that something changed.",
    origin=Origin.FREE,
    replies={
        200: _said("Known."),
        202: _said("Taken."),
        400: _said("Not understood."),
        401: _said("The signature does not fit."),
        404: _said("No such webhook."),
        408: _said("Too slow."),
        413: _said("Too long."),
        503: _said("Try again later."),
    },
)
DOORS = (RECEIVE,)


class Refused(Exception):
    """Not from the CRM, as far as anybody can tell. The message is for our log alone."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What was signed, and with what. `at` is Unix seconds, None where the scheme has none."""

    message: bytes
    mac: bytes = field(repr=False)
    at: float | None


class KnownEvents:
    """Ids of the last ten minutes; beyond `most` the oldest are forgotten."""

    def __init__(self, *, now: Callable[[], float], most: int = MOST_KNOWN) -> None:
        self._now = now
        self._most = most
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def add(self, event: bytes) -> bool:
        """False where it is known."""
        now = self._now()
        while self._until and (
            next(iter(self._until.values())) <= now or len(self._until) >= self._most
        ):
            self._until.popitem(last=False)
        if event in self._until:
            return False
        self._until[event] = now + KNOWN_S
        return True

    def forget(self, event: bytes) -> None:
        self._until.pop(event, None)


class WebhooksIn:
    """The route's handler. Without `sink` there is no such address."""

    def __init__(
        self,
        *,
        hooks: Sequence[WebhookIn],
        sink: CrmChangeSink | None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._hooks = {hook.name: hook for hook in hooks} if sink is not None else {}
        self._sink = sink
        self._now = now
        self._known = KnownEvents(now=now)

    async def receive(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        hook = self._hooks.get(name)
        if self._sink is None or not (hook or self._sink.checks_itself(name)):
            raise web.HTTPNotFound(text="no such webhook\n")
        body = await _body(request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        if hook is None:
            return await self._taken(self._sink, name, headers, body)
        try:
            secret = await asyncio.to_thread(_secret, hook)
            event = self._checked(hook, secret, request, headers, body)
        except Refused as refused:
            log.warning("webhook %s refused: %s", hook.name, refused)
            raise web.HTTPUnauthorized(text="the signature does not fit\n") from None
        if not self._known.add(event):
            # As good as done: whoever repeats it because our answer was lost is not to go on.
            return web.Response(status=200, text="known\n")
        try:
            return await self._taken(self._sink, hook.name, headers, body)
        except BaseException:
            self._known.forget(event)
            raise

    async def _taken(
        self, sink: CrmChangeSink, name: str, headers: Mapping[str, str], body: bytes
    ) -> web.Response:
        try:
            await sink.changed(name, headers, body)
        except Forbidden as error:
            log.warning("webhook %s refused: %s", name, error)
            raise web.HTTPUnauthorized(text="the signature does not fit\n") from None
        except (Invalid, Unsupported) as error:
            log.warning("webhook %s: not understood (%s)", name, error)
            raise web.HTTPBadRequest(text="not understood\n") from None
        except SwitchboardError as error:
            log.warning("webhook %s: not taken (%s)", name, type(error).__name__)
            raise web.HTTPServiceUnavailable(text="try again later\n") from None
        return web.Response(status=202, text="taken\n")

    def _checked(
        self,
        hook: WebhookIn,
        secret: bytes,
        request: web.Request,
        headers: Mapping[str, str],
        body: bytes,
    ) -> bytes:
        """What the event is known by. Raises Refused."""
        signed = (
            _t_v1(hook, headers, body)
            if hook.style == "t_v1"
            else _plain(hook, request, headers, body)
        )
        wanted = hmac.new(secret, signed.message, hashlib.sha256).digest()
        if not hmac.compare_digest(wanted, signed.mac):
            raise Refused("another signature")
        if signed.at is not None and abs(self._now() - signed.at) > WINDOW_S:
            raise Refused("too old, or of the future")
        event = signed.message
        if hook.event_id_header is not None:
            told = headers.get(hook.event_id_header.lower())
            if not told:
                raise Refused(f"no {hook.event_id_header}")
            # The id alone is not signed: whoever saw one message could take another's id.
            event = told.encode(errors="surrogateescape") + b"\0" + event
        return hashlib.sha256(hook.name.encode() + b"\0" + event).digest()


def add_routes(app: web.Application, webhooks: WebhooksIn) -> None:
    hang(app.router, RECEIVE, webhooks.receive)


async def _body(request: web.Request) -> bytes:
    """Read to the limit only, and under a deadline."""
    if request.content_length is not None and request.content_length > MOST_BYTES:
        raise web.HTTPRequestEntityTooLarge(MOST_BYTES, request.content_length)
    body = bytearray()
    try:
        async with asyncio.timeout(_READ_S):
            async for chunk in request.content.iter_chunked(16 * 1024):
                body += chunk
                if len(body) > MOST_BYTES:
                    raise web.HTTPRequestEntityTooLarge(MOST_BYTES, len(body))
    except TimeoutError:
        raise web.HTTPRequestTimeout(text="too slow\n") from None
    return bytes(body)


def _secret(hook: WebhookIn) -> bytes:
    try:
        secret = hook.secret_file.read_bytes().strip()
    except OSError as error:
        raise Refused("its secret_file cannot be read") from error
    if not secret:
        raise Refused("its secret_file is empty")
    return secret


def _t_v1(hook: WebhookIn, headers: Mapping[str, str], body: bytes) -> Signed:
    """Several v1 may stand there while a secret is changed; the last counts."""
    written = headers.get(hook.header.lower(), "")
    parts = dict(part.strip().partition("=")[::2] for part in written.split(",")[:10])
    at = parts.get("t", "")
    if not (at.isascii() and at.isdigit() and len(at) <= 15):
        raise Refused("no time in the signature")
    return Signed(f"{at}.".encode() + body, _decoded(parts.get("v1", ""), "hex"), float(at))


def _plain(
    hook: WebhookIn, request: web.Request, headers: Mapping[str, str], body: bytes
) -> Signed:
    written = headers.get(hook.header.lower(), "")
    if not written.startswith(hook.prefix):
        raise Refused(f"no {hook.prefix or 'signature'} in {hook.header}")
    stamp, at = "", None
    if hook.timestamp_header is not None:
        stamp = headers.get(hook.timestamp_header.lower(), "")
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 15):
            raise Refused(f"no time in {hook.timestamp_header}")
        at = float(stamp) / 1000 if int(stamp) > _MILLISECONDS else float(stamp)
    parts = {
        "timestamp": stamp.encode(),
        ".": b".",
        "method": request.method.encode(),
        "url": str(request.url).encode(),
        "body": body,
    }
    message = b"".join(parts[part] for part in hook.signed)
    return Signed(message, _decoded(written.removeprefix(hook.prefix), hook.encoding), at)


def _decoded(written: str, encoding: str) -> bytes:
    try:
        if encoding == "hex":
            return binascii.unhexlify(written.strip())
        return base64.b64decode(written.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused(f"the signature is not {encoding}") from error
