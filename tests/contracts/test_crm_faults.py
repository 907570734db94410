"""What every CRM adapter over HTTP must do when the network or the server fails: a proxy in front
of the world's server fails for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace

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

pytestmark = pytest.mark.contract

#: What a caller's question may take, and what measuring it on a busy machine adds.
BUDGET_S = 0.5
MARGIN_S = 0.15
#: A write that is not answered is given up by whoever sent it; a real CRM needs longer to answer
#: than a fake.
PATIENCE_S = {"real server": 1.0}
FAKE_PATIENCE_S = 0.4
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
    #: Seconds after which whoever writes gives up.
    patience_s: float


@pytest.fixture
async def troubled(http_world: HttpCrmWorld, world_kind: WorldKind) -> AsyncIterator[Troubled]:
    async with HttpFaultProxy(http_world.url) as proxy:
        crm = http_world.through(proxy.url)
        await crm.open()
        patience_s = PATIENCE_S.get(world_kind.proven_by, FAKE_PATIENCE_S)
        yield Troubled(http_world, proxy, crm, patience_s)
        await crm.close()


async def _timed(
    question: Callable[[Deadline], Awaitable[object]],
) -> tuple[CrmError | None, float]:
    started = time.monotonic()
    try:
        await question(Deadline.after(BUDGET_S))
    except CrmError as error:
        return error, time.monotonic() - started
    return None, time.monotonic() - started


@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name.lower())
async def test_a_question_fails_in_time_and_by_name(troubled: Troubled, fault: Fault) -> None:
    ref = await troubled.world.add_contact(LONDON)
    assert (await hit_of(troubled.crm, LONDON)).candidate.ref == ref  # logged in, and warm
    questions: list[Callable[[Deadline], Awaitable[object]]] = [
        lambda deadline: troubled.crm.find_by_phone(LONDON, limit=5, deadline=deadline),
        lambda deadline: troubled.crm.get(ref, deadline=deadline),
    ]
    for question in questions:
        await troubled.proxy.fail(fault)
        error, took = await _timed(question)
        assert isinstance(error, TYPED[fault]), f"{fault} became {error!r}"
        assert took <= BUDGET_S * 1.1 + MARGIN_S
        if isinstance(error, RateLimited):
            assert error.after_s == RETRY_AFTER_S
    await troubled.proxy.heal()


@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name.lower())
async def test_a_log_in_that_fails_is_in_time_and_by_name(troubled: Troubled, fault: Fault) -> None:
    await troubled.world.add_contact(LONDON)
    await troubled.proxy.fail(fault)
    error, took = await _timed(
        lambda deadline: troubled.crm.find_by_phone(LONDON, limit=5, deadline=deadline)
    )
    assert isinstance(error, TYPED[fault]), f"{fault} became {error!r}"
    assert took <= BUDGET_S * 1.1 + MARGIN_S


async def test_it_works_again_once_the_crm_does(troubled: Troubled) -> None:
    ref = await troubled.world.add_contact(LONDON)
    await hit_of(troubled.crm, LONDON)
    for fault in Fault:
        if fault is Fault.EXPIRED:
            continue  # after a log-in that was refused nobody asks for a minute
        await troubled.proxy.fail(fault)
        error, _ = await _timed(
            lambda deadline: troubled.crm.find_by_phone(LONDON, limit=5, deadline=deadline)
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
    write: Callable[[CrmAdapter, str, ContactRef], Awaitable[str]],
    key: str,
    ref: ContactRef,
) -> tuple[bool, str]:
    """Whether the fault was met, and the record's id."""
    for _ in range(MOST_TRIES):
        try:
            async with asyncio.timeout(troubled.patience_s if fault in UNANSWERED else 30):
                record = await write(troubled.crm, key, ref)
        except TimeoutError:
            assert fault in UNANSWERED
        except (AmbiguousWrite, Unavailable, RateLimited, AuthFailed):
            pass
        else:
            return troubled.proxy.failed > 0 or fault is Fault.REFUSED, record
        if fault is Fault.REFUSED:
            await troubled.proxy.heal()
    raise AssertionError(f"{key} was never written")
