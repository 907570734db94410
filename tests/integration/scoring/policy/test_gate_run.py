"""The gate over our own calls: what it found is kept, told, and gone by."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import insert, select
from typer.testing import CliRunner

from calls.call import CallId, CallOutcome, Direction
from calls.caller import ContactRef
from calls.offer_choice import PERSONAL, THOMPSON
from calls.offers import OfferAnswer, OfferPlace
from calls.past_calls import PastCallTold, PastConsidered, PastOffer
from config.settings import ScoringSettings
from scoring.memory_tables import offer_meetings
from scoring.policy.gate_run import JUDGED_DAYS, logged_choice, newest_judgement, run_gate
from scoring.policy.learned import LearnedPolicies
from scoring.policy.looks import DEPLOY, FALL_BACK
from scoring.policy.policy_tables import offer_policy_gates
from storage.database import Database
from switchboard.cli import app

pytestmark = pytest.mark.integration

NOW = datetime(2026, 11, 1, 2, 30, tzinfo=UTC)
OFFERS = ("ham", "jam", "tea")
gates = offer_policy_gates.c


class Past:
    """Implements `calls.ports.CallHistories`."""

    def __init__(self, calls: Sequence[PastCallTold]) -> None:
        self._calls = calls
        self.since: datetime | None = None

    async def calls(self, since: datetime) -> AsyncIterator[PastCallTold]:
        self.since = since
        for call in self._calls:
            yield call


def call(
    number: int, chosen: str | None, *, likes: str = "ham", accepted: bool = False,
    policy: str | None = THOMPSON, contact: str | None = "1",
) -> PastCallTold:  # fmt: skip
    considered = tuple(
        PastConsidered(offer, offer == chosen, 0.4 if offer == likes else 0.05, 1 / 3)
        for offer in OFFERS
    )
    answer = OfferAnswer.ACCEPTED if accepted else OfferAnswer.HEARD
    met = (PastOffer(chosen, OfferPlace.MENU, answer, NOW),) if chosen else ()
    return PastCallTold(
        call_id=CallId("pbx", str(number)),
        contact=ContactRef("embedded", contact) if contact else None,
        arrived_at=NOW,
        ended_at=NOW,
        dialled="100",
        direction=Direction.INBOUND,
        outcome=CallOutcome.ANSWERED,
        offers=met,
        considered=considered,
        policy=policy,
    )


def town(count: int, *, knows: bool, differs: bool = True) -> list[PastCallTold]:
    """Everybody likes one offer; the propensities know which, or say another. Or all like all."""
    random = np.random.default_rng(4)
    told = []
    for number in range(count):
        likes, chosen = (OFFERS[int(random.integers(3))] for _ in range(2))
        accepted = bool(random.random() < (0.05 if differs and likes != chosen else 0.4))
        other = OFFERS[(OFFERS.index(likes) + 1) % 3]
        said = likes if knows else other
        told.append(call(number, chosen, likes=said, accepted=accepted, contact=str(number // 2)))
    return told


@pytest.mark.long_on("postgresql")
async def test_what_was_found_is_what_servers_go_by(any_database: Database) -> None:
    past = Past(town(3_000, knows=True))
    found = await run_gate(any_database, past, {}, NOW)
    assert found.decision == DEPLOY
    assert past.since == NOW - timedelta(days=JUDGED_DAYS)
    kept = await newest_judgement(any_database, NOW)
    assert kept is not None
    assert (kept.at, kept.decision, kept.because) == (NOW, DEPLOY, found.because)
    assert kept.figures["SNIPS"]["gain"]["low"] > 0
    policies = LearnedPolicies(database=any_database, settings=ScoringSettings())
    await policies.refresh()
    assert policies.current.policy == PERSONAL

    before = LearnedPolicies(
        database=any_database, settings=ScoringSettings(), now=lambda: NOW - timedelta(days=90)
    )
    await before.refresh()
    assert before.current.policy == THOMPSON, "a clock that was ahead does not rule"

    # Later nights find that it is no better any more; then, that it is worse.
    async def in_use_after(calls: list[PastCallTold], days: float) -> str:
        await run_gate(any_database, Past(calls), {}, NOW + timedelta(days=days))
        policies = LearnedPolicies(database=any_database, settings=ScoringSettings())
        await policies.refresh()
        return policies.current.policy

    assert await in_use_after(town(3_000, knows=True, differs=False), 1) == PERSONAL
    assert await in_use_after([], 2) == PERSONAL
    assert await in_use_after(town(3_000, knows=False), 3) == THOMPSON
    # Once undone it has to be shown anew: by tomorrow's look, not by another run today.
    assert await in_use_after(town(3_000, knows=True), 3.1) == THOMPSON
    assert await in_use_after(town(3_000, knows=True), 4) == PERSONAL
    async with any_database.read() as connection:
        rows = list(await connection.execute(select(gates.figures).order_by(gates.at)))
    assert [row.figures["look"] for row in rows] == [1, 1, 1, 1, 1, 2]


def test_the_command_says_which_look_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/looked.db"
    monkeypatch.setenv("SWITCHBOARD_STORAGE__URL", url)
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, ["offers", "policy"]).exit_code == 0
    asyncio.run(_looked_twice(url))
    told = CliRunner().invoke(app, ["offers", "policy"]).output
    assert "look 2 of the gate, alpha 0.0076 of the 0.05 that all looks have" in told
    figures = json.loads(CliRunner().invoke(app, ["offers", "policy", "--json"]).stdout)["gate"][
        "figures"
    ]
    assert (figures["look"], round(figures["alpha"], 4)) == (2, 0.0076)


async def _looked_twice(url: str) -> None:
    async with Database(url) as database:
        for days in range(2):
            now = NOW + timedelta(days=days)
            await run_gate(database, Past(town(600, knows=False)), {}, now)


async def test_few_calls_prove_nothing(database: Database) -> None:
    found = await run_gate(database, Past([]), {}, NOW)
    assert found.decision == FALL_BACK
    assert found.because.startswith("0 calls whose offer was drawn by chance")


def test_only_what_was_drawn_for_somebody_known_is_judged() -> None:
    drawn = logged_choice(call(1, "tea", accepted=True))
    assert drawn is not None
    assert (drawn.contact, drawn.chosen, drawn.accepted) == ("embedded:1", "tea", True)
    assert drawn.candidates == {"ham": (0.4, 1 / 3), "jam": (0.05, 1 / 3), "tea": (0.05, 1 / 3)}
    for other in (
        call(1, None),
        call(1, "tea", policy=None),
        call(1, "tea", policy="best_single"),
        call(1, "tea", contact=None),
    ):
        assert logged_choice(other) is None


def test_the_command_says_how_offers_are_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    monkeypatch.setenv("SWITCHBOARD_STORAGE__URL", url)
    monkeypatch.chdir(tmp_path)
    plain = CliRunner().invoke(app, ["offers", "policy"])
    assert plain.exit_code == 0, plain.output
    assert "offers are chosen by thompson" in plain.output
    assert "the gate was not asked yet" in plain.output
    judged = CliRunner().invoke(app, ["offers", "policy", "--judge", "--json"])
    assert judged.exit_code == 0, judged.output
    told = json.loads(judged.stdout)
    assert told["policy"] == THOMPSON
    assert told["gate"]["decision"] == FALL_BACK
    assert told["beliefs"] == []
    asyncio.run(_heard(url))
    [first, *_] = json.loads(CliRunner().invoke(app, ["offers", "policy", "--json"]).stdout)[
        "beliefs"
    ]
    assert first["segment"] == "unknown"
    beliefs = CliRunner().invoke(app, ["offers", "policy"]).output
    assert "unknown" in beliefs
    assert "believed" in beliefs


async def _heard(url: str) -> None:
    row = {
        "offer": "warranty", "contact_crm": "embedded", "contact_id": "1", "place": "menu",
        "answer": "accepted", "at": datetime.now(UTC), "answered_at": None,
    }  # fmt: skip
    rows = [row | {"system": "pbx", "linkedid": str(number)} for number in range(30)]
    async with Database(url) as database:
        await database.writer.write(lambda link: link.execute(insert(offer_meetings), rows))
