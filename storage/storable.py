"""Text from outside, made fit for a column."""

from __future__ import annotations


def storable(text: str, limit: int) -> str:
    """At most `limit` characters; without NUL, which PostgreSQL refuses, and without halves of
    surrogate pairs, which UTF-8 cannot hold."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")[:limit]
