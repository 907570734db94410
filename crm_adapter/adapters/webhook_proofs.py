"""Whether a webhook comes from whom it names."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from crm_adapter.adapter import Forbidden, Invalid
from crm_adapter.http.legible_json import read_json


def webhook_json(body: bytes) -> Any:
    """Raises Invalid."""
    try:
        return read_json(body)
    except (ValueError, RecursionError) as error:
        raise Invalid("the webhook holds no JSON") from error


def hmac_sha256(secret_text: str, content: bytes) -> bytes:
    return hmac.new(secret_text.encode(), content, hashlib.sha256).digest()


def expect_same(given: str, wanted: str, crm: str) -> None:
    """Raises Forbidden, without telling how far they agree."""
    if not wanted or not hmac.compare_digest(given.encode(errors="surrogatepass"), wanted.encode()):
        raise Forbidden(f"the webhook does not come from {crm}: its signature is wrong")
