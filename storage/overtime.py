"""Reading under a deadline without breaking off the driver."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from calls.deadlines import Deadline

T = TypeVar("T")


class Overtime:
    """Asks the database under a deadline; a question whose asker has given up goes on to its end
    and its answer is dropped.

    Cancelling instead would leave aiosqlite's thread (0.22) without the loop it answers to, and
    cost asyncpg its connection. The pool's size and waiting time bound what can go on.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._going_on: set[asyncio.Task[Any]] = set()

    async def ask(self, what: str, answer: Coroutine[Any, Any, T], *, deadline: Deadline) -> T:
        """Raises DeadlineExceeded naming `what`, and whatever `answer` raises in time."""
        task = asyncio.create_task(answer, name=self._name)
        self._going_on.add(task)
        task.add_done_callback(self._drop)
        return await deadline.bound(what, asyncio.shield(task))

    async def finish(self) -> None:
        """Waits for what goes on; call it before the database is closed."""
        await asyncio.gather(*self._going_on, return_exceptions=True)

    def _drop(self, task: asyncio.Task[Any]) -> None:
        self._going_on.discard(task)
        if not task.cancelled():
            task.exception()  # seen here: nobody may be left who waits for it
