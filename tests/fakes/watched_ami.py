"""An AMI client that runs, and what it reported."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import SecretStr

from ami_bridge.ami_client import AmiClient, AmiTiming
from config.settings import AmiSettings
from tests.fakes.asterisk_ami import FakeAmi

QUICK = AmiTiming(
    connect_s=1.0,
    login_s=1.0,
    action_s=30.0,
    retry_s=(0.01, 0.02, 0.04),
    refused_s=(0.05, 0.1, 60.0),
    steady_s=0.0,
)


class Pauses:
    """How long the client would wait between its tries; it waits after the `stop_at`th only."""

    def __init__(self, *, stop_at: int) -> None:
        self.lengths_s: list[float] = []
        self._stop_at = stop_at
        self.go_on = asyncio.Event()

    async def __call__(self, delay_s: float) -> None:
        self.lengths_s.append(delay_s)
        if len(self.lengths_s) == self._stop_at:
            await self.go_on.wait()
        else:
            await asyncio.sleep(0)


class Watched:
    """A running client and what it reported."""

    def __init__(
        self,
        fake: FakeAmi,
        *,
        port: int = 0,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        secret: str = "s3cret",
        secret_file: Path | None = None,
        timing: AmiTiming = QUICK,
        ping_deadline_s: float = 30.0,
    ) -> None:
        self.events: list[tuple[bytes, bytes]] = []
        self.downs: list[str] = []
        self._changed = asyncio.Event()
        self.client = AmiClient(
            settings=AmiSettings(
                port=port or fake.port,
                secret=SecretStr(secret),
                secret_file=secret_file,
                ping_every_s=0.1,
                ping_deadline_s=ping_deadline_s,
            ),
            on_event=self._on_event,
            on_up=self._changed.set,
            on_down=self._on_down,
            timing=timing,
            pause=pause,
        )

    def _on_event(self, name: bytes, block: bytes) -> None:
        self.events.append((name, block))
        self._changed.set()

    def _on_down(self, reason: str) -> None:
        self.downs.append(reason)
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def until_connected(self) -> None:
        await self.until(lambda: self.client.is_connected)

    async def until_logged_in(self, times: int) -> None:
        await self.until(lambda: self.client.counters.logins == times)

    async def until_down(self, times: int) -> None:
        """Since the start; each try that failed is one."""
        await self.until(lambda: len(self.downs) >= times)


@asynccontextmanager
async def running(watched: Watched) -> AsyncIterator[Watched]:
    task = asyncio.create_task(watched.client.run(), name="client")
    try:
        yield watched
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
