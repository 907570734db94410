"""The beat of the loop, by clocks of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from switchboard.heart import Heart
from switchboard.notify import ServiceManager

pytestmark = pytest.mark.unit


class Told(ServiceManager):
    def __init__(self, *, limit_s: float | None = None) -> None:
        super().__init__(limit_s=limit_s)
        self.close()
        self.messages: list[tuple[str, ...]] = []

    def tell(self, *assignments: str) -> None:
        self.messages.append(assignments)


class Pauses:
    """Each lasts as long as asked, and so much `late` besides; after the last nothing goes on."""

    def __init__(self, *late: float) -> None:
        self.now_s = 100.0
        self.asked_s: list[float] = []
        self._late = list(late)
        self.over = asyncio.Event()

    async def __call__(self, pause_s: float) -> None:
        self.asked_s.append(pause_s)
        if not self._late:
            self.over.set()
            await asyncio.Event().wait()
        self.now_s += pause_s + self._late.pop(0)


async def beaten(heart: Callable[[Pauses], Heart], *late: float) -> tuple[Heart, Pauses]:
    pauses = Pauses(*late)
    made = heart(pauses)
    task = asyncio.create_task(made.beat())
    await pauses.over.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return made, pauses


def heart_of(told: Told, **more: object) -> Callable[[Pauses], Heart]:
    def made(pauses: Pauses) -> Heart:
        pause: Callable[[float], Awaitable[None]] = pauses
        return Heart(told, now=lambda: pauses.now_s, pause=pause, **more)  # type: ignore[arg-type]

    return made


async def test_it_says_how_late_the_loop_was(caplog: pytest.LogCaptureFixture) -> None:
    told = Told()
    await beaten(heart_of(told), 0.002, 2.25)
    assert [message[:2] for message in told.messages] == [
        ("WATCHDOG=1", "X_LOOP_LAG_MS=0"),
        ("WATCHDOG=1", "X_LOOP_LAG_MS=2"),
        ("WATCHDOG=1", "X_LOOP_LAG_MS=2250"),
    ]
    assert [record.getMessage() for record in caplog.records] == [
        "the loop stood still for 2.2 s: callers waited so long"
    ]


@pytest.mark.parametrize(("limit_s", "every_s"), [(None, 0.5), (5.0, 0.5), (1.0, 0.25)])
async def test_it_beats_well_within_the_limit(limit_s: float | None, every_s: float) -> None:
    _, pauses = await beaten(heart_of(Told(limit_s=limit_s)), 0.0)
    assert pauses.asked_s == [every_s, every_s]


async def test_a_start_may_take_as_long_as_the_loop_turns() -> None:
    told = Told()
    heart, _ = await beaten(heart_of(told), 0.0)
    assert told.messages[-1][2] == "EXTEND_TIMEOUT_USEC=30000000"
    heart.ready("serving")
    assert told.messages[-1] == ("READY=1", "STATUS=serving")
    heart.stopping("asked to")
    assert told.messages[-1] == ("STOPPING=1", "STATUS=stopping: asked to")


async def test_ready_is_said_again_as_it_may_be_lost() -> None:
    told = Told()

    def made(pauses: Pauses) -> Heart:
        heart = heart_of(told)(pauses)
        heart.ready("serving")
        return heart

    await beaten(made, 0.0)
    assert [message[2] for message in told.messages[1:]] == ["READY=1", "READY=1"]


@pytest.mark.parametrize(("parent", "orphaned"), [(None, False), (77, False), (76, True)])
async def test_it_asks_for_the_end_when_its_watchdog_is_gone(
    parent: int | None, orphaned: bool
) -> None:
    heart, _ = await beaten(heart_of(Told(), parent=parent, parent_now=lambda: 77), 0.0)
    assert heart.orphaned.is_set() is orphaned
