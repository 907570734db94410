"""Addresses of waiting callers: unguessable, given out again, the same after a restart."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ivr.hold_addresses import KEY_BYTES, HoldTokens, kept_key

pytestmark = pytest.mark.unit


def test_tokens_hang_on_the_key_and_go_round() -> None:
    tokens, others = HoldTokens(key=b"a" * 32), HoldTokens(key=b"b" * 32)
    given = [tokens.take() for _ in range(3)]
    assert all(re.fullmatch(r"[0-9a-f]{64}", token) for token in given)
    assert len({*given, *(others.take() for _ in range(3))}) == 6
    tokens.give_back(given[1])
    tokens.give_back(given[0])
    assert [tokens.take(), tokens.take()] == [given[1], given[0]]
    assert tokens.take() not in given


def test_the_key_is_kept_for_our_eyes_only(tmp_path: Path) -> None:
    path = tmp_path / "prompts" / "hold.key"
    key = kept_key(path)
    assert len(key) == KEY_BYTES
    assert kept_key(path) == key
    assert path.stat().st_mode & 0o077 == 0
    path.write_bytes(b"half")
    assert len(kept_key(path)) == KEY_BYTES
