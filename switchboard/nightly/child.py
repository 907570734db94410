"""The process that does the nightly work, as the server sees it."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
from collections.abc import Sequence
from contextlib import suppress

log = logging.getLogger(__name__)

#: Between being asked to stop and being stopped.
GRACE_S = 2.0


class Child:
    """One at a time. What it writes goes where our own log goes."""

    def __init__(self, command: Sequence[str], *, limit_s: float) -> None:
        self._command = command
        self._limit_s = limit_s
        self.pid: int | None = None

    async def run(self, night: str) -> int:
        """Its exit code (below zero: the signal that ended it). It is stopped after `limit_s`, and
        where we are cancelled. Raises OSError where it cannot be started."""
        words = [*_idle_disk(), *self._command, "--night", night, "--limit-s", f"{self._limit_s:g}"]
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            # Signals meant for the server are not for it, and one signal reaches all it started.
            start_new_session=True,
        )
        self.pid = process.pid
        try:
            async with asyncio.timeout(self._limit_s):
                return await process.wait()
        except TimeoutError:
            log.error("nightly: not done after %g s: stopped", self._limit_s)
        finally:
            await _stop(process)
            self.pid = None
        return process.returncode or -signal.SIGKILL


def _idle_disk() -> list[str]:
    """ionice(1), of util-linux: the disk is ours when nobody else wants it."""
    program = shutil.which("ionice")
    return [program, "-c", "3"] if program else []


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Also whatever it has started: both are one session."""
    if process.returncode is None:
        _signal(process.pid, signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                await process.wait()
    _signal(process.pid, signal.SIGKILL)
    await process.wait()


def _signal(pid: int, which: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, which)
