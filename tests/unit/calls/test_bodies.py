"""Bodies that come in pieces."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from calls.bodies import TooLong, whole

pytestmark = pytest.mark.unit


async def in_pieces(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def test_pieces_are_put_together_to_the_limit_and_no_further() -> None:
    assert await whole(in_pieces(b"ab", b"", b"cd"), 4) == b"abcd"
    assert await whole(in_pieces(), 0) == b""
    endless = in_pieces(b"ab", b"cde", b"never read")
    with pytest.raises(TooLong, match="more than 4 bytes"):
        await whole(endless, 4)
    assert await anext(endless) == b"never read"
