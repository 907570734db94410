"""What the CRM sends us when records change: believed only with its signature."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime

from calls.caller import ContactRef
from crm_adapter.adapter import Forbidden, Invalid
from crm_adapter.http.legible_json import read_json
from crm_adapter.mapped.reading import record_id
from crm_adapter.mapped.record_values import ref_id
from crm_adapter.rest.answers import CRM, items_of
from crm_adapter.rest.shapes import SignaturePart, WebhookPart

_LONGEST_BODY = 1_000_000


def parse_webhook(
    part: WebhookPart, headers: Mapping[str, str], body: bytes, *, now: datetime
) -> Sequence[ContactRef]:
    """Raises Forbidden for a signature that is missing, wrong or stale, Invalid for what cannot be
    read."""
    _check(part.signature, headers, body, now)
    if len(body) > _LONGEST_BODY:
        raise Invalid("the webhook is too long")
    try:
        told = read_json(body)
    except (ValueError, RecursionError) as error:
        raise Invalid("the webhook is no JSON") from error
    found = part.items.part(told)
    items = items_of(part.items, told) if isinstance(found, list) else [found]
    ids = (record_id(part.id.part(item)) for item in items)
    refs = [ContactRef(CRM, ref_id(part.kind.value, one)) for one in ids if one is not None]
    if not refs:
        raise Invalid("the webhook names no record")
    return list(dict.fromkeys(refs))


def _check(
    signature: SignaturePart, headers: Mapping[str, str], body: bytes, now: datetime
) -> None:
    given = headers.get(signature.header.lower(), "").strip()
    stamp = _timestamp(signature, headers, now)
    wanted = signature.prefix + _signature(signature, _signed(signature, stamp, body))
    if not given or not hmac.compare_digest(
        given.encode(errors="surrogateescape"), wanted.encode()
    ):
        raise Forbidden("the webhook's signature is missing or wrong")


def _timestamp(signature: SignaturePart, headers: Mapping[str, str], now: datetime) -> str:
    if signature.timestamp_header is None:
        return ""
    stamp = headers.get(signature.timestamp_header.lower(), "").strip()
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 13):
        raise Forbidden("the webhook does not say when it was sent")
    seconds = int(stamp) / (1000 if len(stamp) > 10 else 1)
    if abs(now.timestamp() - seconds) > signature.max_age_s:
        raise Forbidden("the webhook is too old, or a clock is wrong")
    return stamp


def _signed(signature: SignaturePart, stamp: str, body: bytes) -> bytes:
    if signature.signed is None:
        return body
    text = signature.signed.text({"timestamp": stamp, "body": body.decode("utf-8", "replace")})
    return (text or "").encode(errors="surrogateescape")


def _signature(signature: SignaturePart, signed: bytes) -> str:
    if signature.scheme == "token":
        return signature.secret
    digest = hashlib.sha1 if signature.scheme == "hmac-sha1-hex" else hashlib.sha256
    made = hmac.new(signature.secret.encode(), signed, digest)
    if signature.scheme == "hmac-sha256-base64":
        return base64.b64encode(made.digest()).decode()
    return made.hexdigest()
