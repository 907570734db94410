"""One node works at a time, a night is done once, and who dies in the middle is followed."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from calls.errors import Misconfigured
from scoring.nightly.run_book import (
    DONE,
    FAILED,
    KEPT_RUNS,
    LEASE,
    MOST_TRIES,
    RUNNING,
    STOPPED,
    LeaseLost,
    NotClaimed,
    RunBook,
    StepDone,
)
from scoring.nightly.sequence import Step, StepSkipped, Told, alone, work_through
from storage.database import Database
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.integration

NIGHT = "2026-03-02"
SCORED = StepDone("score", DONE, 1.5, "3 contacts scored")


def books(database: Database, count: int = 2) -> tuple[FakeClock, list[RunBook]]:
    clock = FakeClock()
    return clock, [RunBook(database=database, now=clock) for _ in range(count)]


class Steps:
    """Counts what was done."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.fails: BaseException | None = None
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()

    def steps(self) -> list[Step]:
        return [
            Step("score", "scoring", self.score),
            Step("drift", "measuring", self.drift),
            Step("train", "training", self.train),
        ]

    async def score(self, told: Told) -> str:
        self.done.append("score")
        told(3, 3)
        return "3 contacts scored"

    async def drift(self, told: Told) -> str:
        self.done.append("drift")
        self.reached.set()
        if self.fails is not None:
            raise self.fails
        await self.go_on.wait()
        return "nothing drifts"

    async def train(self, told: Told) -> str:
        self.done.append("train")
        raise StepSkipped("nothing asks for it")


async def test_of_two_nodes_one_works(any_database: Database) -> None:
    _, (ours, theirs) = books(any_database)
    claims = await asyncio.gather(ours.claim(NIGHT), theirs.claim(NIGHT), return_exceptions=True)
    assert sorted(type(each).__name__ for each in claims) == ["NotClaimed", "Run"]
    assert await ours.is_somebody_at_it()


async def test_one_step_by_hand_is_not_done_beside_a_night(any_database: Database) -> None:
    clock, (ours, theirs) = books(any_database)
    done: list[str] = []

    async def score() -> int:
        assert await theirs.is_somebody_at_it()
        with pytest.raises(NotClaimed, match="somebody is at the nightly work"):
            await theirs.claim(NIGHT)
        done.append("score")
        return 3

    assert await alone(score, book=ours) == 3
    await theirs.claim(NIGHT)
    with pytest.raises(NotClaimed, match="somebody is at the nightly work"):
        await alone(score, book=ours)
    assert done == ["score"]
    clock.advance(seconds=3 * LEASE.total_seconds())
    await ours.hold()
    await theirs.let_go()
    assert await ours.is_somebody_at_it(), "nobody gives back what is another's"


async def test_another_night_waits_too(any_database: Database) -> None:
    _, (ours, theirs) = books(any_database)
    await ours.claim(NIGHT)
    with pytest.raises(NotClaimed, match="somebody"):
        await theirs.claim("by hand 2026-03-02T09:30:00Z")
    await ours.finish(NIGHT, DONE, [SCORED])
    await theirs.claim("by hand 2026-03-02T09:30:00Z")


async def test_a_night_is_done_once(any_database: Database) -> None:
    _, (ours, theirs) = books(any_database)
    await ours.claim(NIGHT)
    await ours.finish(NIGHT, DONE, [SCORED])
    for book in (ours, theirs):
        with pytest.raises(NotClaimed, match="over"):
            await book.claim(NIGHT)
    assert not await ours.is_somebody_at_it()
    run = await theirs.last()
    assert run is not None
    assert (run.night, run.state, run.tries, run.steps) == (NIGHT, DONE, 1, (SCORED,))


