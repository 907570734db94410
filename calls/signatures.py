"""How we sign what we send to other systems."""

from __future__ import annotations

import hashlib
import hmac


def signature(secret: bytes, at: int, body: bytes) -> str:
    """`t=UNIX,v1=HEX`: the HMAC-SHA256 of `t.body`. `at` is Unix time in seconds. The receiver
    compares in constant time, and refuses what is older than a few minutes."""
    mac = hmac.new(secret, b"%d." % at + body, hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"
