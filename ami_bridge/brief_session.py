"""A short AMI connection for one purpose, beside the server's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ami_bridge.ami_client import AmiClient, AmiTiming
from calls.errors import Unavailable
from config.settings import AmiSettings


@asynccontextmanager
async def logged_in(
    settings: AmiSettings, *, name: str, timing: AmiTiming, deadline_s: float
) -> AsyncIterator[AmiClient]:
    """`name` is its task's. Raises Unavailable where the log-in fails, and TimeoutError where that
    and what is done with it take longer than `deadline_s`."""
    up: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def on_up() -> None:
        if not up.done():
            up.set_result(None)

    def on_down(reason: str) -> None:
        if not up.done():
            up.set_exception(Unavailable(reason))

    client = AmiClient(
        settings=settings,
        on_event=lambda _name, _block: None,
        on_up=on_up,
        on_down=on_down,
        timing=timing,
    )
    connection = asyncio.create_task(client.run(), name=name)
    try:
        async with asyncio.timeout(deadline_s):
            await up
            yield client
    finally:
        connection.cancel()
        await asyncio.gather(connection, return_exceptions=True)
