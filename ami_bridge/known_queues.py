"""Which queues has Asterisk? Asked once, by a command that somebody waits for."""

from __future__ import annotations

import asyncio

from ami_bridge.ami_client import ActionRefused, AmiClient
from ami_bridge.dialplan import TRIES
from calls.errors import Unavailable
from config.settings import AmiSettings

CONNECT_S = 0.5
WITHIN_S = 3.0


async def known_queues(settings: AmiSettings) -> frozenset[str] | None:
    """None where Asterisk cannot be asked: no secret in the settings, nobody there, refused, or no
    answer in time."""
    if settings.secret_file is None and not settings.secret.get_secret_value():
        return None
    try:
        async with asyncio.timeout(CONNECT_S):
            _, writer = await asyncio.open_connection(settings.host, settings.port)
        writer.close()
        async with asyncio.timeout(WITHIN_S):
            return await _asked(settings)
    except (OSError, TimeoutError, Unavailable, ActionRefused):
        return None


async def _asked(settings: AmiSettings) -> frozenset[str]:
    up: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connected() -> None:
        if not up.done():
            up.set_result(None)

    def away(reason: str) -> None:
        if not up.done():
            up.set_exception(Unavailable(reason))

    client = AmiClient(
        settings=settings, on_event=lambda name, block: None, on_up=connected, on_down=away
    )
    running = asyncio.create_task(client.run(), name="ami:queues")
    try:
        await up
        # app_queue.c: an event QueueParams for each queue.
        listed = await client.ask_list("QueueStatus")
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    names = {answer.get("Queue", "") for answer in listed if answer.get("Event") == "QueueParams"}
    return frozenset(name for name in names if name and TRIES not in name)
