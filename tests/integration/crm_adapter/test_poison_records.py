"""A record on which the CRM breaks (500, or silence) each time, among others that it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from crm_adapter.adapter import AmbiguousWrite, Unavailable
from crm_adapter.outbox_worker import DeliveryPace, OutboxWorker
from storage.database import Database
from tests.fakes.clock import FakeClock
from tests.fakes.crm_writer import InMemoryCrm
from tests.fakes.outbox_desk import Desk, call_entry

pytestmark = pytest.mark.integration

OTHERS = 200
#: What a write that is answered 500 is: see `crm_adapter.http.replies`.
BREAKS = [AmbiguousWrite("answered 500"), Unavailable("answered 503")]


@pytest.fixture
def desk(any_database: Database, crm: InMemoryCrm, clock: FakeClock) -> Desk:
    return Desk(any_database, crm, clock, pace=DeliveryPace())


def named(error: Exception) -> str:
    return type(error).__name__


async def rounds(worker: OutboxWorker) -> int:
    """How often the worker had to come back, while the clock stood still."""
    count = 0
    while await worker.deliver_due():
        count += 1
    return count


def breaking_on(error: Exception) -> Callable[[str, object], Exception | None]:
    return lambda key, what: error if key == "bad" else None


@pytest.mark.parametrize("error", BREAKS, ids=named)
async def test_the_others_do_not_wait_for_it(
    desk: Desk, crm: InMemoryCrm, error: Exception
) -> None:
    names = [f"a{number}" for number in range(OTHERS)]
    await desk.owe(*map(call_entry, names))
    alone = await rounds(desk.worker)
    crm.fail_before = breaking_on(error)
    others = [f"b{number}" for number in range(OTHERS)]
    await desk.owe(*map(call_entry, others[:9]), call_entry("bad"), *map(call_entry, others[9:]))
    with_it = await rounds(desk.worker)
    assert set(crm.records) == {*names, *others}
    assert await desk.states() == dict.fromkeys([*names, *others], "done") | {"bad": "pending"}
    # One more to find out whose fault it was, and one for the place that it took.
    assert with_it <= alone + 2


async def test_silence_is_told_apart_too(any_database: Database, clock: FakeClock) -> None:
    class Silent(InMemoryCrm):
        async def log_call(self, record: object, idem: str) -> str:
            if idem == "bad":
                raise TimeoutError
            return await super().log_call(record, idem)  # type: ignore[arg-type]

    desk = Desk(any_database, Silent(), clock, pace=DeliveryPace())
    await desk.owe(call_entry("bad"), *(call_entry(f"a{number}") for number in range(20)))
    await rounds(desk.worker)
    states = await desk.states()
    assert states.pop("bad") == "pending"
    assert set(states.values()) == {"done"}


@pytest.mark.long_on("sqlite")
async def test_in_the_end_a_person_has_to_look(
    desk: Desk, crm: InMemoryCrm, clock: FakeClock
) -> None:
    """While others get through; its tries become rare meanwhile."""
    crm.fail_before = breaking_on(BREAKS[0])
    await desk.owe(call_entry("bad"))
    began, number = clock(), 0
    while (await desk.states())["bad"] != "dead":
        await desk.owe(call_entry(f"a{number}"))
        await rounds(desk.worker)
        number += 1
        clock.advance(minutes=5)
        assert clock() - began < timedelta(hours=48)
    assert clock() - began > timedelta(hours=6)
    tries = sum(key == "bad" for _, key in crm.asked)
    assert tries <= desk.pace.own_failures + 1
    assert len(crm.records) == number


async def test_an_outage_makes_nobody_guilty(
    database: Database, crm: InMemoryCrm, clock: FakeClock
) -> None:
    desk = Desk(database, crm, clock, pace=replace(DeliveryPace(), own_failures=2))
    await desk.owe(*(call_entry(f"a{number}") for number in range(OTHERS)))
    down_until = clock() + timedelta(hours=71)
    crm.fail_before = lambda key, what: BREAKS[0] if clock() < down_until else None
    while clock() < down_until:
        await desk.worker.deliver_due()
        clock.advance(minutes=10)
    assert set((await desk.states()).values()) == {"pending"}
    # One probe at a time asked, and ever more rarely.
    assert len(crm.asked) < 71 * 6 + 20
    clock.advance(minutes=10)
    while await desk.worker.deliver_due() or "pending" in (await desk.states()).values():
        clock.advance(minutes=1)
        assert clock() - down_until < timedelta(hours=1)
    assert set((await desk.states()).values()) == {"done"}
    assert len(crm.records) == OTHERS
