"""Renders what is known before anybody calls, so that the first caller does not wait for it."""

from __future__ import annotations

import asyncio
import logging
from typing import Self

from config.publishing import Rulebooks
from config.rulebook import Rulebook
from ivr.prerender import fixed_texts
from ivr.prompts import Prompts

log = logging.getLogger(__name__)


class WarmUp:
    """Once at start and after each new rulebook; in the background, one at a time."""

    def __init__(self, *, prompts: Prompts, rulebooks: Rulebooks) -> None:
        self._prompts = prompts
        self._rulebooks = rulebooks
        self._task: asyncio.Task[None] | None = None
        self.problem: str | None = "rendering"

    async def __aenter__(self) -> Self:
        await self._prompts.take(self._rulebooks.current)
        self._begin(self._rulebooks.current)
        self._rulebooks.on_published.append(self._begin)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._rulebooks.on_published.remove(self._begin)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _begin(self, rulebook: Rulebook) -> None:
        if self._task is not None:
            self._task.cancel()
        self.problem = "rendering"
        self._task = asyncio.create_task(self._render(rulebook), name="warm-up")
        self._task.add_done_callback(self._ended)

    async def _render(self, rulebook: Rulebook) -> None:
        await self._prompts.take(rulebook)
        # Every menu in every language on every key: for a large rulebook the loop has no time.
        texts = await asyncio.to_thread(fixed_texts, rulebook)
        missing = await self._prompts.prerender(texts, self._progress)
        self.problem = (
            f"{missing} fixed texts or recordings cannot be heard, see the log" if missing else None
        )

    def _progress(self, done: int, of: int) -> None:
        self.problem = f"rendering, {done} of {of}"

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (fault := task.exception()) is not None:
            self.problem = "a fault ended the rendering, see the log; callers wait for it instead"
            log.error("warm-up: a fault while rendering", exc_info=fault)
