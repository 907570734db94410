"""What the ledger tells of offers reaches the next call's choice, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from calls.call import CallId
from calls.caller import ContactRef
from calls.deadlines import Deadline
from calls.events import OfferMet
from calls.offer_choice import OfferCandidate
from calls.offers import OfferAnswer, OfferCap, OfferPlace
from calls.segments import LifecycleStage, Segments, Tier
from config.settings import PolicyName, ScoringSettings
from scoring.memory_tables import offer_meetings
from scoring.offer_ledger import DatabaseOfferLedger
from scoring.policy.ladder import SegmentBy
from scoring.policy.learned import LearnedPolicies, counts_of
from scoring.policy.policy_tables import offer_policy_gates
from scoring.policy.posteriors import Heard
from scoring.tables import contact_segments
from storage.database import Database

pytestmark = pytest.mark.integration

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
VIP = Segments(Tier.VIP, LifecycleStage.LOYAL, 5, 5, 5, 3, 30, 900.0)


async def write(database: Database, table: Any, *rows: dict[str, Any]) -> None:
    await database.writer.write(lambda link: link.execute(insert(table), list(rows)))


def met(number: int, offer: str, answer: str, *, contact: str = "1", age_days: int = 1) -> Any:
    return {
        "system": "pbx",
        "linkedid": str(number),
        "offer": offer,
        "contact_crm": "embedded",
        "contact_id": contact,
        "place": "menu",
        "answer": answer,
        "at": NOW - timedelta(days=age_days),
        "answered_at": None,
    }


def segment_row(contact: str, tier: str, lifecycle: str = "active") -> dict[str, Any]:
    return {
        "crm": "embedded",
        "contact_id": contact,
        "tier": tier,
        "lifecycle": lifecycle,
        "recency": 3,
        "frequency": 3,
        "monetary": 3,
        "spend_12m": 10.0,
        "reasons": [],
        "computed_at": NOW,
    }


def policies(database: Database, policy: PolicyName = "auto") -> LearnedPolicies:
    settings = ScoringSettings(policy=policy)
    return LearnedPolicies(database=database, settings=settings, now=lambda: NOW, every_s=0)


async def test_hearings_are_counted_by_segment_and_offer(any_database: Database) -> None:
    await write(any_database, contact_segments, segment_row("1", "vip"))
    await write(
        any_database,
        offer_meetings,
        met(1, "tea", "accepted"),
        met(2, "tea", "heard"),
        met(3, "tea", "refused"),
        met(4, "tea", "claimed"),
        met(5, "tea", "accepted", age_days=400),
        met(6, "ham", "heard", contact="2"),
    )
    learned = policies(any_database)
    candidates = [OfferCandidate("tea"), OfferCandidate("ham")]
    before = learned.current
    assert before.choose(candidates, segments=VIP, draw=0.1).policy == "static"
    await learned.refresh()
    found = learned.current.posteriors
    assert dict(found.cells) == {("vip", "tea"): Heard(3, 1), ("unknown", "ham"): Heard(1, 0)}
    choice = learned.current.choose(candidates, segments=VIP, draw=0.1)
    assert choice.policy == "thompson"
    assert choice.probabilities["tea"] > choice.probabilities["ham"] > 0
    # A call that began before keeps what it began with.
    assert before.choose(candidates, segments=VIP, draw=0.1).policy == "static"


async def test_personal_only_after_the_gate_and_no_longer_than_it(any_database: Database) -> None:
    await write(any_database, offer_meetings, met(1, "tea", "heard"))
    learned = policies(any_database)
    for number, (decision, policy) in enumerate(
        [("fall_back", "thompson"), ("deploy", "personal"), ("fall_back", "thompson")]
    ):
        gate = {
            "id": str(number),
            "at": NOW + timedelta(hours=number),
            "decision": decision,
            "because": "figures",
            "figures": {},
        }
        await write(any_database, offer_policy_gates, gate)
        await learned.refresh()
        assert learned.current.policy == policy
    asked = policies(any_database, "best_single")
    await asked.refresh()
    assert asked.current.policy == "best_single"


async def test_the_ledger_is_not_read_every_time(any_database: Database) -> None:
    moment = [NOW]
    learned = LearnedPolicies(
        database=any_database, settings=ScoringSettings(), now=lambda: moment[0], every_s=300
    )
    await learned.refresh()
    first = learned.current
    await write(any_database, offer_meetings, met(1, "tea", "heard"))
    await learned.refresh()
    assert learned.current is first
    moment[0] -= timedelta(hours=1)
    await learned.refresh()
    assert learned.current.posteriors.heard == 1, "a clock set back does not stop the learning"


class Callers:
    """Calls whose offer is claimed, heard and accepted through the ledger."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.ledger = DatabaseOfferLedger(database=database, now=lambda: NOW)

    async def claim(self, number: int, contact: str) -> None:
        wide, soon = OfferCap(heard=99, per_days=1), Deadline.after(30)
        whose = ContactRef("embedded", contact)
        call_id = CallId("pbx", str(number))
        assert await self.ledger.claim(whose, call_id, "tea", wide, deadline=soon) is None

    async def answer(self, number: int, answer: str, contact: str | None = None) -> None:
        met = OfferMet(
            call_id=CallId("pbx", str(number)),
            at=NOW,
            offer="tea",
            place=OfferPlace.MENU,
            answer=OfferAnswer(answer),
        )
        assert await self.ledger.met(met, ContactRef("embedded", contact) if contact else None)

    async def move(self, contact: str, tier: str, lifecycle: str) -> None:
        """A nightly run puts them elsewhere."""
        here = contact_segments.c.contact_id == contact
        moved = update(contact_segments).where(here).values(tier=tier, lifecycle=lifecycle)
        await self.database.writer.write(lambda link: link.execute(moved))

    async def forget_segments(self) -> None:
        """As a version wrote it that did not keep them."""
        forgotten = update(offer_meetings).values(tier=None, lifecycle=None)
        await self.database.writer.write(lambda link: link.execute(forgotten))

    async def kept(self) -> set[tuple[str | None, str | None]]:
        columns = offer_meetings.c
        async with self.database.read() as link:
            rows = await link.execute(select(columns.tier, columns.lifecycle))
            return {(row.tier, row.lifecycle) for row in rows}

    async def counted(self, by: SegmentBy) -> dict[str, Heard]:
        found = await counts_of(self.database, by=by, now=NOW + timedelta(days=1))
        assert len({segment for segment, *_ in found}) == len(found)
        return {segment: heard for segment, _, heard in found}


