"""A CRM behind breakers and lanes."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from calls.deadlines import Deadline
from crm_adapter.adapter import AuthFailed, CrmError, NotFound, RateLimited, Timeout, Unavailable
from crm_adapter.live.breaker import BreakerLimits, BreakerState
from crm_adapter.live.guarded import FIND_BY_PHONE, GET, GuardedCrm
from tests.fakes.scripted_crm import ScriptedCrm

pytestmark = pytest.mark.unit

MARIA = "+12025550101"
#: Opens and closes in moments, so that a test need not wait.
QUICK = BreakerLimits(failures=3, slow_s=0.05, quiet_s=0.05)


async def ask(crm: GuardedCrm, within_s: float = 30.0) -> None:
    await crm.find_by_phone(MARIA, limit=5, deadline=Deadline.after(within_s))


async def test_an_open_breaker_answers_at_once_and_asks_nobody() -> None:
    crm = ScriptedCrm()
    guarded = GuardedCrm(crm=crm)
    crm.fault = Unavailable("down")
    for _ in range(5):
        with pytest.raises(Unavailable, match="down"):
            await ask(guarded)
    with pytest.raises(Unavailable, match="not asked for now"):
        await ask(guarded)
    assert len(crm.asked_for) == 5


@pytest.mark.parametrize("error", [AuthFailed("no"), RateLimited("slow down", after_s=30)])
async def test_a_refusal_opens_at_once(error: CrmError) -> None:
    crm = ScriptedCrm()
    guarded = GuardedCrm(crm=crm)
    crm.fault = error
    with pytest.raises(type(error)):
        await ask(guarded)
    assert not guarded.breakers[FIND_BY_PHONE].lets_pass(asyncio.get_running_loop().time())


async def test_that_nobody_is_there_is_an_answer() -> None:
    crm = ScriptedCrm()
    guarded = GuardedCrm(crm=crm)
    crm.fault = NotFound("nobody")
    for _ in range(50):
        with pytest.raises(NotFound):
            await ask(guarded)


async def test_operations_break_one_by_one() -> None:
    crm = ScriptedCrm()
    ref = crm.add("C-1", MARIA)
    guarded = GuardedCrm(crm=crm)
    guarded.breakers[GET].refused(asyncio.get_running_loop().time())
    await ask(guarded)
    with pytest.raises(Unavailable):
        await guarded.get(ref, deadline=Deadline.after(30))


async def test_silence_opens_it_before_any_answer_is_due() -> None:
    """Questions may go on for ten seconds; callers who come meanwhile need not wait for one."""
    crm = ScriptedCrm()
    crm.gate.clear()
    guarded = GuardedCrm(crm=crm, limits=QUICK)
    waiting = [asyncio.create_task(ask(guarded, 60)) for _ in range(3)]
    opened = asyncio.create_task(_until_open(guarded))
    await asyncio.wait_for(opened, 30)
    assert not any(task.done() for task in waiting)
    crm.gate.set()
    await asyncio.gather(*waiting)


async def _until_open(guarded: GuardedCrm) -> None:
    loop = asyncio.get_running_loop()
    while guarded.breakers[FIND_BY_PHONE].lets_pass(loop.time()):
        await asyncio.sleep(0)


async def test_a_probe_of_ours_closes_it_again() -> None:
    crm = ScriptedCrm()
    guarded = GuardedCrm(crm=crm, limits=QUICK, probe_every_s=0.01)
    crm.fault = Unavailable("down")
    for _ in range(3):
        with pytest.raises(Unavailable):
            await ask(guarded)
    probing = asyncio.create_task(guarded.run())
    breaker = guarded.breakers[FIND_BY_PHONE]
    loop = asyncio.get_running_loop()
    asked = len(crm.asked_for)
    while len(crm.asked_for) == asked:  # a probe that fails keeps it open
        await asyncio.sleep(0)
    assert breaker.state(loop.time()) is not BreakerState.CLOSED
    crm.fault = None
    while not breaker.lets_pass(loop.time()):
        await asyncio.sleep(0)
    assert all(number != MARIA for _, number in crm.asked_for[3:])
    probing.cancel()
    with suppress(asyncio.CancelledError):
        await probing


async def test_too_many_who_wait_are_turned_away_at_once() -> None:
    crm = ScriptedCrm()
    crm.gate.clear()
    guarded = GuardedCrm(crm=crm, at_once=2, most_waiting=3)
    tasks = [asyncio.create_task(ask(guarded)) for _ in range(5)]
    for _ in range(3):
        await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="wait already"):
        await ask(guarded)
    assert (len(crm.asked_for), guarded.turned_away) == (2, 1)
    crm.gate.set()
    await asyncio.gather(*tasks)


async def test_who_finds_no_place_in_time_gets_a_timeout() -> None:
    crm = ScriptedCrm()
    crm.gate.clear()
    guarded = GuardedCrm(crm=crm, at_once=1)
    first = asyncio.create_task(ask(guarded))
    await asyncio.sleep(0)
    with pytest.raises(Timeout):
        await ask(guarded, 0.02)
    crm.gate.set()
    await first


async def test_the_nightly_copy_takes_no_caller_s_place() -> None:
    crm = ScriptedCrm()
    crm.gate.clear()
    guarded = GuardedCrm(crm=crm, at_once=1)
    copying = [
        asyncio.create_task(guarded.changes(None, limit=10, deadline=Deadline.after(30)))
        for _ in range(2)
    ]
    await asyncio.sleep(0)
    asking = asyncio.create_task(ask(guarded))
    await asyncio.sleep(0)
    assert ("find_by_phone", MARIA) in crm.asked_for
    crm.gate.set()
    await asyncio.gather(asking, *copying)


async def test_an_adapter_that_keeps_no_deadline_is_held_to_it() -> None:
    crm = ScriptedCrm()
    crm.gate.clear()
    guarded = GuardedCrm(crm=crm)
    with pytest.raises(Timeout):
        await ask(guarded, 0.02)


async def test_whatever_a_probe_meets_the_guard_lives() -> None:
    crm = ScriptedCrm()
    guarded = GuardedCrm(crm=crm, limits=QUICK, probe_every_s=0.001)
    breaker = guarded.breakers[FIND_BY_PHONE]
    breaker.refused(asyncio.get_running_loop().time(), quiet_s=0)
    crm.fault = KeyError("id")
    running = asyncio.create_task(guarded.run())
    while not crm.asked_for:
        await asyncio.sleep(0)
    crm.fault = None
    while not breaker.lets_pass(asyncio.get_running_loop().time()):
        await asyncio.sleep(0)
        assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
