"""What comes over HTTP in pieces, taken to a limit and no further."""

from __future__ import annotations

from collections.abc import AsyncIterable

#: Bytes of one piece, at most, where the reader may choose.
PIECE = 16 * 1024


class TooLong(Exception):
    """There is more than anybody wants to read."""


async def whole(pieces: AsyncIterable[bytes], most: int) -> bytes:
    """Raises TooLong beyond `most` bytes. (A plain `read(most)` of a stream is what has come so
    far, and not the end.)"""
    body = bytearray()
    async for piece in pieces:
        body += piece
        if len(body) > most:
            raise TooLong(f"more than {most} bytes")
    return bytes(body)
