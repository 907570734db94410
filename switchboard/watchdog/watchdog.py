"""Starts the server, watches it, and makes good what it cannot: `switchboard run --watchdog`.

A server that dies needs no rescue: its connections end with it, and the dialplan takes its callers
on. A frozen one holds them. They are taken out of its hands first and it is killed then, so that it
does not matter when the kernel lets go of it (a disk that does not answer keeps a killed process).
"""

from __future__ import annotations

import asyncio
import logging
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from ami_bridge.rescue import Rescue
from config.watchdog_settings import WatchdogSettings
from switchboard.notify import READY, STOPPING, ServiceManager
from switchboard.watchdog.restarts import Restarts
from switchboard.watchdog.served import Served
from switchboard.watchdog.vigil import TICK_S, Vigil

log = logging.getLogger(__name__)

#: A server that serves for so long is not busy with its start any more.
STANDBY_AFTER_S = 5.0
#: A killed process is gone by then, unless it hangs in the kernel.
_KILLED_S = 1.0


class Watchdog:
    """`command` starts the server, `rescue` takes its callers away from it. `manager` is who
    watches us: it hears that the service is ready when a server first is."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        settings: WatchdogSettings,
        rescue: Callable[[], Awaitable[Rescue]],
        manager: ServiceManager,
        now: Callable[[], float] = time.monotonic,
        standby_after_s: float = STANDBY_AFTER_S,
    ) -> None:
        self._command = command
        self._settings = settings
        self._rescue = rescue
        self._manager = manager
        self._now = now
        self._standby_after_s = standby_after_s
        self._restarts = Restarts(limit=settings.restarts, within_s=settings.restarts_within_s)
        self._stop = asyncio.Event()
        self._was_ready = False
        self.server: Served | None = None
        #: The next one, waiting.
        self.standby: Served | None = None

    def stop(self) -> None:
        """Asks the server to stop, and then it is over."""
        self._stop.set()

    async def run(self) -> int:
        """The exit status: the server's where it was asked to stop or never served at all (128 and
        its number for a signal), 1 where it ended too often. Raises OSError."""
        with tempfile.TemporaryDirectory(prefix="switchboard-") as folder:
            try:
                return await self._keep_alive(Path(folder))
            finally:
                if self.standby is not None:
                    await self.standby.close()

    async def _keep_alive(self, folder: Path) -> int:
        while True:
            server = self.server = await self._next(folder)
            try:
                reason = await self._watch(server, folder)
            finally:
                await server.close()
            status = server.status or 0
            if not self._was_ready and not self._stop.is_set():
                log.error("the server ended before it served (%s): it would again", reason)
            if self._stop.is_set() or not self._was_ready:
                return status if status >= 0 else 128 - status
            if not await self._may_start_again(reason):
                return 0 if self._stop.is_set() else 1

    async def _next(self, folder: Path) -> Served:
        """The one that waits, else a new one."""
        standby, self.standby = self.standby, None
        if standby is not None and standby.status is None:
            standby.go()
            return standby
        if standby is not None:
            await standby.close()
        return self._started(folder, standby=False)

    def _started(self, folder: Path, *, standby: bool) -> Served:
        limit_s = self._settings.frozen_after_s
        return Served.start(self._command, folder=folder, limit_s=limit_s, standby=standby)

    async def _watch(self, server: Served, folder: Path) -> str:
        """Until it has ended; says how."""
        vigil = Vigil(
            frozen_after_s=self._settings.frozen_after_s,
            start_silence_s=self._settings.start_silence_s,
            now=self._now(),
        )
        stop_by: float | None = None
        ready_at: float | None = None
        while not await server.ended(TICK_S):
            self._listen(server, vigil)
            vigil.look(self._now())
            if vigil.is_ready and ready_at is None:
                ready_at = self._now()
            if self._wants_standby(ready_at):
                self.standby = self._started(folder, standby=True)
            if self._stop.is_set() and stop_by is None:
                stop_by = self._now() + self._settings.stop_limit_s
                self._manager.tell(STOPPING)
                server.signal(signal.SIGTERM)
            if vigil.is_frozen and await self._end_frozen(server, vigil):
                return f"it was frozen for {vigil.silent_s:.1f} s"
            if stop_by is not None and self._now() >= stop_by:
                log.error(
                    "the server did not stop within %g s: killed", self._settings.stop_limit_s
                )
                await self._kill(server)
                return "it did not stop"
        self._listen(server, vigil)
        status = server.status or 0
        return f"killed by signal {-status}" if status < 0 else f"exit status {status}"

    def _wants_standby(self, ready_at: float | None) -> bool:
        """One of each server at most: whatever ends it would end the next one."""
        if not self._settings.standby or self.standby is not None or self._stop.is_set():
            return False
        return ready_at is not None and self._now() - ready_at >= self._standby_after_s

    def _listen(self, server: Served, vigil: Vigil) -> None:
        was = (vigil.is_ready, vigil.status)
        for message in server.heard():
            vigil.heard(message)
            if "EXTEND_TIMEOUT_USEC" in message and not self._was_ready:
                self._manager.tell(f"EXTEND_TIMEOUT_USEC={message['EXTEND_TIMEOUT_USEC']}")
        if (vigil.is_ready, vigil.status) == was:
            return
        self._was_ready |= vigil.is_ready
        # systemd may hear READY once more for each server; it is ready already.
        told = (READY,) if vigil.is_ready else ()
        self._manager.tell(*told, f"STATUS={vigil.status}")

    async def _end_frozen(self, server: Served, vigil: Vigil) -> bool:
        """False where it was only slow, and has come back just now."""
        silent_s = vigil.silent_s
        stacks = await server.stacks()
        self._listen(server, vigil)
        if not vigil.is_frozen:
            log.warning("the server said nothing for %.1f s and is back: not killed", silent_s)
            return False
        # So that it does not go on with callers that are being taken away from it.
        server.signal(signal.SIGSTOP)
        log.error(
            "the server is frozen: no sign of life for %.1f s. Its threads: %s",
            silent_s,
            stacks.strip() or "no answer to SIGUSR1 (stopped, or waiting in the kernel)",
        )
        log.error("frozen: %s", (await self._rescue()).sentence())
        await self._kill(server)
        return True

    async def _kill(self, server: Served) -> None:
        server.signal(signal.SIGKILL)
        while not await server.ended(_KILLED_S):
            log.error("the server is killed and does not end: it waits in the kernel (a disk?)")
            # Its port still takes calls, which nobody serves.
            log.error("killed: %s", (await self._rescue()).sentence())

    async def _may_start_again(self, reason: str) -> bool:
        settings = self._settings
        wait_s = self._restarts.ended(self._now())
        if wait_s is None:
            log.critical(
                "the server ended %d times within %g s, the last time: %s. It is not started again;"
                " calls go to the default queue. What it said before tells why",
                settings.restarts,
                settings.restarts_within_s,
                reason,
            )
            return False
        log.error("the server ended (%s): started again in %g s", reason, wait_s)
        self._manager.tell(f"STATUS=the server ended ({reason}), starting again")
        try:
            async with asyncio.timeout(wait_s):
                await self._stop.wait()
        except TimeoutError:
            return True
        return False
