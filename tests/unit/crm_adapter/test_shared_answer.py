"""One question for all who wait."""

from __future__ import annotations

import asyncio

import pytest

from calls.deadlines import Deadline
from crm_adapter.adapter import Timeout, Unavailable
from crm_adapter.shared_answer import SharedAnswer

pytestmark = pytest.mark.unit


class Question:
    def __init__(self) -> None:
        self.asked = 0
        self.gate = asyncio.Event()
        self.fault: Exception | None = None

    async def __call__(self) -> int:
        self.asked += 1
        asked = self.asked
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        return asked


async def test_who_gives_up_breaks_nothing_off() -> None:
    shared: SharedAnswer[int] = SharedAnswer("the log-in")
    question = Question()
    patient = asyncio.create_task(shared.ask(question, deadline=Deadline.after(30)))
    for _ in range(3):
        with pytest.raises(Timeout, match="the log-in"):
            await shared.ask(question, deadline=Deadline.after(0.01))
    question.gate.set()
    assert await patient == 1
    assert await shared.ask(question, deadline=Deadline.after(30)) == 2, "nothing is kept"


async def test_all_who_wait_are_told_of_a_failure_and_the_next_one_asks_anew() -> None:
    shared: SharedAnswer[int] = SharedAnswer("the log-in")
    question = Question()
    question.fault = Unavailable("down")
    waiting = [shared.ask(question, deadline=Deadline.after(30)) for _ in range(20)]
    gathered = asyncio.gather(*waiting, return_exceptions=True)
    while not question.asked:
        await asyncio.sleep(0)
    question.gate.set()
    assert {str(one) for one in await gathered} == {"down"}
    question.fault = None
    assert await shared.ask(question, deadline=Deadline.after(30)) == 2


async def test_closed_it_leaves_nothing_behind() -> None:
    shared: SharedAnswer[int] = SharedAnswer("the log-in")
    question = Question()
    with pytest.raises(Timeout):
        await shared.ask(question, deadline=Deadline.after(0.01))
    await shared.close()
    assert [task.get_name() for task in asyncio.all_tasks() if "log-in" in task.get_name()] == []
    await shared.close()
