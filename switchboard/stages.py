"""Start in order, stop in reverse, each stage with its own limit; later stages always reached."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Stage:
    name: str
    stop: Callable[[], Awaitable[object]]
    limit_s: float


class Stages:
    """What has been started, newest last. A stage that fails to start stops those before it."""

    def __init__(self) -> None:
        self._stages: list[_Stage] = []

    async def enter(self, name: str, part: AbstractAsyncContextManager[T], limit_s: float) -> T:
        entered = await part.__aenter__()
        self.on_stop(name, lambda: part.__aexit__(None, None, None), limit_s)
        return entered

    def on_stop(self, name: str, stop: Callable[[], Awaitable[object]], limit_s: float) -> None:
        self._stages.append(_Stage(name, stop, limit_s))

    async def stop(self) -> None:
        """A stage that is not done within its limit is cancelled and said."""
        while self._stages:
            stage = self._stages.pop()
            try:
                async with asyncio.timeout(stage.limit_s):
                    await stage.stop()
            except TimeoutError:
                log.error("stop: %s was not done after %s s", stage.name, stage.limit_s)
            except Exception:  # the next stage must be reached
                log.exception("stop: %s failed", stage.name)


class SideTasks:
    """Tasks that must live as long as the process. One that ends takes the process down with it:
    the service manager starts a whole one, and the dialplan serves callers meanwhile."""

    def __init__(self) -> None:
        self._own: set[asyncio.Task[Any]] = set()
        self.failed = asyncio.Event()
        self.reason: str | None = None
        self._stopping = False

    def start(self, name: str, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(work, name=name)
        self._own.add(task)
        task.add_done_callback(self._own.discard)
        self.watch(task)

    def start_once(self, name: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """What may end, but not by a fault."""

        def ended(task: asyncio.Task[Any]) -> None:
            if not task.cancelled() and task.exception() is not None:
                self._ended(task)

        task = asyncio.create_task(work, name=name)
        task.add_done_callback(ended)
        return task

    def watch(self, task: asyncio.Task[Any]) -> None:
        """Somebody else's task: watched, and never cancelled from here."""
        task.add_done_callback(self._ended)

    def expect_the_end(self) -> None:
        """From now on a task that ends is no failure."""
        self._stopping = True

    async def stop(self) -> None:
        self._stopping = True
        own = list(self._own)
        for task in own:
            task.cancel()
        await asyncio.gather(*own, return_exceptions=True)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if self._stopping:
            return
        error = None if task.cancelled() else task.exception()
        self.reason = f"{task.get_name()} ended: {error!r}"
        log.critical("side task %s", self.reason, exc_info=error)
        self.failed.set()
