"""What every CRM adapter over HTTP must do when the network or the server fails: a proxy in front
of the world's server fails for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any

import pytest

from calls.caller import ContactRef
from calls.deadlines import Deadline
from crm_adapter.adapter import (
    AmbiguousWrite,
    AuthFailed,
    CrmAdapter,
    CrmError,
    RateLimited,
    Timeout,
    Unavailable,
)
from tests.crm_worlds.asking import hit_of
from tests.crm_worlds.claims import unclaimed
from tests.crm_worlds.samples import LEAD, LONDON, RECORD, TASK
from tests.crm_worlds.world import HttpCrmWorld, WorldKind
from tests.fakes.http_fault_proxy import RETRY_AFTER_S, Fault, HttpFaultProxy
from tests.punctual import in_time

pytestmark = pytest.mark.contract

#: What a caller's question may take, and one that is answered, however busy the machine.
BUDGET_S = 0.5
ANSWERED_S = 30.0
#: So often it is sent again; more requests than that no write makes.
MOST_TRIES, MOST_REQUESTS = 4, 12

TYPED: dict[Fault, type[CrmError]] = {
    Fault.LATENCY: Timeout,
    Fault.SILENCE: Timeout,
    Fault.REFUSED: Unavailable,
    Fault.RESET_AFTER_SENT: Unavailable,
    Fault.RESET_AFTER_COMMIT: Unavailable,
    Fault.TOO_MANY: RateLimited,
    Fault.ERROR: Unavailable,
    Fault.ERROR_AFTER_COMMIT: Unavailable,
    Fault.HTML: Unavailable,
    Fault.HTML_AFTER_COMMIT: Unavailable,
    Fault.TRUNCATED: Unavailable,
    Fault.HUGE: Unavailable,
    Fault.EXPIRED: AuthFailed,
}
#: Faults of a write that leave open whether it was carried out; all others leave it undone.
UNANSWERED = {Fault.LATENCY, Fault.SILENCE}


@dataclass(frozen=True)
class Troubled:
    world: HttpCrmWorld
    proxy: HttpFaultProxy
    #: Through the proxy.
    crm: CrmAdapter


@pytest.fixture
async def troubled(http_world: HttpCrmWorld) -> AsyncIterator[Troubled]:
    async with HttpFaultProxy(http_world.url) as proxy:
        crm = http_world.through(proxy.url)
        await crm.open()
        yield Troubled(http_world, proxy, crm)
        await crm.close()


async def _error_of(
    question: Callable[[Deadline], Coroutine[Any, Any, object]], fault: Fault
) -> CrmError | None:
    """In time, or the test fails."""
    budget_s = BUDGET_S if fault in UNANSWERED else ANSWERED_S
    try:
        await in_time(question(Deadline.after(budget_s)), budget_s)
    except CrmError as error:
        return error
    return None


@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name.lower())
async def test_a_question_fails_in_time_and_by_name(troubled: Troubled, fault: Fault) -> None:
    ref = await troubled.world.add_contact(LONDON)
    assert (await hit_of(troubled.crm, LONDON)).candidate.ref == ref  # logged in, and warm
    questions: list[Callable[[Deadline], Coroutine[Any, Any, object]]] = [
        lambda deadline: troubled.crm.find_by_phone(LONDON, limit=5, deadline=deadline),
        lambda deadline: troubled.crm.get(ref, deadline=deadline),
    ]
    for question in questions:
        await troubled.proxy.fail(fault)
        error = await _error_of(question, fault)
        assert isinstance(error, TYPED[fault]), f"{fault} became {error!r}"
        if isinstance(error, RateLimited):
            assert error.after_s == RETRY_AFTER_S
    await troubled.proxy.heal()


@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name.lower())
async def test_a_log_in_that_fails_is_in_time_and_by_name(troubled: Troubled, fault: Fault) -> None:
    await troubled.world.add_contact(LONDON)
    await troubled.proxy.fail(fault)
    error = await _error_of(
        lambda deadline: troubled.crm.find_by_phone(LONDON, limit=5, deadline=deadline), fault
    )
    assert isinstance(error, TYPED[fault]), f"{fault} became {error!r}"


async def test_it_works_again_once_the_crm_does(troubled: Troubled) -> None:
    ref = await troubled.world.add_contact(LONDON)
    await hit_of(troubled.crm, LONDON)
    for fault in Fault:
        if fault is Fault.EXPIRED:
            continue  # after a log-in that was refused nobody asks for a minute
        await troubled.proxy.fail(fault)
        error = await _error_of(
            lambda deadline: troubled.crm.find_by_phone(LONDON, limit=5, deadline=deadline), fault
        )
        assert error is not None
        await troubled.proxy.heal()
        assert (await hit_of(troubled.crm, LONDON)).candidate.ref == ref


async def test_a_session_that_has_ended_is_renewed_or_named(
    troubled: Troubled, world_kind: WorldKind
) -> None:
    ref = await troubled.world.add_contact(LONDON)
    await hit_of(troubled.crm, LONDON)
    await troubled.proxy.fail(Fault.EXPIRED, only=1)
    try:
        hit = await hit_of(troubled.crm, LONDON)
    except AuthFailed:
        assert not world_kind.renews_log_in
        return
    assert world_kind.renews_log_in
    assert hit.candidate.ref == ref
    assert troubled.proxy.failed == 1


async def _lead(crm: CrmAdapter, key: str, _ref: ContactRef) -> str:
    return await crm.create_lead(LEAD, key)


async def _call(crm: CrmAdapter, key: str, ref: ContactRef) -> str:
    call_id = replace(RECORD.call_id, linkedid=f"17.{key}")
    return await crm.log_call(replace(RECORD, call_id=call_id, contact=ref), key)


async def _task(crm: CrmAdapter, key: str, ref: ContactRef) -> str:
    return await crm.create_task(replace(TASK, contact=ref), key)


WRITES = {"lead": _lead, "call": _call, "task": _task}


@pytest.mark.takes_turns("write", tuple(WRITES))
@pytest.mark.parametrize("write", list(WRITES))
@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name.lower())
async def test_a_write_repeated_until_it_succeeds_leaves_one_record(
    troubled: Troubled, fault: Fault, write: str
) -> None:
    """The fault meets each of the requests in turn that a write makes."""
    capabilities = troubled.world.crm.capabilities
    if unclaimed({"lead": capabilities.leads, "task": capabilities.tasks}.get(write, True)):
        return  # denied in test_crm_writes.py
    ref = await troubled.world.add_contact(LONDON)
    await hit_of(troubled.crm, LONDON)
    written: dict[str, str] = {}
    for turn in range(1, MOST_REQUESTS + 1):
        if fault is Fault.REFUSED and turn > 1:
            break  # refuses them all
        key = f"{write}-{turn}"
        await troubled.proxy.fail(fault, only=turn)
        met, written[key] = await _until_written(troubled, fault, WRITES[write], key, ref)
        if not met:
            break
    else:
        raise AssertionError("a write takes too many requests")
    rows = await {
        "lead": troubled.world.leads,
        "call": troubled.world.calls,
        "task": troubled.world.tasks,
    }[write]()
    assert sorted((row.key, row.id) for row in rows) == sorted(written.items())


async def _until_written(
    troubled: Troubled,
    fault: Fault,
    write: Callable[[CrmAdapter, str, ContactRef], Coroutine[Any, Any, str]],
    key: str,
    ref: ContactRef,
) -> tuple[bool, str]:
    """Whether the fault was met, and the record's id."""
    for _ in range(MOST_TRIES):
        try:
            record = await _unless_in_vain(troubled, write(troubled.crm, key, ref))
        except _InVain:
            assert fault in UNANSWERED
        except (AmbiguousWrite, Unavailable, RateLimited, AuthFailed):
            pass
        else:
            return troubled.proxy.failed > 0 or fault is Fault.REFUSED, record
        if fault is Fault.REFUSED:
            await troubled.proxy.heal()
    raise AssertionError(f"{key} was never written")


class _InVain(Exception):
    """Whoever sent a write has given it up, and nobody knows what became of it."""


async def _unless_in_vain(troubled: Troubled, write: Coroutine[Any, Any, str]) -> str:
    """Gives it up once its answer is kept back, and not because a busy server is slow."""
    writing = asyncio.create_task(write, name="a write")
    kept_back = asyncio.create_task(troubled.proxy.kept_back.wait(), name="no answer")
    try:
        async with asyncio.timeout(ANSWERED_S):
            await asyncio.wait({writing, kept_back}, return_when=asyncio.FIRST_COMPLETED)
        if not writing.done():
            raise _InVain
        return writing.result()
    finally:
        writing.cancel()
        kept_back.cancel()
        await asyncio.gather(writing, kept_back, return_exceptions=True)
        troubled.proxy.kept_back.clear()
