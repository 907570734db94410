"""What the desk learns of who has which number reaches every process that talks with callers."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from redis.asyncio import Redis

from calls.caller import ContactRef
from crm_adapter.live.news import EVERYTHING, News
from switchboard.nodes import news_stream
from switchboard.nodes.event_stream import connected
from switchboard.nodes.news_stream import NewsReader, NewsTeller
from tests.faults.proxy import FaultProxy
from tests.integration.nodes.test_event_stream import running
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

NUMBER, CONTACT = News(number="+12025550150"), News(contact=ContactRef("odoo", "7"))


@dataclass
class Wire:
    client: Redis
    network: FaultProxy
    stream: str
    straight: Redis

    def teller(self) -> NewsTeller:
        return NewsTeller(client=self.straight, streams=[self.stream])

    def reader(self, heard: list[News]) -> NewsReader:
        return NewsReader(client=self.client, stream=self.stream, forget=heard.append)


@pytest.fixture
async def wire(redis_url: str) -> AsyncIterator[Wire]:
    port = int(redis_url.rpartition(":")[2].partition("/")[0])
    async with FaultProxy() as network:
        network.target = ("127.0.0.1", port)
        client = connected(f"redis://127.0.0.1:{network.port}/0")
        straight = Redis.from_url(redis_url)
        yield Wire(client, network, f"test:news:{uuid.uuid4().hex}", straight)
        await client.aclose()
        await straight.aclose()


async def test_each_is_told_to_everybody(wire: Wire) -> None:
    one, other = [], []  # type: ignore[var-annotated]  # of News, both
    teller, readers = wire.teller(), [wire.reader(one), wire.reader(other)]
    async with running(teller.run(), *(reader.run() for reader in readers)):
        await wait_until(lambda: all(reader.is_connected for reader in readers))
        for news in (NUMBER, CONTACT, EVERYTHING):
            teller.tell(news)
        await wait_until(lambda: len(one) == len(other) == 4)
    # What was told before they listened may have been of anybody.
    assert one == other == [EVERYTHING, NUMBER, CONTACT, EVERYTHING]


async def test_who_may_have_missed_some_forgets_everything(wire: Wire) -> None:
    heard: list[News] = []
    teller, reader = wire.teller(), wire.reader(heard)
    async with running(teller.run(), reader.run()):
        await wait_until(lambda: reader.is_connected)
        teller.tell(NUMBER)
        await wait_until(lambda: NUMBER in heard)
        heard.clear()
        wire.network.close_all()
        await wait_until(lambda: not reader.is_connected)
        teller.tell(CONTACT)
        wire.network.let_pass()
        await wait_until(lambda: heard)
        assert heard == [EVERYTHING]
        await wire.straight.delete(wire.stream)
        await wait_until(lambda: len(heard) == 2)
        assert heard[-1] == EVERYTHING
        teller.tell(NUMBER)
        await wait_until(lambda: heard[-1] == NUMBER)


@pytest.mark.parametrize(
    "message",
    [{"who": "x"}, {"who": "x", "n": "1", "news": "["}, {"who": "x", "n": "1", "news": "[1]"}],
)
async def test_what_nobody_understands_is_of_everybody(wire: Wire, message: Any) -> None:
    heard: list[News] = []
    reader = wire.reader(heard)
    async with running(reader.run()):
        await wait_until(lambda: reader.is_connected)
        await wire.straight.xadd(wire.stream, message)
        await wait_until(lambda: heard == [EVERYTHING, EVERYTHING])


async def test_too_much_becomes_one_word(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news_stream, "WAITING_LIMIT", 2)
    heard: list[News] = []
    teller, reader = wire.teller(), wire.reader(heard)
    for _ in range(3):
        teller.tell(NUMBER)
    async with running(reader.run()):
        await wait_until(lambda: reader.is_connected)
        async with running(teller.run()):
            await wait_until(lambda: len(heard) == 2)
    assert heard[-1] == EVERYTHING


@pytest.mark.parametrize("first", [NUMBER, EVERYTHING])
async def test_too_much_while_one_is_sent_is_told_after_it(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, first: News
) -> None:
    monkeypatch.setattr(news_stream, "WAITING_LIMIT", 2)
    heard: list[News] = []
    reader = NewsReader(client=wire.straight, stream=wire.stream, forget=heard.append)
    teller = NewsTeller(client=wire.client, streams=[wire.stream])
    async with running(reader.run()):
        await wait_until(lambda: reader.is_connected)
        wire.network.blackhole()
        teller.tell(first)
        async with running(teller.run()):
            await wait_until(lambda: wire.network.open_connections)
            for _ in range(3):
                teller.tell(CONTACT)
            wire.network.let_pass()
            await wait_until(lambda: len(heard) >= 3)
    assert heard == [EVERYTHING, first, EVERYTHING]
