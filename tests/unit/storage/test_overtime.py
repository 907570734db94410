"""A question outlives an asker who gave up."""

from __future__ import annotations

import asyncio

import pytest

from calls.deadlines import Deadline
from calls.errors import DeadlineExceeded
from storage.overtime import Overtime

pytestmark = pytest.mark.unit


async def test_an_answer_in_time_is_given_and_an_error_is_raised() -> None:
    reads = Overtime("test")

    async def fail() -> int:
        raise ValueError("bad question")

    assert await reads.ask("it", asyncio.sleep(0, 7), deadline=Deadline.after(30)) == 7
    with pytest.raises(ValueError, match="bad question"):
        await reads.ask("it", fail(), deadline=Deadline.after(30))


async def test_a_late_question_goes_on_to_its_end() -> None:
    reads, gate, ends = Overtime("test"), asyncio.Event(), []

    async def slow(outcome: str) -> None:
        try:
            await gate.wait()
            if outcome == "fails":
                raise ValueError(outcome)
        finally:
            ends.append(outcome)

    for outcome in ("works", "fails"):
        with pytest.raises(DeadlineExceeded, match="it did not answer"):
            await reads.ask("it", slow(outcome), deadline=Deadline.after(0.01))
    assert ends == []
    gate.set()
    await reads.finish()
    assert ends == ["works", "fails"]
