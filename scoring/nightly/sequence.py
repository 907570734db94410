"""One night's steps, each by itself: what fails is said, and the next one is reached."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from calls.errors import SwitchboardError, Unavailable
from scoring.nightly.run_book import DONE, FAILED, LEASE, SKIPPED, RunBook, StepDone
from storage.transient import is_outage

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Called with what is done and what there is to do.
Told = Callable[[int, int], None]


class StepSkipped(Exception):
    """There is nothing to do, or this installation cannot; says why."""


@dataclass(frozen=True, slots=True)
class Step:
    """`work` returns a sentence of what it did. It leaves the loop free: whatever takes longer than
    a moment goes into a thread or another process."""

    name: str
    #: For the progress bar: "scoring contacts".
    title: str
    work: Callable[[Told], Awaitable[str]]


#: Called as a step begins; what it returns is told how far the step is.
Began = Callable[[Step], Told]


def _unwatched(_step: Step) -> Told:
    return lambda done, total: None


async def work_through(
    night: str, steps: Sequence[Step], *, book: RunBook, began: Began = _unwatched
) -> str:
    """The state it ended with: done, or failed where a step did. Steps that were done before
    somebody was stopped are not done again. Raises NotClaimed, and LeaseLost where another node
    took the work over."""
    before = await book.claim(night)
    done = {step.name: step for step in before.steps if step.state != FAILED}
    if done:
        log.info("nightly: going on after %s", ", ".join(done))
    work = asyncio.create_task(_all(night, steps, done, book, began), name="nightly:steps")
    heart = asyncio.create_task(_stay_alive(book), name="nightly:lease")
    try:
        await asyncio.wait({work, heart}, return_when=asyncio.FIRST_COMPLETED)
        if heart.done():
            heart.result()
        work.result()
    except asyncio.CancelledError:
        await _ended(work)
        await book.put_down(night)
        raise
    finally:
        await _ended(work)
        await _ended(heart)
    state = FAILED if any(each.state == FAILED for each in done.values()) else DONE
    await book.finish(night, state, list(done.values()))
    return state


async def alone(work: Callable[[], Coroutine[Any, Any, T]], *, book: RunBook) -> T:
    """Does the work of one step while nobody does a night's. Raises NotClaimed where somebody does,
    and LeaseLost where this one was taken for dead."""
    await book.hold()
    task = asyncio.create_task(work(), name="nightly:alone")
    heart = asyncio.create_task(_stay_alive(book), name="nightly:lease")
    try:
        await asyncio.wait({task, heart}, return_when=asyncio.FIRST_COMPLETED)
        if heart.done():
            heart.result()
        return task.result()
    finally:
        await _ended(task)
        await _ended(heart)
        await book.let_go()


async def _all(
    night: str, steps: Sequence[Step], done: dict[str, StepDone], book: RunBook, began: Began
) -> None:
    for step in steps:
        if step.name not in done:
            done[step.name] = await _one(step, began(step))
            await book.note(night, list(done.values()))


async def _ended(task: asyncio.Future[Any]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _stay_alive(book: RunBook) -> None:
    while True:
        await asyncio.sleep(LEASE.total_seconds() / 4)
        try:
            await book.renew()
        except (SQLAlchemyError, OSError, Unavailable) as error:
            if not is_outage(error):
                raise
            log.warning("nightly: the database is away; what is being computed goes on")


async def _one(step: Step, told: Told) -> StepDone:
    began = time.monotonic()
    try:
        state, said = DONE, await step.work(told)
    except StepSkipped as skipped:
        state, said = SKIPPED, str(skipped)
    except SwitchboardError as error:
        state, said = FAILED, str(error) or type(error).__name__
    except Exception as error:  # the next step must be reached
        log.exception("nightly: %s failed", step.name)
        state, said = FAILED, f"{type(error).__name__}: see the log"
    seconds = round(time.monotonic() - began, 2)
    log.log(
        logging.ERROR if state == FAILED else logging.INFO,
        "nightly: %s %s in %.1f s: %s",
        step.name,
        state,
        seconds,
        said,
    )
    return StepDone(step.name, state, seconds, said)
