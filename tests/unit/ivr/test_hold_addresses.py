"""Addresses of waiting callers: unguessable, given out again, the same after a restart."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ivr.hold_addresses import KEY_BYTES, KEYS_LIMIT, HoldTokens, key_of_this_process

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


NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def test_a_key_is_used_again_when_nobody_can_wait_there_any_more(tmp_path: Path) -> None:
    path = tmp_path / "prompts" / "hold.keys"
    first = key_of_this_process(path, NOON)
    second = key_of_this_process(path, NOON + timedelta(minutes=1))
    third = key_of_this_process(path, NOON + timedelta(hours=20))
    assert len({first, second, third}) == 3
    assert key_of_this_process(path, NOON + timedelta(hours=25)) == first
    assert key_of_this_process(path, NOON + timedelta(hours=45)) == second
    assert {len(key) for key in (first, second, third)} == {KEY_BYTES}
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "content",
    ["", "half", "ab" * 32 + " yesterday", "ab" * 32 + " 2026-03-01", "zz" * 32, "\u20ac\n\n"],
)
def test_a_broken_file_of_keys_is_begun_anew(tmp_path: Path, content: str) -> None:
    path = tmp_path / "hold.keys"
    path.write_text(content)
    first = key_of_this_process(path, NOON)
    assert key_of_this_process(path, NOON) != first
    assert key_of_this_process(path, NOON + timedelta(days=2)) == first


def test_a_server_that_restarts_all_day_keeps_few_keys(tmp_path: Path) -> None:
    path = tmp_path / "hold.keys"
    keys = {key_of_this_process(path, NOON + timedelta(seconds=n)) for n in range(300)}
    assert len(keys) == 300
    assert len(path.read_text().splitlines()) == KEYS_LIMIT
