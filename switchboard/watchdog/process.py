"""The watchdog as a process: its own loop, its own AMI connection, nothing of the server's."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import closing
from functools import partial
from pathlib import Path

from ami_bridge.rescue import Rescue, rescue
from config.settings import Settings
from switchboard.heart import Heart
from switchboard.notify import ServiceManager
from switchboard.part import Part
from switchboard.watchdog.served import command_of
from switchboard.watchdog.watchdog import Watchdog


def run(settings: Settings, config: Path | None, part: Part = Part.ALL) -> int:
    """Until SIGTERM or SIGINT, or until the server cannot be kept alive."""
    with closing(ServiceManager.taken_from(os.environ)) as manager:
        return asyncio.run(_watch(settings, part, command_of(config, part), manager))


async def rescue_everywhere(settings: Settings, part: Part) -> Rescue:
    """Callers of every Asterisk that asks this process; a desk talks with nobody."""
    if part is Part.DESK:
        return Rescue()
    every = settings.asterisks
    done = await asyncio.gather(*(rescue(ami, agi_port=settings.agi.port) for ami in every))
    return Rescue(
        found=sum(one.found for one in done),
        moved=sum(one.moved for one in done),
        problem="; ".join(one.problem for one in done if one.problem),
        refused=[name for one in done for name in one.refused],
    )


async def _watch(
    settings: Settings, part: Part, command: list[str], manager: ServiceManager
) -> int:
    watchdog = Watchdog(
        command,
        settings=settings.watchdog,
        rescue=partial(rescue_everywhere, settings, part),
        manager=manager,
    )
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, watchdog.stop)
    beating = asyncio.create_task(Heart(manager).beat(), name="heart")
    try:
        return await watchdog.run()
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
