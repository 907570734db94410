"""Where one waiting caller's own entries are fetched from: addresses nobody can guess."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import deque
from pathlib import Path

KEY_BYTES = 32


class HoldTokens:
    """Tokens for callers who wait, given out again after them.

    Asterisk keeps the last sound of every address it ever fetched (main/media_cache.c deletes only
    what it replaces), so there must not be a new address for each call. It plays a sound again only
    after fetching it anew (no ETag, no-store): nobody hears what was said to an earlier caller.
    """

    def __init__(self, *, key: bytes) -> None:
        self._key = key
        self._free: deque[str] = deque()
        self._made = 0

    def take(self) -> str:
        """64 hex digits. The longest unused comes first."""
        if self._free:
            return self._free.popleft()
        self._made += 1
        return hmac.new(self._key, str(self._made).encode(), hashlib.sha256).hexdigest()

    def give_back(self, token: str) -> None:
        """Only for a caller who has gone for certain."""
        self._free.append(token)


def kept_key(path: Path) -> bytes:
    """The key in this file, made where there is none: with it the addresses stay the same after a
    restart. Raises OSError."""
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        found = b""
    if len(found) == KEY_BYTES:
        return found
    key = secrets.token_bytes(KEY_BYTES)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.touch(mode=0o600)
    part.write_bytes(key)
    part.replace(path)
    return key
