"""The Redis that tests get is a real one."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

pytestmark = pytest.mark.integration


async def test_it_keeps_what_it_is_given(redis_url: str) -> None:
    redis = Redis.from_url(redis_url)
    try:
        await redis.set("test:kept", "yes")
        assert await redis.get("test:kept") == b"yes"
    finally:
        await redis.aclose()
