"""`switchboard run`: the process from start to stop."""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import logging
import os
import resource
import signal
import sys
from contextlib import closing
from pathlib import Path

import uvloop

from calls import crash_points
from config.settings import Settings
from switchboard.heart import Heart
from switchboard.nodes.calls_part import CallsPart
from switchboard.nodes.desk_part import DeskPart
from switchboard.notify import ServiceManager
from switchboard.part import Part
from switchboard.process import Process
from switchboard.watchdog.served import SHOW_STACKS, Watched, told_to_go, watched_by
from switchboard.wiring import Centre

__all__ = ["run", "told_to_go"]

log = logging.getLogger(__name__)

#: Databases, CRM, webhooks, Asterisk's manager, files.
OTHER_FILES = 500
#: What is kept free of calls where not so many files are to be had.
RESERVE = 128
#: Of the web server's connections then.
SHARE_OF_WEB = 1 / 4


def run(settings: Settings, config: Path | None = None, part: Part = Part.ALL) -> int:
    """Until SIGTERM or SIGINT (0), or until something in it dies (1). `config` is the file that the
    settings are from, for the nightly process. Raises Misconfigured or OSError where it cannot
    start."""
    crash_points.check()
    watched = watched_by(os.environ)
    show_stacks(watched)
    settings = allow_many_sockets(settings)
    with closing(ServiceManager.taken_from(os.environ)) as manager:
        heart = Heart(manager, parent=watched.pid if watched else None)
        return uvloop.run(_serve(_made(part, settings, _nightly_command(config)), heart))


def _made(part: Part, settings: Settings, nightly: list[str]) -> Process:
    if part is Part.CALLS:
        return CallsPart(settings)
    if part is Part.DESK:
        return DeskPart(settings, nightly=nightly)
    return Centre(settings, nightly=nightly)


def show_stacks(watched: Watched | None) -> None:
    """SIGUSR1 shows what each thread is doing, by file, line and function alone: in the watchdog's
    file, else in the log. So does SIGABRT, by which systemd ends what is frozen."""
    faulthandler.enable()
    if watched is None:
        faulthandler.register(SHOW_STACKS)
    else:
        os.set_inheritable(watched.stacks, False)
        faulthandler.register(SHOW_STACKS, file=watched.stacks)


def _nightly_command(config: Path | None) -> list[str]:
    told = ["--config", str(config)] if config is not None else []
    return [sys.executable, "-m", "switchboard", "nightly", *told]


def allow_many_sockets(settings: Settings) -> Settings:
    """Asks for as many files as `agi.max_sessions` and `web.max_connections` may need: shells and
    containers begin with 1,024, and a server that has none left accepts nobody, neither Asterisk
    nor desktops. Where fewer are allowed, the settings that it returns serve fewer calls, the
    others go to the default queue at once, and fewer connections."""
    sessions, connections = settings.agi.max_sessions, settings.web.max_connections
    wanted = 2 * sessions + connections + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    allowed = wanted if hard == unlimited else min(wanted, hard)
    if soft != unlimited and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed >= wanted:
        return settings
    sessions = min(sessions, max(1, (allowed - RESERVE) // 2))
    connections = min(connections, max(RESERVE // 2, int(allowed * SHARE_OF_WEB)))
    log.warning(
        "only %d files may be open, %d are wanted for agi.max_sessions and web.max_connections: at "
        "most %d calls are in dialogs at once, and %d connections to the web server; raise the "
        "limit (systemd: LimitNOFILE), or lower these settings",
        allowed,
        wanted,
        sessions,
        connections,
    )
    agi = settings.agi.model_copy(update={"max_sessions": sessions})
    web = settings.web.model_copy(update={"max_connections": connections})
    return settings.model_copy(update={"agi": agi, "web": web})


async def _serve(made: Process, heart: Heart) -> int:
    beating = asyncio.create_task(heart.beat(), name="heart")
    try:
        return await _until_told(made, heart)
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)


async def _until_told(made: Process, heart: Heart) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with made as centre:
        # What lives as long as the process is not walked through while calls wait.
        gc.collect()
        gc.freeze()
        log.info("serving calls: %s", centre.status)
        heart.ready(f"serving calls: {centre.status}")
        ends = {
            "asked to": stop.wait(),
            "a part failed": centre.side_tasks.failed.wait(),
            "the watchdog is gone": heart.orphaned.wait(),
        }
        tasks = {asyncio.create_task(end, name=why) for why, end in ends.items()}
        done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        reason = centre.side_tasks.reason or next(iter(done)).get_name()
        log.info("stopping: %s", reason)
        heart.stopping(reason)
    return 1 if centre.side_tasks.reason else 0
