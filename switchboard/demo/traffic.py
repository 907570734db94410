"""Callers of the cast, for so long or until told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from switchboard.demo import cast
from switchboard.demo.sip_callers import CallersResult, ScriptedCall

#: Longest a caller who presses nothing stays in the menu and the queue.
DRAIN_S = 75.0
_ROUND_S = 30.0


class Work(Protocol):
    """`sip_callers.CallersAtWork`."""

    def progress(self) -> CallersResult: ...

    async def wait(self, *, deadline_s: float = 60.0) -> CallersResult: ...

    async def stop(self) -> None: ...


class Callers(Protocol):
    """`sip_callers.SipCallers`."""

    def start(self, calls: Sequence[ScriptedCall], *, rate_per_s: float = 10.0) -> Work: ...


class Traffic:
    def __init__(self, callers: Callers, *, rate: float, stop: asyncio.Event) -> None:
        self._callers = callers
        self._rate = rate
        self._stop = stop
        self._over: list[CallersResult] = []
        self._now: Work | None = None

    def progress(self) -> CallersResult:
        """So far; up to a second old."""
        return summed([*self._over, *([self._now.progress()] if self._now is not None else [])])

    async def play(self, seconds: float | None) -> CallersResult:
        """None: in rounds, until `stop` is set. Returns once the last caller has hung up, or was
        cut off since `stop` was set."""
        if seconds is not None:
            await self._round(seconds)
        else:
            while not self._stop.is_set():
                await self._round(_ROUND_S)
        return summed(self._over)

    async def _round(self, seconds: float) -> None:
        calls = cast.script(max(1, round(seconds * self._rate)))
        self._now = at_work = self._callers.start(calls, rate_per_s=self._rate)
        over = asyncio.create_task(at_work.wait(deadline_s=seconds + DRAIN_S), name="callers")
        stop = asyncio.create_task(self._stop.wait(), name="stop")
        await asyncio.wait({over, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not over.done():
            await at_work.stop()
        self._over.append(await over)
        self._now = None


def summed(results: Sequence[CallersResult]) -> CallersResult:
    return CallersResult(
        shape=None,
        offered=sum(result.offered for result in results),
        successful=sum(result.successful for result in results),
        failed=sum(result.failed for result in results),
        errors="".join(result.errors for result in results),
    )
