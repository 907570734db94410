"""Where one waiting caller's own entries are fetched from: addresses nobody can guess."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

KEY_BYTES = 32
#: Nobody waits longer than this.
REST = timedelta(days=1)
#: As many restarts a day are told apart; after more, the oldest key is forgotten for a new one.
KEYS_LIMIT = 100


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


def key_of_this_process(path: Path, now: datetime) -> bytes:
    """A key for the tokens from the file at `path`, used again once it has rested: who waits since
    before a restart must not fetch what is meant for another. Raises OSError."""
    keys = _read(path)
    for kept in keys:
        kept.ended = min(kept.ended or now, now)
    rested = (kept for kept in keys if kept.ended and now - kept.ended > REST)
    mine = next(rested, None)
    if mine is None:
        mine = _Kept(secrets.token_bytes(KEY_BYTES))
        keys = [*keys, mine][-KEYS_LIMIT:]
    mine.ended = None
    _write(path, keys)
    return mine.key


@dataclass(slots=True)
class _Kept:
    """`ended`: when the process was over, at the latest, that used the key; None: it may live."""

    key: bytes
    ended: datetime | None = None


def _read(path: Path) -> list[_Kept]:
    """Lines of key and time; what is no such line is left out."""
    found: list[_Kept] = []
    for line in path.read_text("ascii", errors="replace").splitlines() if path.exists() else ():
        key, _, ended = line.partition(" ")
        with suppress(ValueError):
            when = datetime.fromisoformat(ended) if ended else None
            if len(bytes.fromhex(key)) == KEY_BYTES and (when is None or when.tzinfo):
                found.append(_Kept(bytes.fromhex(key), when))
    return found


def _write(path: Path, keys: list[_Kept]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.touch(mode=0o600)
    lines = (f"{one.key.hex()} {one.ended.isoformat() if one.ended else ''}\n" for one in keys)
    part.write_text("".join(lines))
    part.replace(path)