async def test_who_dies_is_followed_when_the_lease_is_over(any_database: Database) -> None:
    clock, (ours, theirs) = books(any_database)
    await ours.claim(NIGHT)
    await ours.note(NIGHT, [SCORED])
    clock.advance(seconds=LEASE.total_seconds() - 1)
    with pytest.raises(NotClaimed):
        await theirs.claim(NIGHT)
    await ours.renew()
    clock.advance(seconds=LEASE.total_seconds())
    assert not await theirs.is_somebody_at_it()
    run = await theirs.claim(NIGHT)
    assert (run.tries, run.steps) == (2, (SCORED,))
    with pytest.raises(LeaseLost):
        await ours.renew()
    # Nor may the one that was taken for dead write into the other's work.
    await ours.finish(NIGHT, FAILED, [])
    found = await theirs.run_of(NIGHT)
    assert found is not None
    assert (found.state, found.steps) == (RUNNING, (SCORED,))


async def test_a_lease_of_a_clock_that_ran_ahead_is_none(any_database: Database) -> None:
    clock, (ours, theirs) = books(any_database)
    clock.advance(days=2_000)
    await ours.claim(NIGHT)
    clock.advance(days=-2_000)
    assert not await theirs.is_somebody_at_it()
    await theirs.claim(NIGHT)


async def test_what_always_fails_is_left_alone(any_database: Database) -> None:
    _, (book,) = books(any_database, 1)
    for tries in range(1, MOST_TRIES + 1):
        assert (await book.claim(NIGHT)).tries == tries
        await book.finish(NIGHT, FAILED, [])
    with pytest.raises(NotClaimed):
        await book.claim(NIGHT)
    run = await book.run_of(NIGHT)
    assert run is not None
    assert run.is_over


@pytest.mark.long_on("postgresql")
async def test_old_nights_are_forgotten(any_database: Database) -> None:
    clock, (book,) = books(any_database, 1)
    for day in range(KEPT_RUNS + 5):
        await book.claim(f"night {day}")
        await book.finish(f"night {day}", DONE, [])
        clock.advance(days=1)
    assert await book.run_of("night 3") is None
    assert await book.run_of("night 10") is not None


async def test_all_steps_are_reached_whatever_becomes_of_them(any_database: Database) -> None:
    _, (book,) = books(any_database, 1)
    work = Steps()
    work.fails = Misconfigured("the folder cannot be read")
    assert await work_through(NIGHT, work.steps(), book=book) == FAILED
    run = await book.run_of(NIGHT)
    assert run is not None
    assert [(step.name, step.state, step.said) for step in run.steps] == [
        ("score", "done", "3 contacts scored"),
        ("drift", "failed", "the folder cannot be read"),
        ("train", "skipped", "nothing asks for it"),
    ]
    # The next try does only what failed.
    work.fails, work.done = None, []
    work.go_on.set()
    assert await work_through(NIGHT, work.steps(), book=book) == DONE
    assert work.done == ["drift"]


async def test_a_fault_of_ours_is_logged_and_not_shown(
    any_database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    _, (book,) = books(any_database, 1)
    work = Steps()
    work.fails = ZeroDivisionError("of Mr Garcia")
    assert await work_through(NIGHT, work.steps(), book=book) == FAILED
    run = await book.run_of(NIGHT)
    assert run is not None
    assert run.steps[1].said == "ZeroDivisionError: see the log"
    assert any(record.exc_info for record in caplog.records)


async def test_stopped_in_the_middle_it_goes_on_where_it_was(any_database: Database) -> None:
    _, (book, next_one) = books(any_database)
    work = Steps()
    task = asyncio.create_task(work_through(NIGHT, work.steps(), book=book))
    await asyncio.wait_for(work.reached.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    run = await book.run_of(NIGHT)
    assert run is not None
    assert (run.state, run.tries, run.is_over) == (STOPPED, 0, False)
    work.go_on.set()
    work.done = []
    assert await work_through(NIGHT, work.steps(), book=next_one) == DONE
    assert work.done == ["drift", "train"]


async def test_nobody_goes_on_who_was_taken_for_dead(
    any_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, (ours, theirs) = books(any_database)
    monkeypatch.setattr("scoring.nightly.sequence.LEASE", timedelta(milliseconds=40))
    work = Steps()
    task = asyncio.create_task(work_through(NIGHT, work.steps(), book=ours))
    await asyncio.wait_for(work.reached.wait(), 10)
    clock.advance(seconds=10 * LEASE.total_seconds())
    await theirs.claim(NIGHT)
    with pytest.raises(LeaseLost):
        await asyncio.wait_for(task, 10)
