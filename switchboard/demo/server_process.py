"""`switchboard run` as a process of its own, so that it can be watched, measured and killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp
import yaml

from calls.errors import Unavailable
from switchboard.demo import child
from switchboard.part import Part


@dataclass(slots=True)
class ServerProcess:
    """`settings` is written to `folder/switchboard.yaml`; the log goes to `folder/server.log`.
    `watchdog`: started and kept alive by a process that watches it. `under`: a program, with its
    arguments, that runs it. `part`: see `switchboard.part`."""

    folder: Path
    settings: dict[str, Any]
    start_limit_s: float = 60.0
    watchdog: bool = False
    part: Part = Part.ALL
    under: tuple[str, ...] = ()
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def base_url(self) -> str:
        if self.part is Part.DESK:
            nodes = self.settings["nodes"]
            return f"http://{nodes['desk_host']}:{nodes['desk_port']}"
        web = self.settings["web"]
        return f"http://{web['host']}:{web['port']}"

    @property
    def config_file(self) -> Path:
        return self.folder / "switchboard.yaml"

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The server's own, also where a watchdog has started it."""
        if self._process is None:
            raise Unavailable("the server is not running")
        if not self.watchdog:
            return self._process.pid
        if not (children := self._children()):
            raise Unavailable("the watchdog has no server now")
        # A younger one only waits.
        return children[0]

    @property
    def has_standby(self) -> bool:
        """Whether the next server waits already."""
        return self.watchdog and len(self._children()) > 1

    def _children(self) -> list[int]:
        pid = self._process.pid if self._process is not None else 0
        lists = Path(f"/proc/{pid}/task").glob("*/children")
        return [int(child) for one in lists for child in one.read_text("ascii").split()]

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    async def start(self, *, wait_for: tuple[str, ...] = ("agi", "storage", "ami")) -> None:
        """Returns when the named parts of /readyz are up; raises Unavailable with the log's end."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config_file.write_text(yaml.safe_dump(self.settings), encoding="utf-8")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("SWITCHBOARD_")}
        how = ["--watchdog"] if self.watchdog else []
        how += ["--part", self.part] if self.part is not Part.ALL else []
        how += ["--config", str(self.config_file)]
        self._process = child.start(
            [*self.under, sys.executable, "-m", "switchboard", "run", *how],
            folder=self.folder,
            output=self.folder / "server.log",
            env=environment,
        )
        try:
            await self.wait_for(*wait_for)
        except TimeoutError:
            await self.kill()
            raise Unavailable(
                f"the server was not ready after {self.start_limit_s:.0f} s:\n{self.log_end()}"
            ) from None

    async def wait_for(self, *parts: str) -> None:
        """Returns when these parts of /readyz are up. Raises TimeoutError after `start_limit_s`,
        and Unavailable where the server has ended."""
        async with asyncio.timeout(self.start_limit_s):
            while not await self._is_up(parts):
                await asyncio.sleep(0.05)

    async def stop(self, limit_s: float = 30.0) -> int:
        """Asks politely, then not. The exit status; negative for a signal."""
        if self._process is None:
            return 0
        return await asyncio.to_thread(child.stop, self._process, grace_s=limit_s)

    async def kill(self) -> None:
        """And the watchdog before it, so that nobody starts it again."""
        if self._process is None:
            return
        theirs = self._children() if self.watchdog else []
        self._process.kill()
        for pid in theirs:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await asyncio.to_thread(self._process.wait)

    def kill_watchdog(self) -> int:
        """The process id of the server, which then has nobody who watches it."""
        left = self.pid
        if self.watchdog and self._process is not None:
            self._process.kill()
        return left

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def cpu_s(self) -> float:
        """User and system time so far, without children (proc(5), stat fields 14 and 15)."""
        stat = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")

    def log_end(self, lines: int = 20) -> str:
        path = self.folder / "server.log"
        if not path.exists():
            return ""
        return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    async def readyz(self) -> dict[str, Any]:
        timeout = aiohttp.ClientTimeout(total=5)
        async with (
            aiohttp.ClientSession(timeout=timeout) as http,
            http.get(f"{self.base_url}/readyz") as answer,
        ):
            body: dict[str, Any] = json.loads(await answer.text())
            return body

    async def metrics(self) -> dict[str, float]:
        """/metrics by name, without the prefix all of ours have; samples with labels are left
        out."""
        timeout = aiohttp.ClientTimeout(total=5)
        async with (
            aiohttp.ClientSession(timeout=timeout) as http,
            http.get(f"{self.base_url}/metrics") as answer,
        ):
            lines = (await answer.text()).splitlines()
        samples = (line.split() for line in lines if line and "{" not in line and line[0] != "#")
        return {name.removeprefix("switchboard_"): float(value) for name, value, *_ in samples}

    async def _is_up(self, wait_for: tuple[str, ...]) -> bool:
        if not self.is_running:
            raise Unavailable(f"the server ended while starting:\n{self.log_end()}")
        try:
            parts = (await self.readyz())["parts"]
        except (aiohttp.ClientError, OSError, ValueError, TimeoutError):
            return False
        return all(parts.get(name, {}).get("ok") for name in wait_for)
