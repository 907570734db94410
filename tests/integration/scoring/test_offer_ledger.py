"""The ledger's caps hold exactly, on both databases, whoever asks at once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from calls.call import CallId
from calls.caller import ContactRef
from calls.deadlines import Deadline
from calls.errors import DeadlineExceeded, Unavailable
from calls.events import OfferAnswered, OfferMet
from calls.offers import OfferAnswer, OfferCap, OfferPlace
from scoring.memory_tables import offer_meetings
from scoring.offer_ledger import DatabaseOfferLedger
from storage.database import Database
from tests.punctual import in_time

pytestmark = pytest.mark.integration

MARIA = ContactRef("embedded", "C-1")
JOHN = ContactRef("embedded", "C-2")
CAP = OfferCap(heard=2, per_days=30, after_refusal_days=90)
START = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at

    def go_on(self, **time: float) -> None:
        self.at += timedelta(**time)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(any_database: Database, clock: Clock) -> DatabaseOfferLedger:
    return DatabaseOfferLedger(database=any_database, now=clock)


def call(number: int) -> CallId:
    return CallId("pbx", f"17{number}.1")


async def claim(
    ledger: DatabaseOfferLedger,
    number: int,
    *,
    contact: ContactRef = MARIA,
    offer: str = "warranty",
    cap: OfferCap = CAP,
) -> str | None:
    return await ledger.claim(contact, call(number), offer, cap, deadline=Deadline.after(30))


def met(
    number: int,
    answer: OfferAnswer,
    at: datetime,
    *,
    offer: str = "warranty",
    place: OfferPlace = OfferPlace.MENU,
) -> OfferMet:
    return OfferMet(call_id=call(number), at=at, offer=offer, place=place, answer=answer)


async def book(database: Database) -> list[tuple[str, str, str | None, datetime, datetime | None]]:
    columns = offer_meetings.c
    query = select(
        columns.linkedid, columns.answer, columns.place, columns.at, columns.answered_at
    ).order_by(columns.linkedid, columns.offer)
    async with database.read() as connection:
        return [tuple(row) for row in await connection.execute(query)]  # type: ignore[misc]


async def test_fifty_calls_at_once_get_two_hearings(any_database_url: str) -> None:
    """Two processes' worth of writers on one database, none knowing of the other."""
    first, second = Database(any_database_url), Database(any_database_url)
    async with first, second:
        ledgers = [DatabaseOfferLedger(database=each) for each in (first, second)]
        answers = await asyncio.gather(*(claim(ledgers[n % 2], n) for n in range(50)))
        assert answers.count(None) == 2
        assert {why for why in answers if why} == {"heard 2 times in 30 days, the cap is 2"}
        assert len(await book(first)) == 2


