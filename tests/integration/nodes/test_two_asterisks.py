"""One desk that follows two Asterisks, on a real PostgreSQL and Redis: neither is taken for the
other, and agents serve the queues of both."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr

from ami_bridge.pauses import ELSEWHERE
from calls import events
from calls.agents import AgentState
from calls.call import CallId
from calls.errors import Misconfigured
from config.settings import (
    AmiSettings,
    NodesSettings,
    RedisSettings,
    RulebookSettings,
    ScoringSettings,
    Settings,
    StorageSettings,
)
from crm_adapter.journal import DatabaseJournal
from storage import migrate
from storage.database import Database
from switchboard.demo import free_ports
from switchboard.demo.desktop_client import DesktopClient
from switchboard.nodes.desk_part import DeskPart, systems_of
from switchboard.nodes.event_stream import connected, stream_of
from switchboard.nodes.event_teller import EventTeller
from switchboard.nodes.event_wire import DialogEnded, DialogStarted
from switchboard.wiring import Centre
from tests.acceptance.waiting import until
from tests.fakes.ami_house import a_call
from tests.fakes.asterisk_ami import FakeAmi
from tests.fakes.desk_server import ANNA, PASSWORD, add_agents

pytestmark = pytest.mark.integration

PHONE = ANNA.interfaces[0]
UID, LATER = "1760000000.7", "1760000000.8"


@dataclass
class House:
    systems: tuple[str, str]
    fakes: tuple[FakeAmi, FakeAmi]
    desk: DeskPart
    desk_url: str
    redis_url: str

    def calls(self, uid: str = UID) -> tuple[CallId, CallId]:
        """With the same unique id."""
        one, other = self.systems
        return CallId(one, uid), CallId(other, uid)

    async def told(self, path: str) -> dict[str, Any]:
        async with aiohttp.ClientSession() as http, http.get(f"{self.desk_url}{path}") as answer:
            body: dict[str, Any] = await answer.json()
            return body

    def anna(self) -> DesktopClient:
        return DesktopClient(self.desk_url, ANNA.login, PASSWORD)


def of_both(house: House) -> Iterator[tuple[FakeAmi, CallId]]:
    return zip(house.fakes, house.calls(), strict=True)


def said_last(fake: FakeAmi, paused: str, reason: str) -> bool:
    """Of Anna's phone."""
    told = [one for one in fake.sent("QueuePause") if one["Interface"] == PHONE]
    return [(one["Paused"], one.get("Reason", "")) for one in told[-1:]] == [(paused, reason)]


def serves(fake: FakeAmi, queue: str) -> bool:
    return (queue, PHONE) in fake.dynamic


def rung(anna: DesktopClient, call_id: CallId) -> bool:
    return any(pop["content"]["call"]["id"] == str(call_id) for pop in anna.pops.values())


@pytest.fixture
async def house(tmp_path: Path, empty_postgres_url: str, redis_url: str) -> AsyncIterator[House]:
    systems = f"hq{secrets.token_hex(3)}", f"branch{secrets.token_hex(3)}"
    async with AsyncExitStack() as stack:
        one, other = [await stack.enter_async_context(FakeAmi()) for _ in systems]
        for fake in (one, other):
            fake.members.append((ANNA.queues[0], "PJSIP/somebody", "PJSIP/somebody"))
        amis = [
            AmiSettings(port=fake.port, system=system, secret=SecretStr(fake.secret))
            for fake, system in zip((one, other), systems, strict=True)
        ]
        async with Database(empty_postgres_url) as database:
            await migrate.upgrade(database)
            await add_agents(database)
        port = free_ports.tcp()
        settings = Settings(
            ami=amis[0],
            nodes=NodesSettings(desk_port=port, asterisks=(amis[1],)),
            storage=StorageSettings(url=empty_postgres_url),
            redis=RedisSettings(url=redis_url),
            rulebook=RulebookSettings(state_dir=tmp_path / "rulebooks"),
            scoring=ScoringSettings(nightly_at=""),
        )
        desk = await stack.enter_async_context(DeskPart(settings))
        house = House(systems, (one, other), desk, f"http://127.0.0.1:{port}", redis_url)
        await until(lambda: both_in_step(house), "both Asterisks in step", deadline_s=20)
        yield house


