"""The same bytes in other pieces: the first bytes of an input say how the rest arrives."""

from __future__ import annotations

from collections.abc import Iterator


def sliced(data: bytes) -> tuple[list[bytes], bytes]:
    """Pieces, and the whole that they make; no more than 40 cuts, so that it takes no longer."""
    sizes, whole = data[:4], data[4:]
    return list(_pieces(sizes, whole)), whole


def _pieces(sizes: bytes, whole: bytes) -> Iterator[bytes]:
    at = 0
    for turn in range(40):
        size = sizes[turn % len(sizes)] % 61 if sizes else 0
        if not size or at >= len(whole):
            break
        yield whole[at : at + size]
        at += size
    if at < len(whole):
        yield whole[at:]
