"""`switchboard run`: the process from start to stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import resource
import signal
import sys
from pathlib import Path

import uvloop

from calls import crash_points
from config.settings import Settings
from switchboard.wiring import Centre

log = logging.getLogger(__name__)

#: Desktops, sounds being fetched, databases, files.
OTHER_FILES = 2_000


def run(settings: Settings, config: Path | None = None) -> int:
    """Until SIGTERM or SIGINT (0), or until a part dies (1). `config` is the file that the settings
    are from, for the nightly process. Raises Misconfigured or OSError where it cannot start."""
    crash_points.check()
    allow_many_sockets(settings)
    return uvloop.run(_serve(settings, _nightly_command(config)))


def _nightly_command(config: Path | None) -> list[str]:
    told = ["--config", str(config)] if config is not None else []
    return [sys.executable, "-m", "switchboard", "nightly", *told]


def allow_many_sockets(settings: Settings) -> None:
    """As many files as `agi.max_sessions` may need: shells and containers begin with 1,024, and a
    server that has none left accepts nobody, neither Asterisk nor desktops."""
    wanted = 2 * settings.agi.max_sessions + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    allowed = wanted if hard == unlimited else min(wanted, hard)
    if soft != unlimited and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        log.warning(
            "only %d files may be open, %d are wanted for agi.max_sessions: raise the limit "
            "(systemd: LimitNOFILE) or lower agi.max_sessions",
            allowed,
            wanted,
        )


async def _serve(settings: Settings, nightly: list[str]) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with Centre(settings, nightly=nightly) as centre:
        # What lives as long as the process is not walked through while calls wait.
        gc.collect()
        gc.freeze()
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
