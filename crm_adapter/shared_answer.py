"""A question that many wait for at once and that is asked once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from calls.deadlines import Deadline
from calls.errors import DeadlineExceeded
from crm_adapter.adapter import Timeout

T = TypeVar("T")


class SharedAnswer(Generic[T]):
    """Each waits for as long as their own deadline, and nobody for one asker after the other: who
    gives up breaks nothing off, and what the question raises all who wait are told. Nothing is
    kept: whoever comes after the answer asks anew."""

    def __init__(self, what: str) -> None:
        """`what` names it in what is raised."""
        self._what = what
        self._asked: asyncio.Task[T] | None = None

    async def ask(self, question: Callable[[], Coroutine[Any, Any, T]], *, deadline: Deadline) -> T:
        """`question` has a deadline of its own. Raises Timeout, or what it raises."""
        if self._asked is None:
            self._asked = asyncio.create_task(question(), name=f"crm:{self._what}")
            self._asked.add_done_callback(self._over)
        try:
            return await deadline.bound(self._what, asyncio.shield(self._asked))
        except DeadlineExceeded as error:
            raise error if isinstance(error, Timeout) else Timeout(str(error)) from error

    async def close(self) -> None:
        """Gives the question up."""
        task = self._asked
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _over(self, task: asyncio.Task[T]) -> None:
        self._asked = None
        if not task.cancelled():
            task.exception()  # seen here: nobody may be left who waits for it
