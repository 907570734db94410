"""Questions that may fail in any way, and never take the process with them."""

from __future__ import annotations

import asyncio

import pytest

from calls.errors import Misconfigured, Unavailable
from switchboard.probes import Probe, redis_ping

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("url", ["localhost:6379", "http://h", "redis://h:port", "redis://h:99999"])
def test_an_address_of_no_redis_is_said_at_the_start(url: str) -> None:
    with pytest.raises(Misconfigured, match=r"redis\.url"):
        redis_ping(url)


async def test_a_probe_says_what_is_wrong_until_it_is_right() -> None:
    answers: list[Exception | None] = [Unavailable("it is away"), None]

    async def ask() -> None:
        if (error := answers.pop(0)) is not None:
            raise error

    probe = Probe(ask)
    assert not probe.state().ok
    await probe.ask_once()
    assert probe.error == "Unavailable: it is away"
    await probe.ask_once()
    assert probe.state().ok


async def test_a_probe_does_not_wait_for_ever() -> None:
    probe = Probe(asyncio.Event().wait, deadline_s=0.01)
    async with asyncio.timeout(30):
        await probe.ask_once()
    assert "no answer" in (probe.error or "")


async def test_a_probe_ends_though_its_client_loses_the_cancellation() -> None:
    """As redis-py does while it connects."""
    asked = asyncio.Event()

    async def ask() -> None:
        asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ConnectionError from None

    watching = asyncio.create_task(Probe(ask, every_s=3600, deadline_s=3600).watch())
    await asked.wait()
    watching.cancel()
    done, _ = await asyncio.wait({watching}, timeout=5)
    assert done == {watching}