async def test_an_answer_counts_where_the_caller_was_when_they_gave_it(
    any_database: Database,
) -> None:
    callers = Callers(any_database)
    await write(any_database, contact_segments, segment_row("1", "ordinary", "new"))
    await callers.claim(1, "1")
    await callers.answer(1, "heard")
    await callers.answer(1, "accepted")
    await callers.answer(2, "accepted", "1")  # never claimed
    await callers.move("1", "vip", "loyal")
    await callers.claim(3, "1")
    await callers.answer(3, "refused")
    assert await callers.counted("tier") == {"ordinary": Heard(2, 2), "vip": Heard(1, 0)}
    assert await callers.counted("lifecycle") == {"new": Heard(2, 2), "loyal": Heard(1, 0)}


async def test_who_had_no_segment_stays_among_the_unknown(any_database: Database) -> None:
    """Most who accept buy, and have a segment from then on; who refuse never get one."""
    callers = Callers(any_database)
    await callers.claim(1, "1")
    await callers.answer(1, "accepted")
    await write(any_database, contact_segments, segment_row("1", "ordinary", "new"))
    assert await callers.counted("lifecycle") == {"unknown": Heard(1, 1)}


async def test_older_rows_count_where_the_caller_is_today(any_database: Database) -> None:
    callers = Callers(any_database)
    await write(any_database, contact_segments, segment_row("1", "ordinary", "new"))
    for number, contact in ((1, "1"), (2, "nobody")):
        await callers.claim(number, contact)
        await callers.answer(number, "heard")
    await callers.forget_segments()
    await callers.move("1", "vip", "loyal")
    await callers.answer(1, "accepted")
    assert await callers.kept() == {(None, None)}, "not known any more: it was heard before"
    assert await callers.counted("tier") == {"vip": Heard(1, 1), "unknown": Heard(1, 0)}


async def test_an_older_claim_gets_its_segments_as_it_is_heard(any_database: Database) -> None:
    callers = Callers(any_database)
    await write(any_database, contact_segments, segment_row("1", "ordinary", "new"))
    await callers.claim(1, "1")
    await callers.forget_segments()
    await callers.answer(1, "heard")
    assert await callers.kept() == {("ordinary", "new")}
    await callers.claim(2, "1")
    await callers.move("1", "vip", "loyal")
    await callers.answer(2, "heard")
    assert await callers.kept() == {("ordinary", "new")}, "what the claim kept stays"
