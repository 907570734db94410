"""Other systems are sent agents' frames: signed, in order, once in effect, and in nobody's way."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
import sqlalchemy as sa
from aiohttp.abc import AbstractResolver
from pydantic import SecretStr

from calls.errors import Unavailable
from config.pop_settings import PopWebhook
from crm_adapter import outbox
from crm_adapter.call_tables import outbox as outbox_table
from crm_adapter.hook_delivery import HookDelivery, HookTarget
from storage.database import Database
from tests.fakes.desk_server import ANNA, BEN, add_agents, desk_server
from tests.fakes.hook_peer import peer
from tests.fakes.ringing_call import RingingCall, victoria
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

A, B = ANNA.interfaces[0], BEN.interfaces[0]


async def test_a_system_is_sent_what_agents_are_sent(
    any_database: Database, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hush\n")
    await add_agents(any_database)
    async with peer() as everything, peer() as sales:
        hooks = (
            PopWebhook(name="all", url=everything.url, secret_file=secret),
            PopWebhook(
                name="sales",
                url=sales.url,
                secret=SecretStr("own"),
                events=("pop.offer", "pop.claim"),
                queues=("sales",),
            ),
        )
        async with desk_server(any_database, webhooks=hooks) as server, server.client() as anna:
            call = RingingCall()
            await server.publish(*call.until_ringing(victoria(), A, B), call.answered(A))
            other = RingingCall()
            await server.publish(
                other.arrived(), other.queued("sales"), other.ringing(B, "sales"), other.ended()
            )
            await anna.wait_frame("pop.claim")
            await wait_until(lambda: len(everything.told) == 6 and len(sales.told) == 1)
        everything.check_signatures(b"hush")
        sales.check_signatures(b"own")
        assert sales.events == ["pop.offer"]
        for agent, kinds in (
            ("anna", [["pop.offer", "pop.claim"]]),
            ("ben", [["pop.offer", "pop.close"], ["pop.offer", "pop.close"]]),
        ):
            mine = [told["data"] for told in everything.told if told["data"]["agent"] == agent]
            pops = dict.fromkeys(data["frame"]["pop_id"] for data in mine)
            assert [
                [data["frame"]["kind"] for data in mine if data["frame"]["pop_id"] == pop]
                for pop in pops
            ] == kinds
        own = [told["data"]["frame"] for told in everything.told if told["data"]["agent"] == "anna"]
        assert own == [frame for frame in anna.frames if "seq" in frame and "pop_id" in frame]
        assert {told["data"]["queue"] for told in everything.told} == {"support", "sales"}


async def test_a_dead_system_delays_no_desktop_and_gets_everything_in_the_end(
    database: Database,
) -> None:
    """It hangs, then fails or sends us elsewhere; then we are restarted, and it is back."""
    await add_agents(database)
    call = RingingCall()
    async with peer() as slow:
        slow.answers.clear()
        hook = PopWebhook(name="slow", url=slow.url, secret=SecretStr("hush"))
        async with desk_server(database, webhooks=(hook,)) as server, server.client() as anna:
            await server.publish(*call.until_ringing(victoria(), A))
            await wait_until(lambda: len(slow.told) == 1)
            began = time.monotonic()
            await server.publish(call.answered(A))
            await anna.wait_frame("pop.claim")
            assert time.monotonic() - began < 1.0
            await server.desk.flush()
            slow.statuses = [500, 302, *[503] * 1_000]
            slow.answers.set()
            await wait_until(lambda: len(slow.told) > 3)
        slow.statuses = []
        async with desk_server(database, webhooks=(hook,)):
            await wait_until(lambda: "pop.claim" in slow.events)
    assert slow.events[-1] == "pop.claim"
    assert set(slow.events[:-1]) == {"pop.offer"}
    assert len({headers["Switchboard-Id"] for headers in slow.headers}) == 2


async def test_what_was_taken_is_forgotten_after_a_day(database: Database) -> None:
    await add_agents(database)
    async with peer() as here:
        hook = PopWebhook(name="here", url=here.url, secret=SecretStr("hush"))
        for expected in (1, 1):
            async with desk_server(database, webhooks=(hook,)) as server:
                await server.publish(*RingingCall().until_ringing(victoria(), A))
                await server.desk.flush()
                await until_done(database)
            async with database.engine.begin() as connection:
                kept = (await connection.execute(sa.select(outbox_table.c.state))).all()
                assert len(kept) == expected
                long_ago = datetime.now(UTC) - timedelta(days=2)
                await connection.execute(sa.update(outbox_table).values(finished_at=long_ago))


class LeadsInside(AbstractResolver):
    """Every name is this machine."""

    async def resolve(self, host, port=0, family=0):
        return [
            {
                "hostname": host,
                "host": "127.0.0.1",
                "port": port,
                "family": 2,
                "proto": 0,
                "flags": 0,
            }
        ]

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("private_network", [False, True])
async def test_a_name_leads_into_a_private_network_only_where_it_may(
    monkeypatch: pytest.MonkeyPatch, private_network: bool
) -> None:
    monkeypatch.setattr(aiohttp, "ThreadedResolver", LeadsInside)
    entry = outbox.ClaimedEntry(
        "k", outbox.WEBHOOK, {"event": "pop.offer"}, 1, datetime.now(UTC), "w"
    )
    async with peer() as inside:
        delivery = HookDelivery(
            HookTarget(
                name="hook",
                lane="pop:hook",
                url=inside.url.replace("127.0.0.1", "hooks.example.com"),
                secret=SecretStr("hush"),
                private_network=private_network,
            )
        )
        if private_network:
            assert await delivery.send(entry) == "200"
        else:
            with pytest.raises(Unavailable, match="leads into a private network"):
                await delivery.send(entry)
        await delivery.close()
        assert len(inside.bodies) == int(private_network)


async def until_done(database: Database) -> None:
    async with asyncio.timeout(10):
        while True:
            async with database.read() as connection:
                states = (await connection.scalars(sa.select(outbox_table.c.state))).all()
            if states and set(states) == {"done"}:
                return
            await asyncio.sleep(0.02)
