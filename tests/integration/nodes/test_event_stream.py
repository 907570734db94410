"""Events between processes through a real Redis: each once, in order, whatever Redis does."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis

from calls.call import CallId
from calls.events import CallEvent, MenuPresented
from switchboard.nodes import event_reader, event_stream, event_teller
from switchboard.nodes.event_intake import EventIntake, Message
from switchboard.nodes.event_reader import EventReader
from switchboard.nodes.event_stream import connected
from switchboard.nodes.event_teller import EventTeller
from switchboard.nodes.event_wire import encode
from tests.acceptance.waiting import until
from tests.faults.proxy import FaultProxy
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signs of life and notes come often: nobody here wants to wait for them."""
    monkeypatch.setattr(event_teller, "ALIVE_EVERY_S", 0.1)
    monkeypatch.setattr(event_reader, "NOTE_EVERY_S", 0.1)


def event(number: int) -> MenuPresented:
    return MenuPresented(CallId("pbx", str(number)), AT, f"menu {number}")


@dataclass
class Ears:
    heard: list[tuple[str, CallEvent]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    settled: int = 0
    intake: EventIntake = field(init=False)

    def take(self, who: str, told: CallEvent) -> None:
        self.heard.append((who, told))

    async def settle(self) -> None:
        self.settled += 1

    @property
    def numbers(self) -> list[int]:
        return [int(told.call_id.linkedid) for _, told in self.heard]


@dataclass
class Line:
    """A stream of its own, through a proxy that the test cuts."""

    client: Redis
    network: FaultProxy
    stream: str
    straight: Redis

    def teller(self, who: str = "calls-1") -> EventTeller:
        return EventTeller(client=self.client, stream=self.stream, who=who)

    def reader(self, ears: Ears, clock: Callable[[], float] = time.monotonic) -> EventReader:
        ears.intake = EventIntake(
            take=ears.take, gone=ears.lost.append, settled=ears.settle, clock=clock
        )
        return EventReader(client=self.client, stream=self.stream, intake=ears.intake, clock=clock)


@pytest.fixture
async def line(redis_url: str) -> AsyncIterator[Line]:
    parts = urlsplit(redis_url)
    assert parts.hostname is not None
    assert parts.port is not None
    async with FaultProxy() as network:
        network.target = (parts.hostname, parts.port)
        client = connected(f"redis://127.0.0.1:{network.port}/0")
        straight = Redis.from_url(redis_url)
        yield Line(client, network, f"test:events:{uuid.uuid4().hex}", straight)
        await client.aclose()
        await straight.aclose()


@contextlib.asynccontextmanager
async def running(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_each_event_arrives_once_and_in_order(line: Line) -> None:
    one, other, ears = line.teller("calls-1"), line.teller("calls-2"), Ears()
    async with running(one.run(), other.run(), line.reader(ears).run()):
        for number in range(300):
            await one.tell(event(number))
        await other.tell(event(1000))
        await wait_until(lambda: len(ears.heard) == 301)

    assert [n for n in ears.numbers if n < 1000] == list(range(300))
    assert ("calls-2", event(1000)) in ears.heard


async def test_what_is_told_while_redis_is_away_arrives_when_it_is_back(line: Line) -> None:
    teller, ears = line.teller(), Ears()
    async with running(teller.run(), line.reader(ears).run()):
        await teller.tell(event(1))
        await wait_until(lambda: ears.numbers == [1])

        line.network.close_all()
        await teller.tell(event(2))
        await teller.tell(event(3))
        await wait_until(lambda: not teller.is_connected)
        assert teller.waiting == 2

        line.network.let_pass()
        await wait_until(lambda: ears.numbers == [1, 2, 3])
        await wait_until(lambda: teller.waiting == 0)
    assert ears.lost == []


async def test_what_a_flushed_redis_had_is_told_again(line: Line) -> None:
    teller, ears = line.teller(), Ears()
    async with running(teller.run()):
        for number in (1, 2, 3):
            await teller.tell(event(number))
        await wait_until(lambda: teller.waiting == 0)
        await line.straight.flushall()
        async with running(line.reader(ears).run()):
            await wait_until(lambda: len(ears.heard) == 3)
            await line.straight.flushall()
            await teller.tell(event(4))
            await wait_until(lambda: teller.kept == 0)
    assert ears.numbers == [1, 2, 3, 4]


async def test_what_is_missing_in_the_middle_is_asked_for_and_comes_in_order(line: Line) -> None:
    """As where a copy of Redis takes over that lacks what came last."""
    teller, ears = line.teller(), Ears()
    reader = line.reader(ears)
    async with running(teller.run()):
        async with running(reader.run()):
            await teller.tell(event(1))
            await wait_until(lambda: ears.heard)
        await teller.tell(event(2))
        await wait_until(lambda: teller.waiting == 0)
        await line.straight.xtrim(line.stream, maxlen=0, approximate=False)
        await teller.tell(event(3))
        await wait_until(lambda: teller.waiting == 0)
        async with running(reader.run()):
            await wait_until(lambda: len(ears.heard) == 3)
    assert ears.numbers == [1, 2, 3]
    # More often than once where the answer is slow.
    assert teller.repeated >= 2
    assert ears.intake.missed == 0


async def test_a_redis_whose_clock_is_behind_is_read(line: Line) -> None:
    teller, ears = line.teller(), Ears()
    message: Any = {"who": "calls-0", "n": "1", "e": encode(event(0))}
    await line.straight.xadd(line.stream, message, id=f"{2**53}-0")
    async with running(line.reader(ears).run()):
        await wait_until(lambda: ears.heard)
        await line.straight.flushall()
        async with running(teller.run()):
            await teller.tell(event(1))
            await wait_until(lambda: ears.numbers == [0, 1])


async def test_what_is_safe_is_kept_nowhere(line: Line) -> None:
    now = [0.0]
    teller, ears = line.teller(), Ears()
    async with running(line.reader(ears, lambda: now[0]).run()):
        async with running(teller.run()):
            await teller.tell(event(1))
            await wait_until(lambda: ears.heard)
            assert teller.kept == 1, "until the reader says that it is in the database"
            now[0] += 1
            await wait_until(lambda: teller.kept == 0)
        now[0] += event_stream.SILENT_S + 0.1
        await wait_until(lambda: ears.lost)
        async with running(line.teller("calls-2").run()):

            async def alone() -> bool:
                now[0] += 1
                left = await line.straight.hkeys(event_stream.had_key(line.stream))
                return list(left) == [b"calls-2"]

            await until(alone, "who is left", deadline_s=10)


async def test_a_message_sent_twice_is_heard_once(line: Line) -> None:
    teller, ears = line.teller(), Ears()
    async with running(line.reader(ears).run()):
        for _ in range(2):
            message: Any = {"who": "calls-1", "n": "1", "e": encode(event(1))}
            await line.straight.xadd(line.stream, message)
        async with running(line.teller("calls-2").run()):
            await wait_until(lambda: ears.heard)
        await teller.tell(event(2))
        assert ears.numbers == [1]


@pytest.mark.parametrize(
    "message",
    [
        {"n": "1"},
        {"who": "calls-1", "n": "one", "e": b""},
        {"who": b"\xff", "n": "1", "e": b""},
        {"who": "calls-1", "n": "1", "e": b"no event"},
    ],
)
async def test_what_is_no_message_is_counted_and_passed_over(line: Line, message: Any) -> None:
    reader = line.reader(ears := Ears())
    await line.straight.xadd(line.stream, message)
    async with running(reader.run()):
        await wait_until(lambda: ears.intake.strange == 1)
        good: Any = {"who": "calls-1", "n": "2", "e": encode(event(2))}
        await line.straight.xadd(line.stream, good)
        await wait_until(lambda: ears.numbers == [2])


async def test_the_next_reader_goes_on_where_the_last_was(line: Line) -> None:
    teller, first, second = line.teller(), Ears(), Ears()
    async with running(teller.run()):
        async with running(line.reader(first).run()):
            await teller.tell(event(1))
            await wait_until(lambda: first.settled)
        await teller.tell(event(2))
        await wait_until(lambda: teller.waiting == 0)
        async with running(line.reader(second).run()):
            await wait_until(lambda: second.numbers)
    assert (first.numbers, second.numbers) == ([1], [2])


async def test_whoever_tells_nothing_is_missed(line: Line) -> None:
    now, ears = [0.0], Ears()
    teller = line.teller()
    async with running(line.reader(ears, lambda: now[0]).run()):
        async with running(teller.run()):
            await teller.tell(event(1))
            await wait_until(lambda: ears.heard)
        now[0] += event_stream.SILENT_S + 0.1
        await wait_until(lambda: ears.lost)
    assert ears.lost == ["calls-1"]


async def test_nobody_is_missed_while_redis_is_away(line: Line) -> None:
    now, ears = [0.0], Ears()
    reader, teller = line.reader(ears, lambda: now[0]), line.teller()
    async with running(reader.run(), teller.run()):
        await teller.tell(event(1))
        await wait_until(lambda: ears.heard)
        line.network.close_all()
        await wait_until(lambda: not reader.is_connected)
        now[0] += 60
        line.network.let_pass()
        await teller.tell(event(2))
        await wait_until(lambda: ears.numbers == [1, 2])
    assert ears.lost == []


async def test_nobody_is_missed_while_the_database_is_away(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, ears = [0.0], Ears()

    async def settle(_: Ears) -> None:
        now[0] += 60

    monkeypatch.setattr(Ears, "settle", settle)
    teller = line.teller()
    async with running(line.reader(ears, lambda: now[0]).run(), teller.run()):
        for number in (1, 2):
            await teller.tell(event(number))
            await wait_until(lambda: len(ears.heard) == number)  # noqa: B023 -- awaited at once
            now[0] += 1
            await wait_until(lambda: teller.kept == 0)
    assert (ears.numbers, ears.lost) == ([1, 2], [])


async def test_too_much_that_waits_is_given_up_oldest_first(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_teller, "WAITING_LIMIT", 3)
    teller, ears = line.teller(), Ears()
    for number in range(5):
        await teller.tell(event(number))
    assert (teller.shed, teller.dropped) == (2, 0)
    async with running(teller.run(), line.reader(ears).run()):
        await wait_until(lambda: ears.numbers == [2, 3, 4])


async def test_what_nobody_has_any_more_is_counted_and_passed_over(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_teller, "WAITING_LIMIT", 2)
    teller, ears = line.teller(), Ears()
    reader = line.reader(ears)
    async with running(reader.run()):
        async with running(teller.run()):
            await teller.tell(event(1))
            await wait_until(lambda: ears.numbers == [1])
        for number in range(2, 6):
            await teller.tell(event(number))
        async with running(teller.run()):
            await wait_until(lambda: ears.numbers == [1, 4, 5])
    assert ears.intake.missed == 2


async def test_what_comes_straight_from_a_teller_is_made_safe_beside_a_redis_that_is_read(
    line: Line,
) -> None:
    """The teller is cut off from Redis, the reader is not."""
    ears = Ears()
    async with running(line.reader(ears).run()):
        await wait_until(lambda: ears.settled)
        for number in (1, 2):
            ears.intake.hear(Message("calls-1", number, encode(event(number)), first=1))
        await wait_until(lambda: ears.intake.safe == {"calls-1": 2})

        async def had() -> bool:
            number: Any = await line.straight.hget(event_stream.had_key(line.stream), "calls-1")
            return bool(number == b"2")

        await until(had, "what is safe", deadline_s=10)


async def test_what_was_sent_and_never_safe_is_counted_where_it_is_given_up(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_teller, "WAITING_LIMIT", 2)
    teller = line.teller()
    async with running(teller.run()):
        for number in range(2):
            await teller.tell(event(number))
        await wait_until(lambda: teller.waiting == 0)
        await teller.tell(event(2))
        assert (teller.shed, teller.dropped) == (0, 1)
