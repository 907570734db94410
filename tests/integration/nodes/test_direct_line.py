"""While Redis does not take what callers do, the desk is told straight away."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp
import pytest

from calls.call import CallId
from calls.events import CallEvent, MenuPresented
from storage.database import Database
from storage.leases import Lease
from switchboard.demo import free_ports
from switchboard.nodes import direct_line, event_teller
from switchboard.nodes.desk_relay import DeskFinder
from switchboard.nodes.direct_line import HttpDirectLine
from switchboard.nodes.event_intake import EventIntake
from switchboard.nodes.event_stream import connected
from switchboard.nodes.event_teller import EventTeller
from tests.fakes.kept_app import kept_app
from tests.integration.nodes.test_desk_relay import serving
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

HOLDER = "desk:1:secret"
AT = datetime(2026, 3, 1, tzinfo=UTC)


def event(number: int, menu: str = "menu") -> MenuPresented:
    return MenuPresented(CallId("pbx", str(number)), AT, menu)


@dataclass
class Desk:
    url: str = ""
    intake: EventIntake = field(init=False)
    heard: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.intake = EventIntake(take=self._take, gone=lambda _: None, settled=self._settled)

    def _take(self, _who: str, told: CallEvent) -> None:
        self.heard.append(int(told.call_id.linkedid))

    async def _settled(self) -> None:
        return None

    async def asked(self, body: object, holder: str = HOLDER) -> int:
        headers = {"Authorization": f"Bearer {holder}"}
        async with (
            aiohttp.ClientSession(headers=headers) as http,
            http.post(f"{self.url}{direct_line.PATH}", json=body) as answer,
        ):
            return answer.status


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    made = Desk()
    app = kept_app(client_max_size=256 * 1024, node_secret=HOLDER)
    direct_line.add_routes(app, intakes={"pbx": made.intake})
    async with serving(app) as made.url:
        yield made


@asynccontextmanager
async def telling(desk: Desk, database: Database, redis: str) -> AsyncIterator[EventTeller]:
    lease = Lease(database=database, name="desk:pbx", holder=HOLDER, address=desk.url, ttl_s=60)
    assert await lease.take()
    async with AsyncExitStack() as stack:
        client = connected(redis)
        stack.push_async_callback(client.aclose)
        finder = DeskFinder(database=database, lease="desk:pbx")
        direct = await stack.enter_async_context(HttpDirectLine(finder, system="pbx"))
        made = EventTeller(
            client=client, stream=f"test:{uuid.uuid4().hex}", who="calls-1", direct=direct
        )
        running = asyncio.create_task(made.run())
        yield made
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def teller(desk: Desk, database: Database) -> AsyncIterator[EventTeller]:
    """Without a Redis."""
    async with telling(desk, database, f"redis://127.0.0.1:{free_ports.tcp()}/0") as made:
        yield made


async def test_a_desk_that_does_not_hear_redis_is_told_straight_away(
    desk: Desk, database: Database, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis takes every event, and nobody reads."""
    monkeypatch.setattr(event_teller, "ALIVE_EVERY_S", 0.1)
    monkeypatch.setattr(event_teller, "STUCK_S", 0.3)
    async with telling(desk, database, redis_url) as teller:
        for number in range(3):
            await teller.tell(event(number))
        await wait_until(lambda: desk.heard == [0, 1, 2])
        assert teller.is_connected
        await desk.intake.settle()
        await wait_until(lambda: teller.kept == 0)


async def test_each_event_comes_once_in_order_and_is_kept_until_it_is_safe(
    desk: Desk, teller: EventTeller
) -> None:
    for number in range(500):
        await teller.tell(event(number, "x" * 1000))
    await wait_until(lambda: len(desk.heard) == 500)
    assert desk.heard == list(range(500))
    # The desk has heard the last ones, and its answer is on its way.
    await wait_until(lambda: teller.waiting == 0)
    assert (teller.kept, teller.directly) == (500, 500)
    await desk.intake.settle()
    await teller.tell(event(500))
    await wait_until(lambda: teller.kept == 1)


async def test_a_desk_that_has_not_heard_some_is_told_them_again(
    desk: Desk, teller: EventTeller
) -> None:
    for number in range(3):
        await teller.tell(event(number))
    await wait_until(lambda: len(desk.heard) == 3)
    # Another desk has only what its predecessor had made safe.
    desk.intake.remember("calls-1", 1)
    await teller.tell(event(3))
    await wait_until(lambda: len(desk.heard) == 6)
    assert desk.heard == [0, 1, 2, 1, 2, 3]


@pytest.mark.parametrize("holder", ["", "desk:1", "desk:1:secretly", "ü"])
async def test_who_does_not_know_the_lease_is_refused(desk: Desk, holder: str) -> None:
    assert (
        await desk.asked({"system": "pbx", "who": "x", "first": 1, "last": 0, "events": []}, holder)
        == 403
    )
    assert desk.heard == []


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {"system": "other", "who": "x", "first": 1, "last": 0, "events": []},
        {"system": "pbx", "who": "x", "first": 1, "last": 1},
        {"system": "pbx", "who": "x", "first": "one", "last": 1, "events": []},
        {"system": "pbx", "who": "x", "first": 1, "last": 1, "events": [[1, "no base 64!"]]},
        {"system": "pbx", "who": "x", "first": 1, "last": 1, "events": [1]},
        {"system": "pbx", "who": "x", "first": 1, "last": 1, "events": [[1, "A" * 20_000]]},
    ],
)
async def test_what_is_no_question_is_refused(
    desk: Desk, body: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct_line, "LIMIT_BYTES", 10_000)
    assert await desk.asked(body) == 400
    assert desk.heard == []