_OTHER_PROCESS = """
import asyncio, sys
from tests.integration.scoring.test_offer_ledger import claim
from scoring.offer_ledger import DatabaseOfferLedger
from storage.database import Database

async def main(url, first):
    async with Database(url) as database:
        ledger = DatabaseOfferLedger(database=database)
        print("ready", flush=True)
        sys.stdin.readline()
        found = await asyncio.gather(*(claim(ledger, first + n) for n in range(25)))
        print(found.count(None), flush=True)

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


async def _process(url: str, first: int) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _OTHER_PROCESS, url, str(first)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    return process


async def test_two_processes_at_once_get_two_hearings(any_database_url: str) -> None:
    processes = [await _process(any_database_url, first) for first in (100, 200)]
    try:
        found = await asyncio.gather(*(process.communicate(b"\n") for process in processes))
    finally:
        for process in processes:
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
                await process.wait()
    assert sum(int(out) for out, _ in found) == 2


async def test_contacts_and_offers_do_not_share_a_cap(ledger: DatabaseOfferLedger) -> None:
    once = OfferCap(heard=1, per_days=30)
    assert await claim(ledger, 1, cap=once) is None
    assert await claim(ledger, 2, cap=once, contact=JOHN) is None
    assert await claim(ledger, 3, cap=once, offer="insurance") is None
    assert await claim(ledger, 4, cap=once) is not None


async def test_asking_again_for_the_same_call_changes_nothing(
    ledger: DatabaseOfferLedger, any_database: Database
) -> None:
    once = OfferCap(heard=1, per_days=30)
    assert await claim(ledger, 1, cap=once) is None
    before = await book(any_database)
    assert await claim(ledger, 1, cap=once) is None
    assert await ledger.met(met(1, OfferAnswer.HEARD, START), MARIA)
    assert await claim(ledger, 1, cap=once) is None
    assert len(await book(any_database)) == len(before) == 1


async def test_an_unheard_claim_ends_with_its_call(
    ledger: DatabaseOfferLedger, any_database: Database
) -> None:
    once = OfferCap(heard=1, per_days=30)
    assert await claim(ledger, 1, cap=once) is None
    assert await claim(ledger, 2, cap=once) is not None
    await ledger.release(call(1))
    assert await claim(ledger, 2, cap=once) is None
    await ledger.met(met(2, OfferAnswer.HEARD, START), MARIA)
    await ledger.release(call(2))
    assert await claim(ledger, 3, cap=once) is not None
    assert [row[:3] for row in await book(any_database)] == [("172.1", "heard", "menu")]


async def test_a_claim_left_by_a_crash_is_forgotten_in_hours(
    ledger: DatabaseOfferLedger, clock: Clock
) -> None:
    once = OfferCap(heard=1, per_days=30)
    assert await claim(ledger, 1, cap=once) is None
    clock.go_on(hours=3.9)
    assert await claim(ledger, 2, cap=once) is not None
    clock.go_on(hours=0.2)
    assert await claim(ledger, 2, cap=once) is None


@pytest.mark.parametrize("place", list(OfferPlace))
async def test_heard_anywhere_counts_everywhere(
    ledger: DatabaseOfferLedger, clock: Clock, place: OfferPlace
) -> None:
    for number in (1, 2):
        assert await claim(ledger, number) is None
        assert await ledger.met(met(number, OfferAnswer.HEARD, clock.at, place=place), None)
        clock.go_on(days=1)
    assert await claim(ledger, 3) == "heard 2 times in 30 days, the cap is 2"


async def test_the_window_rolls_by_hours_not_by_dates(
    ledger: DatabaseOfferLedger, clock: Clock
) -> None:
    """Over the night in which Europe's clocks go on: a day stays 24 hours."""
    clock.at = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)
    daily = OfferCap(heard=1, per_days=1)
    assert await claim(ledger, 1, cap=daily) is None
    await ledger.met(met(1, OfferAnswer.HEARD, clock.at), None)
    clock.go_on(hours=23, minutes=59)
    assert await claim(ledger, 2, cap=daily) is not None
    clock.go_on(minutes=2)
    assert await claim(ledger, 2, cap=daily) is None


async def test_a_refusal_silences(ledger: DatabaseOfferLedger, clock: Clock) -> None:
    assert await claim(ledger, 1) is None
    await ledger.met(met(1, OfferAnswer.HEARD, clock.at), None)
    clock.go_on(hours=1)
    await ledger.met(met(1, OfferAnswer.REFUSED, clock.at, place=OfferPlace.AGENT), None)
    clock.go_on(days=89)
    assert await claim(ledger, 2) == "refused 89 days ago, silent for 90"
    clock.go_on(days=1, minutes=1)
    assert await claim(ledger, 2) is None


async def test_answers_only_move_forward(
    ledger: DatabaseOfferLedger, any_database: Database
) -> None:
    assert await claim(ledger, 1) is None
    later = START + timedelta(minutes=3)
    told = [
        met(1, OfferAnswer.HEARD, START),
        met(1, OfferAnswer.ACCEPTED, later),
        met(1, OfferAnswer.HEARD, later),
        met(1, OfferAnswer.REFUSED, later),
        met(1, OfferAnswer.ACCEPTED, START + timedelta(hours=1), place=OfferPlace.HOLD),
    ]
    for event in told:
        assert await ledger.met(event, MARIA)
    assert await book(any_database) == [("171.1", "accepted", "menu", START, later)]


async def test_an_answer_before_its_hearing_is_both(
    ledger: DatabaseOfferLedger, any_database: Database
) -> None:
    later = START + timedelta(minutes=3)
    assert await ledger.met(met(1, OfferAnswer.ACCEPTED, later), MARIA)
    assert await ledger.met(met(1, OfferAnswer.HEARD, START), MARIA)
    assert await book(any_database) == [("171.1", "accepted", "menu", later, later)]


async def test_news_of_nobody_is_not_written(
    ledger: DatabaseOfferLedger, any_database: Database
) -> None:
    assert not await ledger.met(met(1, OfferAnswer.HEARD, START), None)
    assert await book(any_database) == []


