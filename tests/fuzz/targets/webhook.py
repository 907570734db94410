"""A webhook: believed exactly where its signature is that of these bytes, now, and new."""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path
from typing import Any

from aiohttp.test_utils import make_mocked_request

from config.webhook_settings import WebhookIn
from crm_adapter.webhooks_in import WINDOW_S, Refused, WebhooksIn
from tests.fuzz.targets import Target

_NOW = 1_772_181_900.0
_SECRET = b"top-secret"
_FILE = Path("secret")


def _hook(**told: Any) -> WebhookIn:
    return WebhookIn(name="crm", secret_file=_FILE, **told)


_HOOKS = (
    _hook(),
    _hook(prefix="sha256=", encoding="base64", timestamp_header="X-At",
          signed=("timestamp", ".", "body")),
    _hook(style="t_v1"),
    _hook(signed=("method", "url", "body"), event_id_header="X-Id"),
)  # fmt: skip
_REQUEST = make_mocked_request("POST", "/hooks/crm/crm", headers={"Host": "we.example.com"})
_WEBHOOKS = WebhooksIn(hooks=_HOOKS[:1], sink=None, now=lambda: _NOW)


def check(data: bytes) -> None:
    """The hook, whether it is signed well, the headers one a line, and the body."""
    head, _end, body = data[2:].partition(b"\n\n")
    hook = _HOOKS[data[0] % len(_HOOKS)] if data else _HOOKS[0]
    headers = {}
    for line in head.decode("utf-8", "surrogateescape").split("\n"):
        name, _colon, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    if data[1:2] == b"s":
        _sign(hook, headers, body)
    try:
        event = _WEBHOOKS._checked(hook, _SECRET, _REQUEST, headers, body)
    except Refused:
        assert not _is_good(hook, headers, body)
        return
    assert len(event) == 32
    assert _is_good(hook, headers, body)
    told = dict(headers)
    for tampered in (body + b"x", body[1:], b"y" + body[1:]):
        if tampered == body:
            continue
        try:
            _WEBHOOKS._checked(hook, _SECRET, _REQUEST, told, tampered)
        except Refused:
            continue
        raise AssertionError("another body is believed")


def _message(hook: WebhookIn, stamp: str, body: bytes) -> bytes:
    if hook.style == "t_v1":
        return f"{stamp}.".encode(errors="surrogateescape") + body
    return b"".join(
        {"timestamp": stamp.encode(errors="surrogateescape"), ".": b".", "method": b"POST",
         "url": str(_REQUEST.url).encode(), "body": body}[part]
        for part in hook.signed
    )  # fmt: skip


def _sign(hook: WebhookIn, headers: dict[str, str], body: bytes) -> None:
    stamp = headers.get("x-at", "")
    mac = hmac.new(_SECRET, _message(hook, stamp, body), hashlib.sha256)
    if hook.style == "t_v1":
        headers["x-signature"] = f"t={stamp},v1={mac.hexdigest()}"
    elif hook.encoding == "base64":
        headers["x-signature"] = hook.prefix + base64.b64encode(mac.digest()).decode()
    else:
        headers["x-signature"] = hook.prefix + mac.hexdigest()


def _is_good(hook: WebhookIn, headers: dict[str, str], body: bytes) -> bool:
    """By another way: what would be written in the header, compared as text where that is one."""
    written = headers.get("x-signature", "")
    stamp = headers.get("x-at", "")
    if hook.style == "t_v1":
        pairs = [part.strip().partition("=") for part in written.split(",")[:10]]
        stamp = next((value for key, _, value in reversed(pairs) if key == "t"), "")
        written = next((value for key, _, value in reversed(pairs) if key == "v1"), "")
    elif not written.startswith(hook.prefix):
        return False
    else:
        written = written.removeprefix(hook.prefix)
    if hook.style == "t_v1" or hook.timestamp_header is not None:
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 15):
            return False
        seconds = int(stamp) if hook.style == "t_v1" or int(stamp) <= 10**11 else int(stamp) / 1000
        if abs(seconds - _NOW) > WINDOW_S:
            return False
    if hook.event_id_header is not None and not headers.get("x-id"):
        return False
    mac = hmac.new(_SECRET, _message(hook, stamp, body), hashlib.sha256)
    if hook.encoding == "base64":
        return written.strip() == base64.b64encode(mac.digest()).decode()
    return written.strip().lower() == mac.hexdigest()


TARGET = Target(
    check,
    tuple(
        bytes([hook]) + how + b"X-At: 1772181900\nX-Id: e-1\nX-Signature: sha256=00ff\n\n" + body
        for hook in range(4)
        for how in (b"s", b"-")
        for body in (b'{"ids":[1]}', b"")
    ),
    (b"X-At: 1772181900123\n", b"X-Signature: ", b"t=1772181900,v1=", b",v1=", b"X-Id:", b"\n\n",
     b"sha256=", b"1772182201", b"1772181599", b"s"),
)  # fmt: skip
