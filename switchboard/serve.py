"""`switchboard run`: the process from start to stop."""

from __future__ import annotations

import asyncio
import logging
import signal

import uvloop

from config.settings import Settings
from switchboard.wiring import Centre

log = logging.getLogger(__name__)


def run(settings: Settings) -> int:
    """Until SIGTERM or SIGINT (0), or until a part dies (1). Raises Misconfigured or OSError where
    it cannot start."""
    return uvloop.run(_serve(settings))


async def _serve(settings: Settings) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with Centre(settings) as centre:
        log.info(
            "serving calls: FastAGI %s:%d, web %s",
            settings.agi.host,
            centre.agi.port,
            centre.web_url,
        )
        wanted = asyncio.create_task(stop.wait(), name="stop")
        failed = asyncio.create_task(centre.side_tasks.failed.wait(), name="failed")
        await asyncio.wait({wanted, failed}, return_when=asyncio.FIRST_COMPLETED)
        for task in (wanted, failed):
            task.cancel()
        log.info("stopping: %s", centre.side_tasks.reason or "asked to")
    return 1 if centre.side_tasks.reason else 0
