"""What another process says, whole or not at all."""

from __future__ import annotations

from aiohttp import StreamReader


class TooLarge(ValueError):
    """More than anybody of ours says."""


async def body_of(content: StreamReader, *, limit: int) -> bytes:
    """Until its end. Raises TooLarge beyond `limit` bytes."""
    body = bytearray()
    async for piece in content.iter_any():
        body += piece
        if len(body) > limit:
            raise TooLarge(f"more than {limit} bytes")
    return bytes(body)
