"""Several CRMs as one, where one of them is slow or away."""

from __future__ import annotations

import asyncio
import time

import pytest

from calls.deadlines import Deadline
from crm_adapter.adapter import KeyField, Timeout, Unavailable
from crm_adapter.adapters.chain import ChainCrm
from crm_adapter.live.breaker import BreakerLimits
from crm_adapter.live.guarded import GuardedCrm
from tests.fakes.scripted_crm import ScriptedCrm

pytestmark = pytest.mark.unit

HOME = "+12025550103"


class Pair:
    """Ada is known to the quick one, Bert to the slow one, which answers while its gate is open."""

    def __init__(self) -> None:
        self.quick, self.slow = ScriptedCrm("quick"), ScriptedCrm("slow")
        self.quick.add("ada", HOME)
        self.slow.add("bert", HOME)
        self.chain = ChainCrm(crms=[self.quick, self.slow])

    async def ids(self, within_s: float) -> list[str]:
        found = await self.chain.find_by_phone(HOME, limit=9, deadline=Deadline.after(within_s))
        return [hit.candidate.ref.id for hit in found]


async def test_all_are_asked_at_once_and_answer_in_their_order() -> None:
    pair = Pair()
    pair.quick.gate.clear()
    pair.slow.gate.clear()
    asked = asyncio.create_task(pair.ids(10))
    while not (pair.quick.asked_for and pair.slow.asked_for):
        await asyncio.sleep(0)
    pair.slow.gate.set()
    pair.quick.gate.set()
    assert await asked == ["ada", "bert"]


@pytest.mark.parametrize("broken", ["quick", "slow"])
async def test_who_fails_decides_at_once_whoever_is_silent(broken: str) -> None:
    pair = Pair()
    failing, silent = (pair.quick, pair.slow) if broken == "quick" else (pair.slow, pair.quick)
    failing.fault = Unavailable("down")
    silent.gate.clear()
    with pytest.raises(Unavailable, match="down"):
        await asyncio.wait_for(pair.ids(60), 30)


async def test_who_is_silent_is_named_and_leaves_time_for_more() -> None:
    pair = Pair()
    pair.slow.gate.clear()
    deadline = Deadline.after(2)
    with pytest.raises(Timeout, match="slow"):
        await pair.chain.find_by_phone(HOME, limit=9, deadline=deadline)
    assert deadline.left_s > 0.02
    with pytest.raises(Timeout, match="slow"):
        await pair.chain.find_by_key(
            KeyField.CUSTOMER_ID, "7", limit=2, deadline=Deadline.after(0.05)
        )


async def test_of_a_silent_one_nobody_waits_once_its_breaker_is_open() -> None:
    pair = Pair()
    pair.slow.gate.clear()
    limits = BreakerLimits(failures=3, slow_s=0.02, quiet_s=60)
    chain = ChainCrm(crms=[GuardedCrm(crm=crm, limits=limits) for crm in (pair.quick, pair.slow)])
    for _ in range(3):
        with pytest.raises(Timeout):
            await chain.find_by_phone(HOME, limit=9, deadline=Deadline.after(0.05))
    started = time.thread_time()
    for _ in range(100):
        with pytest.raises(Unavailable, match="not asked for now"):
            await chain.find_by_phone(HOME, limit=9, deadline=Deadline.after(60))
    assert time.thread_time() - started < 1.0
    pair.slow.gate.set()


async def test_a_check_tells_what_is_wrong_with_any_of_them() -> None:
    pair = Pair()
    await pair.chain.check()
    pair.slow.fault = Unavailable("down")
    with pytest.raises(Unavailable, match="down"):
        await pair.chain.check()