async def both_in_step(house: House) -> bool:
    try:
        parts = (await house.told("/readyz"))["parts"]
    except aiohttp.ClientError:
        return False  # it takes up the desk's work just now
    return all(parts.get(f"ami:{system}", {}).get("ok", False) for system in house.systems)


async def test_agents_serve_both_and_neither_is_taken_for_the_other(house: House) -> None:
    await agents_serve_the_queues_of_both(house)
    await what_callers_do_is_told_to_their_own_asterisk_alone(house)


async def agents_serve_the_queues_of_both(house: House) -> None:
    queue = ANNA.queues[0]
    async with house.anna() as anna:
        await anna.set_state(AgentState.AVAILABLE.value)
        for fake in house.fakes:
            await fake.wait_for(partial(serves, fake, queue))
            await fake.wait_for(partial(said_last, fake, "false", ""))

        for fake, call_id in of_both(house):
            fake.new_channel(UID, UID, "PJSIP/trunk-7")
            fake.waiting.append((UID, queue, 0))
            fake.event("QueueCallerJoin", Uniqueid=UID, Linkedid=UID, Queue=queue, Position="1")
            fake.event("AgentCalled", Uniqueid=UID, Linkedid=UID, Queue=queue, Interface=PHONE)
            await anna.wait_for(partial(rung, anna, call_id))
            # The other one does not ring her meanwhile.
            other = next(one for one in house.fakes if one is not fake)
            await other.wait_for(partial(said_last, other, "true", ELSEWHERE))
            fake.hang_up(UID)
            await other.wait_for(partial(said_last, other, "false", ""))


async def what_callers_do_is_told_to_their_own_asterisk_alone(house: House) -> None:
    """Both calls have one unique id: the dialog of the one ends, the other goes on."""
    first, second = house.calls(LATER)
    now = datetime.now(UTC)
    clients = [connected(house.redis_url) for _ in house.systems]
    tellers = [
        EventTeller(client=client, stream=stream_of(system), who=f"calls-{system}")
        for client, system in zip(clients, house.systems, strict=True)
    ]
    for teller, call_id in zip(tellers, (first, second), strict=True):
        await teller.tell(events.CallArrived(call_id, now, a_call(call_id)))
        await teller.tell(DialogStarted(call_id, now))
        await teller.settle(5)
    await live(house, 2)
    await tellers[1].tell(DialogEnded(second, now, hung_up=False, queued=False))
    await tellers[1].settle(5)
    await live(house, 1)
    async with Database(house.desk.settings.storage.url) as database:
        journal = DatabaseJournal(database=database)

        async def one_is_open() -> bool:
            return await open_calls(journal, house) == [first]

        await until(one_is_open, "the call that goes on, alone", deadline_s=10)
    for client in clients:
        await client.aclose()


async def open_calls(journal: DatabaseJournal, house: House) -> list[CallId]:
    return [one for system in house.systems for one in await journal.open_calls(system)]


async def live(house: House, count: int) -> None:
    """Returns when so many calls live."""
    async with aiohttp.ClientSession() as http:

        async def so_many() -> bool:
            async with http.get(f"{house.desk_url}/metrics") as answer:
                return f"switchboard_calls_live {count}.0" in (await answer.text()).splitlines()

        await until(so_many, f"{count} live calls", deadline_s=10)


def test_two_of_one_name_are_refused_and_a_process_alone_follows_one() -> None:
    twice = Settings(nodes=NodesSettings(asterisks=(AmiSettings(port=5039),)))
    with pytest.raises(Misconfigured, match="system"):
        systems_of(twice)
    with pytest.raises(Misconfigured, match="--part"):
        Centre(twice)