async def test_the_caller_turns_out_to_be_somebody_else(ledger: DatabaseOfferLedger) -> None:
    once = OfferCap(heard=1, per_days=30)
    assert await claim(ledger, 1, cap=once) is None
    assert await claim(ledger, 1, cap=once, contact=JOHN) is None
    assert await claim(ledger, 2, cap=once) is None  # Maria's is free again
    assert await claim(ledger, 3, cap=once, contact=JOHN) is not None
    assert await claim(ledger, 1, cap=once, contact=JOHN, offer="insurance") is None
    assert await claim(ledger, 3, cap=once, contact=JOHN) is not None  # both are kept for 1
    assert await claim(ledger, 1, cap=once, offer="toaster") is None
    assert await claim(ledger, 3, cap=once, contact=JOHN) is None  # it was Maria after all


async def test_hours_and_clocks_that_disagree(ledger: DatabaseOfferLedger, clock: Clock) -> None:
    """Another node's clock is an hour ahead: what it heard counts as heard just now."""
    once = OfferCap(heard=1, per_days=1)
    await ledger.met(met(1, OfferAnswer.HEARD, START + timedelta(hours=1)), MARIA)
    assert await claim(ledger, 2, cap=once) is not None
    clock.go_on(hours=25, minutes=1)
    assert await claim(ledger, 2, cap=once) is None


@pytest.fixture
async def blocked(any_database: Database, any_database_url: str) -> AsyncIterator[Database]:
    """Another writer holds what a claim needs."""
    async with Database(any_database_url) as other:
        engine = other.engine.execution_options(switchboard_sqlite_begin="IMMEDIATE")
        async with engine.begin() as connection:
            if not other.is_sqlite:
                table = offer_meetings.name
                await connection.exec_driver_sql(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            yield other


async def test_nobody_waits_for_a_locked_book(
    blocked: Database, ledger: DatabaseOfferLedger
) -> None:
    claiming = ledger.claim(MARIA, call(1), "warranty", CAP, deadline=Deadline.after(0.2))
    with pytest.raises(DeadlineExceeded):
        await in_time(claiming, 0.2)


async def test_a_database_that_is_gone_is_an_offer_not_made() -> None:
    async with Database("postgresql://nobody@127.0.0.1:1/none") as gone:
        ledger = DatabaseOfferLedger(database=gone)
        with pytest.raises(Unavailable):
            await claim(ledger, 1)


def said(
    answer: OfferAnswer, minutes: int = 0, *, contact: ContactRef | None = MARIA, reason: str = ""
) -> OfferAnswered:
    at = START + timedelta(minutes=minutes)
    return OfferAnswered(call(1), at, "warranty", answer, "anna", contact, reason)


async def test_an_agents_later_word_replaces_the_earlier(
    ledger: DatabaseOfferLedger, any_database: Database
) -> None:
    async def tell(event: OfferAnswered) -> None:
        await ledger.answered(event, deadline=Deadline.after(30))

    accepted, refused = said(OfferAnswer.ACCEPTED), said(OfferAnswer.REFUSED, 2, reason="too dear")
    await tell(said(OfferAnswer.ACCEPTED, contact=None))
    await tell(said(OfferAnswer.NOT_RAISED))
    assert await book(any_database) == []
    for event in (accepted, accepted, refused, accepted, refused):
        await tell(event)
    assert await book(any_database) == [("171.1", "refused", "agent", START, refused.at)]
    columns = offer_meetings.c
    async with any_database.read() as connection:
        why = await connection.execute(select(columns.agent, columns.reason))
        assert [tuple(row) for row in why] == [("anna", "too dear")]
    assert await claim(ledger, 2) == "refused 0 days ago, silent for 90"
    await tell(said(OfferAnswer.NOT_RAISED, 3))
    assert await book(any_database) == []
    assert await claim(ledger, 2) is None


async def test_what_keys_said_stands_again_where_an_agent_takes_their_word_back(
    ledger: DatabaseOfferLedger, any_database: Database
) -> None:
    assert await claim(ledger, 1) is None
    keyed = START + timedelta(minutes=1)
    assert await ledger.met(met(1, OfferAnswer.ACCEPTED, keyed), MARIA)
    deadline = Deadline.after(30)
    await ledger.answered(said(OfferAnswer.REFUSED, 5, contact=JOHN), deadline=deadline)
    assert await ledger.met(met(1, OfferAnswer.ACCEPTED, keyed), MARIA)
    [(_, answer, place, at, answered_at)] = await book(any_database)
    assert (answer, place, at) == ("refused", "menu", keyed)
    assert answered_at == START + timedelta(minutes=5)
    await ledger.answered(said(OfferAnswer.NOT_RAISED, 6), deadline=deadline)
    assert await book(any_database) == [("171.1", "accepted", "menu", keyed, keyed)]
