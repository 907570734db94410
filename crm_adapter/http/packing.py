"""What an answer says it is packed as, and what it is."""

from __future__ import annotations

import zlib

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 31


class NotUnpackable(ValueError):
    """It is packed in a way that nobody asked for, broken, or too large once unpacked."""


def unpacked(body: bytes, encoding: str, *, most_bytes: int) -> bytes:
    """`encoding` is the header Content-Encoding, empty for none. We ask for nothing packed, and yet
    some servers say gzip: trytond 8.2 of every answer above 1,400 bytes (`protocols/jsonrpc.py`),
    though it is not. Raises NotUnpackable, before more than `most_bytes` are made."""
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return body
    if name not in ("gzip", "x-gzip"):
        raise NotUnpackable(f"packed as {name[:20]}, though not asked to")
    if not body.startswith(_GZIP_MAGIC):
        return body
    unpacking = zlib.decompressobj(_GZIP_WINDOW)
    try:
        plain = unpacking.decompress(body, most_bytes + 1)
    except zlib.error as error:
        raise NotUnpackable("packed as gzip, and broken") from error
    if len(plain) > most_bytes:
        raise NotUnpackable(f"more than {most_bytes} bytes")
    if not unpacking.eof:
        raise NotUnpackable("packed as gzip, and cut off")
    return plain
