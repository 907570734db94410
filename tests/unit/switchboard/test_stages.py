"""Starting in order, stopping in reverse, and not limping on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from switchboard.stages import SideTasks, Stages

pytestmark = pytest.mark.unit


@asynccontextmanager
async def part(name: str, told: list[str]) -> AsyncIterator[str]:
    told.append(f"start {name}")
    yield name
    told.append(f"stop {name}")


async def test_stops_in_reverse_and_reaches_every_stage() -> None:
    told: list[str] = []
    stages = Stages()
    await stages.enter("storage", part("storage", told), 1)
    await stages.enter("web", part("web", told), 1)

    async def hang() -> None:
        await asyncio.Event().wait()

    async def fail() -> None:
        raise RuntimeError("no")

    stages.on_stop("hangs", hang, 0.01)
    stages.on_stop("fails", fail, 1)
    await stages.stop()
    assert told == ["start storage", "start web", "stop web", "stop storage"]


async def test_a_dead_side_task_is_said_and_stopping_is_not_dying() -> None:
    tasks = SideTasks()

    async def die() -> None:
        raise ValueError("the wire broke")

    async def live() -> None:
        await asyncio.Event().wait()

    tasks.start("lives", live())
    tasks.start("dies", die())
    await asyncio.wait_for(tasks.failed.wait(), 30)
    assert tasks.reason == "dies ended: ValueError('the wire broke')"
    await tasks.stop()

    quiet = SideTasks()
    quiet.start("lives", live())
    await quiet.stop()
    assert not quiet.failed.is_set()
