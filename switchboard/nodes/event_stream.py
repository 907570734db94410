"""What processes that talk with callers tell the one that keeps the desks: a Redis Stream.

Each message has who tells it, a number that grows by one, and the event. Redis is never the source
of truth: a call's row is in the database before its caller hears anything, and whoever tells keeps
each event until the reader says that it is in the database. Whatever Redis loses (it was flushed,
came back empty, or is a copy that lacks the last second) is missed by its number and sent again.

    STREAM          messages: who, n (0: a sign of life), e (the event), f (the first number that
                    can still be had), l (of a sign of life: the last number told)
    STREAM:read     the reader's place
    STREAM:had      by who: the number up to which all is safe
    STREAM:wanted   by who: `NUMBER:ANYTHING`, sent again from there, once for each ANYTHING
"""

from __future__ import annotations

import redis.asyncio as redis
from redis.exceptions import RedisError

#: Somebody who told nothing for so long is gone.
SILENT_S = 4.0
ALIVE_EVERY_S = 1.0
ANSWER_S = 2.0
RETRIES_S = (0.05, 0.2, 1.0)

FAILED = (RedisError, OSError, TimeoutError)


def stream_of(system: str) -> str:
    return f"switchboard:events:{system}"


def place_key(stream: str) -> str:
    return f"{stream}:read"


def had_key(stream: str) -> str:
    return f"{stream}:had"


def wanted_key(stream: str) -> str:
    return f"{stream}:wanted"


def connected(url: str) -> redis.Redis:
    """With a deadline on every answer; a reader's blocking read is shorter than that."""
    client: redis.Redis = redis.from_url(
        url,
        socket_timeout=ANSWER_S,
        socket_connect_timeout=ANSWER_S,
        max_connections=8,
        protocol=2,
    )
    return client
