"""What the ledger tells of offers reaches the next call's choice, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from calls.offer_choice import OfferCandidate
from calls.segments import LifecycleStage, Segments, Tier
from config.settings import PolicyName, ScoringSettings
from scoring.memory_tables import offer_meetings
from scoring.policy.learned import LearnedPolicies
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


def segment_row(contact: str, tier: str) -> dict[str, Any]:
    return {
        "crm": "embedded",
        "contact_id": contact,
        "tier": tier,
        "lifecycle": "active",
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
            "at": NOW + timedelta(days=number),
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
