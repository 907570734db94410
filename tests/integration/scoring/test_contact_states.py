"""A contact's counters in the database: written by the batch and by ended calls, read at the next
ring, on both databases."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text, update

from calls import events
from calls.call import Call, CallId, CallOutcome, Direction, KeyPress
from calls.caller import ContactRef
from calls.contact_features import ContactFeatures
from calls.offers import OfferAnswer, OfferPlace
from calls.past_calls import PastCallTold, PastChoice
from calls.ports import ContactPurchases, PurchaseLine
from config.settings import ScoringSettings
from scoring.batch import score_all
from scoring.features import state_rows
from scoring.features.schema import NAMES, SCHEMA
from scoring.features.state_tables import contact_states
from scoring.memory_tables import folded_calls
from storage.database import Database
from tests.integration.scoring.test_call_memory import (
    MARIA,
    NOW,
    Centre,
    call,
    chosen,
    ended,
    identified,
)

pytestmark = pytest.mark.integration

BEN = ContactRef("embedded", "C-2")


class Shop:
    """Implements `calls.ports.PurchaseHistories`."""

    def __init__(self, *books: ContactPurchases) -> None:
        self.books = books

    async def count(self) -> int:
        return len(self.books)

    async def histories(self) -> AsyncIterator[ContactPurchases]:
        for book in self.books:
            yield book


class Past:
    """Implements `calls.ports.CallHistories`."""

    def __init__(self, *told: PastCallTold) -> None:
        self.told = told

    async def calls(self, since: datetime) -> AsyncIterator[PastCallTold]:
        for one in self.told:
            if one.arrived_at >= since:
                yield one


def book(contact: ContactRef, *days_ago: int) -> ContactPurchases:
    lines = tuple(
        PurchaseLine(NOW - timedelta(days=days), 10.0, f"P{days}", "tea", 1.0) for days in days_ago
    )
    return ContactPurchases(contact, tuple((each.at, each.amount) for each in lines), lines=lines)


async def score(database: Database, *books: ContactPurchases, past: Past | None = None) -> None:
    await score_all(
        database=database,
        histories=Shop(*books),
        settings=ScoringSettings(),
        calls=past,
        today=NOW.date(),
    )


async def features(centre: Centre, contact: ContactRef = MARIA) -> ContactFeatures | None:
    return (await centre.memory(contact)).features


async def numbers(centre: Centre, *names: str, contact: ContactRef = MARIA) -> Sequence[float]:
    found = await features(centre, contact)
    assert found is not None
    return [found.values[NAMES.index(name)] for name in names]


def arrived(number: int, at: datetime, direction: Direction = Direction.INBOUND) -> Call:
    return Call(call(number), "PJSIP/a", "", "", False, "100", "en", at, direction=direction)


async def test_what_was_bought_and_how_calls_went_is_there_at_the_next_ring(
    any_database: Database,
) -> None:
    centre = Centre(any_database)
    assert await features(centre) is None
    await score(any_database, book(MARIA, 40, 10, -3), book(BEN))
    found = await features(centre)
    assert found is not None
    assert found.schema == SCHEMA
    assert found.categories["tea"].days_since == 10
    assert await numbers(centre, "visits", "recency_days", "products") == [2, 10, 2]
    assert await numbers(centre, "visits", "calls_decayed_7d", contact=BEN) == [0, 0]
    began = NOW - timedelta(minutes=5)
    queued = events.CallQueued(call(1), began + timedelta(seconds=20), "support")
    answered = events.AgentAnswered(call(1), began + timedelta(seconds=65), "support", "PJSIP/anna")
    await centre.tell(
        events.CallArrived(call(1), began, arrived(1, began)),
        identified(1),
        chosen(1, "agent", "0"),
        queued,
        answered,
        ended(1),
    )
    centre.now = began + timedelta(days=7)
    assert await numbers(centre, "calls_decayed_7d", "days_since_call", "last_wait_s") == [
        pytest.approx(0.5), 7, 45,
    ]  # fmt: skip
    assert await numbers(centre, "last_outcome_answered", "zero_outs_decayed_90d", "visits") == [
        1, pytest.approx(0.5 ** (7 / 90)), 2,
    ]  # fmt: skip
    await score(any_database, book(MARIA, 40, 10, 1))
    assert await numbers(centre, "visits", "last_outcome_answered") == [3, 1]
    # Whom the CRM has no more keeps calls, if there were any, and no purchases.
    assert (await numbers(centre, "visits", contact=BEN))[0] != 0


async def test_a_call_told_of_again_counts_once(any_database: Database) -> None:
    centre = Centre(any_database)
    for _ in range(3):
        await centre.tell(identified(1), ended(1))
    assert await numbers(centre, "calls_decayed_90d") == [1]
    await Centre(any_database).tell(identified(1), ended(1))
    assert await numbers(centre, "calls_decayed_90d") == [1]


async def test_a_call_that_outlived_its_process_is_counted_by_the_next(
    any_database: Database,
) -> None:
    began = NOW - timedelta(hours=1)
    keys = (KeyPress("main", "0", "match", "agent"), KeyPress("main", "9", "invalid"))
    centre = Centre(any_database)
    await centre.tell(
        events.CallRemembered(
            call(1), NOW, arrived(1, began), keys, "support", began + timedelta(minutes=1)
        ),
        identified(1),
        events.CallEnded(call(1), NOW, CallOutcome.ABANDONED_IN_QUEUE),
    )
    assert await numbers(centre, "days_since_call", "last_wait_s", "last_outcome_abandoned") == [
        pytest.approx(1 / 24), 59 * 60, 1,
    ]  # fmt: skip
    assert await numbers(centre, "zero_outs_decayed_90d") == [pytest.approx(1, abs=1e-3)]


async def test_what_agents_dial_is_no_call_of_the_contact(any_database: Database) -> None:
    centre = Centre(any_database)
    placed = arrived(1, NOW, Direction.OUTBOUND)
    await centre.tell(events.CallArrived(call(1), NOW, placed), identified(1), ended(1))
    assert await features(centre) is None


async def test_answers_after_the_end_count_once(any_database: Database) -> None:
    centre = Centre(any_database)

    def met(answer: OfferAnswer) -> events.OfferMet:
        return events.OfferMet(call(1), NOW, "bag", OfferPlace.AGENT, answer)

    await centre.tell(identified(1), met(OfferAnswer.HEARD), ended(1))
    assert await numbers(
        centre, "offers_heard_decayed_90d", "offers_refused_decayed_90d", "days_since_offer"
    ) == [1, 0, 0]
    for _ in range(2):
        await centre.tell(met(OfferAnswer.REFUSED))
    assert await numbers(centre, "offers_heard_decayed_90d", "offers_refused_decayed_90d") == [1, 1]


async def test_calls_that_ended_uncounted_are_caught_up_with_once(any_database: Database) -> None:
    now = datetime.now(UTC)
    centre = Centre(any_database, now=now)

    def past(number: int, hours_ago: float, contact: ContactRef | None = MARIA) -> PastCallTold:
        at = now - timedelta(hours=hours_ago)
        choice = PastChoice("main", "1", "match", "sales", at)
        return PastCallTold(
            CallId("pbx", f"17{number}.1"), contact, at, at, "100", Direction.INBOUND,
            CallOutcome.ABANDONED_IN_MENU, choices=(choice,),
        )  # fmt: skip

    told = Past(past(1, 3), past(2, 2), past(3, 1, None), past(4, 0), past(5, 60))
    await centre.tell(identified(1), chosen(1, "sales", at=now), ended(1, now))
    for _ in range(2):
        await score(any_database, past=told)
    memory = await centre.memory()
    assert memory.choices["main", "sales"] == pytest.approx(2, abs=1e-2)
    assert await numbers(centre, "calls_decayed_90d", "hang_ups_decayed_90d") == [
        pytest.approx(2, abs=1e-2), pytest.approx(1, abs=1e-2),
    ]  # fmt: skip


@pytest.mark.parametrize("half", ["purchases", "calls"])
@pytest.mark.parametrize("broken", ["", "{", '{"visits": -1, "calls": -1}', "x" * 100_000])
async def test_a_broken_row_is_no_features_and_said_once(
    any_database: Database,
    half: str,
    broken: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(state_rows, "_told_broken", False)
    centre = Centre(any_database)
    await score(any_database, book(MARIA, 4))
    await centre.tell(identified(1), chosen(1, "sales"), ended(1))
    change = update(contact_states).values({half: broken})
    await any_database.writer.write(lambda link: link.execute(change))
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            memory = await centre.memory()
            assert memory.features is None
            assert memory.choices
    assert len(caplog.records) == 1
    assert "C-1" not in caplog.text
    # The next call and the next batch repair it.
    await centre.tell(identified(2), ended(2))
    await score(any_database, book(MARIA, 4))
    assert await numbers(centre, "visits") == [1]


async def test_a_row_of_other_columns_is_no_features_until_the_batch(
    any_database: Database,
) -> None:
    centre = Centre(any_database)
    await score(any_database, book(MARIA, 4))
    await centre.tell(identified(1), ended(1))
    old = update(contact_states).values(schema="contact-0-00")
    await any_database.writer.write(lambda link: link.execute(old))
    assert await features(centre) is None
    await score(any_database, book(MARIA, 4))
    assert await numbers(centre, "visits", "calls_decayed_90d") == [1, 1]


async def test_a_crash_before_the_commit_leaves_nothing_half(
    any_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    centre = Centre(any_database)

    async def dies(*_args: object, **_named: object) -> None:
        raise RuntimeError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(state_rows, "_save", dies)
        with pytest.raises(RuntimeError):
            await centre.tell(identified(1), chosen(1, "sales"), ended(1))
    async with any_database.read() as connection:
        query = select(func.count()).select_from(folded_calls)
        assert (await connection.execute(query)).scalar() == 0
        rows = await connection.execute(text("SELECT count(*) FROM contact_states"))
        assert rows.scalar() == 0
    await centre.tell(identified(1), chosen(1, "sales"), ended(1))
    assert await numbers(centre, "calls_decayed_90d") == [1]
