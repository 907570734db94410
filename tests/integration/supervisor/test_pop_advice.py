"""Each way in which a pop stops is told with what to do, by the events and sockets that make it."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa
from aiohttp import web
from pydantic import SecretStr

from calls.bus import EventBus
from calls.call import Direction
from config.pop_settings import PopWebhook
from crm_adapter.records import Records
from screenpop.agents.agent_tables import agent_sessions
from screenpop.desk.desk import Desk
from screenpop.pops.pop_tables import pop_deliveries, pops
from storage.database import Database
from supervisor.pop_advice import WORDS, advice
from supervisor.told_pops import Stopped, ToldPops, told_pops
from tests.fakes.crm_writer import InMemoryCrm
from tests.fakes.desk_server import ANNA, BEN, PASSWORD, DeskServer, add_agents, desk_server
from tests.fakes.hook_peer import Peer, peer
from tests.fakes.outbox_desk import PACE
from tests.fakes.ringing_call import RingingCall, now, victoria

pytestmark = pytest.mark.integration

A, B = ANNA.interfaces[0], BEN.interfaces[0]


@dataclass
class House:
    """The desk, and the recorder that keeps calls."""

    server: DeskServer
    records: Records
    hook: Peer
    call: RingingCall

    async def ring(self, *more: Any) -> None:
        await self.server.publish(*self.call.until_ringing(victoria(), A), *more)

    async def told(self, *, after_s: float = 0.0) -> ToldPops:
        await self.server.desk.flush()
        await self.records.recorder.settled()

        def later() -> datetime:
            return now() + timedelta(seconds=after_s)

        told = await told_pops(self.server.database, self.call.id, hooks=["wallboard"], now=later)
        assert told is not None
        return told

    async def forget_log_ins(self) -> None:
        await self.server.database.writer.write(lambda c: c.execute(sa.delete(agent_sessions)))

    async def log_in(self, http: aiohttp.ClientSession) -> None:
        body = {"login": "anna", "password": PASSWORD}
        async with http.post("/api/v1/session", json=body) as answer:
            assert answer.status == 200

    @asynccontextmanager
    async def mute_desktop(self) -> AsyncIterator[Callable[..., Awaitable[None]]]:
        """One that is there and says nothing by itself; gives a way to acknowledge the offer."""
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(self.server.base_url, cookie_jar=jar) as http:
            await self.log_in(http)
            async with http.get("/api/v1/agent/events"):

                async def acknowledge(rendered_ms: float | None) -> None:
                    pop = self.server.desk.pops.snapshot("anna")[-1]
                    body = {"kind": "ack", "pop_id": pop.pop_id, "seq": pop.seq}
                    if rendered_ms is not None:
                        body |= {"rendered_ms": rendered_ms}
                    async with http.post("/api/v1/agent/frames", json=body) as answer:
                        assert answer.status == 204

                yield acknowledge


@asynccontextmanager
async def house_on(database: Database) -> AsyncIterator[House]:
    await add_agents(database)
    async with AsyncExitStack() as stack:
        hook = await stack.enter_async_context(peer())
        hooks = [PopWebhook(name="wallboard", url=hook.url, secret=SecretStr("s"))]
        built: list[Records] = []

        async def more(_app: web.Application, desk: Desk, bus: EventBus) -> None:
            records = Records(
                database=database,
                bus=bus,
                crm=InMemoryCrm(),
                roster=desk.agents,
                now=now,
                pace=PACE,
                jitter=random.Random(7),
            )
            await records.recorder.start()
            stack.push_async_callback(records.stop)
            built.append(records)

        server = await stack.enter_async_context(desk_server(database, webhooks=hooks, more=more))
        yield House(server, built[0], hook, RingingCall())


async def placed(house: House) -> ToldPops:
    call = replace(house.call.call, direction=Direction.OUTBOUND)
    arrived = replace(house.call.arrived(), call=call)
    await house.server.publish(arrived, house.call.ringing(A), house.call.ended())
    return await house.told()


async def not_yet(house: House) -> ToldPops:
    await house.server.publish(house.call.arrived(), house.call.queued())
    return await house.told()


async def never_queued(house: House) -> ToldPops:
    await house.server.publish(house.call.arrived(), house.call.ended())
    return await house.told()


async def nobody_rang(house: House) -> ToldPops:
    await house.server.publish(house.call.arrived(), house.call.queued(), house.call.ended())
    return await house.told()


async def unmapped(house: House) -> ToldPops:
    await house.server.publish(*house.call.until_ringing(victoria(), "PJSIP/205"))
    return await house.told()


async def no_trace(house: House) -> ToldPops:
    """The database took the call and not the pop, as when we are killed between the two."""
    await house.ring()
    await house.server.desk.flush()
    for table in (pop_deliveries, pops):
        await house.server.database.writer.write(lambda c, table=table: c.execute(sa.delete(table)))
    return await house.told()


async def not_shown(house: House) -> ToldPops:
    call = house.call
    await house.server.publish(call.arrived(), call.decided(shown=False), call.ringing(A))
    return await house.told()


async def logged_out(house: House) -> ToldPops:
    await house.ring()
    return await house.told()


async def no_desktop(house: House) -> ToldPops:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(house.server.base_url, cookie_jar=jar) as http:
        await house.log_in(http)
    await house.ring()
    told = await house.told()
    # A log-out after it changes nothing of what was.
    await house.forget_log_ins()
    assert [stop.code for stop in (await house.told()).stops] == ["no_desktop"]
    return told


async def unacknowledged(house: House) -> ToldPops:
    async with house.mute_desktop():
        await house.ring()
        assert (await house.told()).stops == []
        return await house.told(after_s=5)


async def withdrawn(house: House) -> ToldPops:
    async with house.mute_desktop():
        await house.ring(house.call.ended())
        return await house.told(after_s=5)


async def hidden(house: House) -> ToldPops:
    async with house.mute_desktop() as acknowledge:
        await house.ring()
        await acknowledge(None)
        return await house.told()


async def late(house: House) -> ToldPops:
    async with house.mute_desktop() as acknowledge:
        await house.ring()
        await acknowledge(2_600.0)
        return await house.told()


async def webhook_given_up(house: House) -> ToldPops:
    house.hook.statuses = [400]
    async with house.server.client():
        await house.ring()
        return await _settled(house)


async def webhook_waits(house: House) -> ToldPops:
    house.hook.statuses = [500] * 1_000
    async with house.server.client():
        await house.ring()
        return await _settled(house)


async def _settled(house: House) -> ToldPops:
    told = await house.told()
    while not told.stops:
        told = await house.told()
    house.hook.statuses = []
    return told


WAYS: dict[str, Callable[[House], Awaitable[ToldPops]]] = {
    way.__name__: way
    for way in (
        webhook_given_up, webhook_waits, placed, not_yet, never_queued, nobody_rang, unmapped,
        no_trace, not_shown, logged_out, no_desktop, unacknowledged, withdrawn, hidden, late,
    )
}  # fmt: skip

#: By code: what its sentences name.
NAMED = {
    "never_queued": ("switchboard explain --call pbx/",),
    "nobody_rang": ("waited in support", "queue show support", "switchboard doctor"),
    "unmapped": ("PJSIP/205 rang", "agents change LOGIN --interface PJSIP/205"),
    "not_shown": ("shown: false",),
    "logged_out": ("PJSIP/agent1 rang, and anna was not logged in", "queues.membership"),
    "no_desktop": ("anna was logged in", "Connected"),
    "unacknowledged": ("sent to 1 desktop(s) of anna", "F5"),
    "withdrawn": ("the caller hung up", "`timeout` in queues.conf"),
    "late": ("only 2.6 s after PJSIP/agent1",),
    "webhook_given_up": ("The webhook wallboard", "pops.webhooks", "switchboard outbox retry "),
    "webhook_waits": ("The webhook wallboard", "pops.webhooks", "switchboard outbox show "),
}


def test_every_way_to_stop_is_tried_here_and_has_words_in_both_languages() -> None:
    assert WAYS.keys() == WORDS.keys()
    for code, (english, chinese) in WORDS.items():
        assert all((*english, *chinese)), code


async def test_each_stop_is_told_with_what_to_do(database: Database) -> None:
    async with house_on(database) as house:
        for code, way in WAYS.items():
            house.call = RingingCall()
            await house.forget_log_ins()
            told = await way(house)
            await house.server.publish(house.call.ended())
            assert [stop.code for stop in told.stops] == [code]
            [stop] = told.stops
            english, chinese = advice(stop), advice(stop, chinese=True)
            for name in NAMED.get(code, ()):
                assert name in " ".join(english)
            for text in (*english, *chinese):
                assert not any(odd in text for odd in ("{", "None")), text


async def test_what_is_seen_in_time_has_no_stop_also_where_another_tab_is_hidden(
    any_database: Database,
) -> None:
    async with house_on(any_database) as house, house.mute_desktop() as acknowledge:
        await house.ring()
        await acknowledge(None)
        await acknowledge(35.0)
        await acknowledge(90.0)
        told = await house.told(after_s=60)
        assert told.stops == []
        assert [step.rendered_ms for step in told.steps] == [35.0]
        assert house.server.metric("pop_frames_acked_total") == 1


async def test_an_agent_without_a_log_in_and_one_without_a_desktop_are_told_apart(
    any_database: Database,
) -> None:
    async with house_on(any_database) as house:
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(house.server.base_url, cookie_jar=jar) as http:
            await house.log_in(http)
        await house.ring(house.call.ringing(B), house.call.missed(A), house.call.ringing(A))
        told = await house.told()
        assert {(stop.code, stop.agent, stop.count) for stop in told.stops} == {
            ("no_desktop", "anna", 2),
            ("logged_out", "ben", 1),
        }


async def test_an_agent_known_by_the_phone_behind_a_local_channel(database: Database) -> None:
    async with house_on(database) as house:
        phone, local = "PJSIP/agent2", "Local/999@agents"
        ringing = replace(house.call.ringing(local), state_interface=phone)
        await house.server.publish(house.call.arrived(), ringing)
        [step] = (await house.told()).steps
        assert f"for ben ({local}, known by {phone})" in step.sentence()


async def test_who_opens_the_desktop_while_it_rings_saw_it_late(database: Database) -> None:
    async with house_on(database) as house:
        early = replace(house.call.ringing(A), at=now() - timedelta(seconds=6))
        await house.server.publish(house.call.arrived(), early, house.call.identified(victoria()))
        async with house.mute_desktop() as acknowledge:
            await acknowledge(None)
        [stop] = (await house.told(after_s=60)).stops
        assert stop.code == "late"
        assert 6.0 <= float(stop.values["late_s"]) < 60.0


def test_words_fill_in_nothing_that_a_caller_brings() -> None:
    stop = Stopped("unmapped", {"interface": "{agent.__class__}"}, count=3)
    assert (
        advice(stop).happened
        == "{agent.__class__} rang, and no agent has this interface. (3 times)"
    )
