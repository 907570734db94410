"""F17: two Asterisks give their calls the same unique ids.

Each has a name of its own (`ami.system`), half of every call's id: two calls and two records, each
ended by its own Asterisk.
"""

from __future__ import annotations

import functools
from contextlib import AsyncExitStack

import pytest

from calls import events
from calls.bus import EventBus
from calls.call import CallId, CallOutcome
from crm_adapter.records import Records
from tests.fakes.ami_house import House
from tests.fakes.asterisk_ami import FakeAmi
from tests.fakes.crm_writer import InMemoryCrm

pytestmark = pytest.mark.integration

HQ, BRANCH = CallId("hq", "1760000000.7"), CallId("branch", "1760000000.7")


async def test_each_call_has_its_own_end_and_its_own_record(
    records: Records, bus: EventBus, crm: InMemoryCrm
) -> None:
    uid = HQ.linkedid
    async with AsyncExitStack() as stack:
        houses = {}
        for call_id in (HQ, BRANCH):
            fake = await stack.enter_async_context(FakeAmi())
            house = House(fake, system=call_id.system, bus=bus)
            await stack.enter_async_context(house.bridge)
            await fake.wait_for(functools.partial(fake.sent, "DBGetTree"))
            fake.new_channel(uid, uid, "PJSIP/trunk-00000007")
            house.join(uid)
            houses[call_id] = house
        one = houses[HQ]
        await one.until(lambda: len(one.of(events.CallQueued)) == 2)

        houses[BRANCH].fake.hang_up(uid)
        await one.until(lambda: bool(one.of(events.CallEnded)))
        assert set(one.bridge.tracker.calls) == {uid}, "that of the other Asterisk lives"
        for name in ("AgentCalled", "AgentConnect"):
            one.fake.event(name, Uniqueid=uid, Linkedid=uid, Queue="support", Interface="PJSIP/1")
        one.fake.hang_up(uid)
        await one.until(lambda: len(one.of(events.CallEnded)) == 2)
        ended = {e.call_id: e.outcome for e in one.of(events.CallEnded)}  # type: ignore[attr-defined]
        assert ended[HQ] is CallOutcome.ANSWERED
        assert ended[BRANCH] is not CallOutcome.ANSWERED
    await bus.drain()
    await records.settled()
    await records.outbox.deliver_due()
    kept = {record.call_id: record.outcome for record in crm.records.values()}
    assert kept == ended
