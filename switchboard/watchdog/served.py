"""The server as its watchdog has it: a child process that tells how it is."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from switchboard import notify
from switchboard.part import Part

#: In the server's environment: our process id, and its file for the stacks of its threads.
WATCHED = "SWITCHBOARD_WATCHED"
#: In the environment of a server that is to wait: the end of a pipe on which it is told to go on.
STANDBY = "SWITCHBOARD_STANDBY"
_GO = b"g"
#: Answered, by a process that can, with the stacks of its threads.
SHOW_STACKS = signal.SIGUSR1
_STACK_LIMIT = 32_000
_LOOK_S = 0.05
_number = itertools.count(1)
_KILLED_S = 1.0
_MESSAGE_LIMIT = 4_096


@dataclass(frozen=True, slots=True)
class Watched:
    """What a server is told by its watchdog."""

    pid: int
    stacks: int

    def told(self) -> str:
        return f"{self.pid}:{self.stacks}"


def watched_by(environ: MutableMapping[str, str]) -> Watched | None:
    """Takes the variable out; None where nobody of ours watches."""
    pid, _, stacks = environ.pop(WATCHED, "").partition(":")
    if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in (pid, stacks)):
        return None
    return Watched(int(pid), int(stacks))


def told_to_go(environ: MutableMapping[str, str]) -> bool:
    """Takes the variable out. At once for a server that is wanted now; else blocks until its
    watchdog wants it, and is False where the watchdog has ended instead."""
    told = environ.pop(STANDBY, "")
    if not (told.isascii() and told.isdigit() and len(told) < 10):
        return True
    with os.fdopen(int(told), "rb", buffering=0) as pipe:
        return pipe.read(1) == _GO


class Served:
    """Made by `start`, to be closed. A standby does nothing before it is told to `go`."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        inbox: socket.socket,
        stacks: BinaryIO,
        go: BinaryIO | None,
    ) -> None:
        self._process = process
        self._inbox = inbox
        self._stacks = stacks
        self._go = go

    @classmethod
    def start(
        cls, command: Sequence[str], *, folder: Path, limit_s: float, standby: bool = False
    ) -> Served:
        """`folder`: a place for the socket, for nobody else to write into. Raises OSError."""
        address = folder / f"notify-{next(_number)}"
        inbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        inbox.bind(str(address))
        stacks = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        told = {
            **notify.offered(str(address), limit_s=limit_s),
            WATCHED: Watched(os.getpid(), stacks.fileno()).told(),
        }
        waits, go = os.pipe() if standby else (None, None)
        if waits is not None:
            told[STANDBY] = str(waits)
        try:
            process = subprocess.Popen(
                command,
                env={**os.environ, **told},
                stdin=subprocess.DEVNULL,
                pass_fds=(stacks.fileno(), *(() if waits is None else (waits,))),
                # A terminal's Ctrl-C is for us, and we pass it on once.
                process_group=0,
            )
        finally:
            if waits is not None:
                os.close(waits)
        return cls(process, inbox, stacks, None if go is None else os.fdopen(go, "wb", 0))

    def go(self) -> None:
        """One that has ended meanwhile is started by nobody."""
        if self._go is not None:
            with suppress(BrokenPipeError):
                self._go.write(_GO)
            self._go.close()
            self._go = None

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Below zero: the signal that ended it. None while it runs."""
        return self._process.poll()

    def heard(self) -> Iterator[Mapping[str, str]]:
        """What it has told since the last time; a bounded part of it."""
        for _ in range(1_000):
            try:
                message = self._inbox.recv(_MESSAGE_LIMIT)
            except BlockingIOError:
                return
            yield notify.read(message)

    async def ended(self, within_s: float) -> bool:
        until = asyncio.get_running_loop().time() + within_s
        while self.status is None and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(_LOOK_S)
        return self.status is not None

    def signal(self, which: signal.Signals) -> None:
        """Nothing where it has ended: the number may be another process's by now."""
        self._process.send_signal(which)

    async def stacks(self, within_s: float = 0.5) -> str:
        """What its threads are doing, by file, line and function; empty where it does not say (it
        is stopped, or deep in the kernel)."""
        file = self._stacks.fileno()
        begin = size = os.fstat(file).st_size
        self.signal(SHOW_STACKS)
        until = asyncio.get_running_loop().time() + within_s
        while asyncio.get_running_loop().time() < until:
            await asyncio.sleep(0.02)
            before, size = size, os.fstat(file).st_size
            if size == before > begin:
                break
        return os.pread(file, min(size - begin, _STACK_LIMIT), begin).decode("utf-8", "replace")

    async def close(self) -> None:
        """Kills it, where it still runs."""
        self.signal(signal.SIGKILL)
        await self.ended(_KILLED_S)
        self._inbox.close()
        self._stacks.close()
        if self._go is not None:
            self._go.close()


def command_of(config: Path | None, part: Part = Part.ALL) -> list[str]:
    told = ["--config", str(config)] if config is not None else []
    if part is not Part.ALL:
        told += ["--part", part]
    return [sys.executable, "-m", "switchboard", "run", *told]
