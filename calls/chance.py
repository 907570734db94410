"""Chance that falls the same way again for the same name, on every node and after every restart."""

from __future__ import annotations

import hashlib


def chance(salt: str, name: str) -> float:
    """Evenly spread over 0 to 1, without 1. Another `salt` draws anew: never change one while
    results are being compared."""
    digest = hashlib.sha256(f"{salt}:{name}".encode("utf-8", "surrogatepass")).digest()
    # 53 bits are what a float holds: more could be rounded up to 1.
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53
