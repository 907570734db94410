"""An arm that does harm ends by itself, for good and on every node, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from calls import events
from calls.bus import EventBus
from calls.call import CallId, CallOutcome, KeyPress
from calls.caller import Caller, Identity, IdentityOutcome
from calls.decision import Decision, Route
from calls.experiments import subject_of
from config.experiments import Arm, Experiment
from config.problems import Place
from ivr.experiments import drawn_arm
from scoring.policy import experiment_book
from scoring.policy.experiment_book import PERSON
from scoring.policy.experiment_counts import counted
from scoring.policy.experiment_figures import ExperimentCount
from scoring.policy.policy_tables import experiment_subjects
from scoring.policy.watch import ExperimentWatch
from storage.database import Database

pytestmark = pytest.mark.integration

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
TRIAL = Experiment("trial", (Arm("plain"), Arm("other", offers=False)), "plain", Place("x.yaml", 1))
DECISION = Decision("v1", "en", Route("menu", "main"), menu="main", greeting=None)


class Node:
    """One server: its own bus and watch, the database shared with others."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.bus = EventBus()
        self.known = {"trial": TRIAL}
        self.now = NOW
        self.stops: list[events.ExperimentArmStopped] = []
        self.watch = ExperimentWatch(
            database=database,
            bus=self.bus,
            experiments=lambda: self.known,
            now=lambda: self.now,
            every_s=3600,
        )
        self.watch.subscribe()
        self.bus.subscribe("test", self._see, events.ExperimentArmStopped)

    async def _see(self, event: events.ExperimentArmStopped) -> None:
        self.stops.append(event)

    async def __aenter__(self) -> Node:
        await self.watch.__aenter__()
        await self.bus.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.bus.__aexit__(*exc)
        await self.watch.__aexit__(*exc)

    async def call(
        self,
        number: int,
        *,
        zero: bool = False,
        outcome: CallOutcome = CallOutcome.ANSWERED,
        at: datetime | None = None,
        call: int | None = None,
    ) -> str:
        """As the events of a real call tell it; the arm that the caller was in."""
        caller = Caller(f"+1202555{number:04}", Identity(IdentityOutcome.NONE, "e164", 0.0))
        call_id, at = CallId("pbx", f"{call or number}.1"), at or self.now
        subject = subject_of(caller)
        assert subject is not None
        arm = drawn_arm(TRIAL, subject)
        if ("trial", arm.name) in self.watch.stopped:
            arm = TRIAL.arms[0]
        decision = replace(DECISION, arms={"trial": arm.name})
        key = KeyPress("main", "0" if zero else "1", "match", "agent" if zero else "sales")
        told: list[events.CallEvent] = [
            events.CallerIdentified(call_id, at, caller=caller),
            events.DecisionMade(call_id, at, decision=decision),
            events.OptionChosen(call_id, at, key=key),
            events.CallEnded(call_id, at, outcome=outcome),
        ]
        for event in told:
            self.bus.publish(event)
        await self.bus.drain()
        return arm.name

    async def look(self) -> None:
        await self.watch.look()
        await self.bus.drain()


async def harm(node: Node, first: int, count: int) -> None:
    """Callers of `other` press 0, those of `plain` do not."""
    for number in range(first, first + count):
        node.now += timedelta(minutes=1)
        caller = Caller(f"+1202555{number:04}", Identity(IdentityOutcome.NONE, "e164", 0.0))
        subject = subject_of(caller)
        assert subject is not None
        await node.call(number, zero=drawn_arm(TRIAL, subject).name == "other")


async def test_an_arm_that_does_harm_ends_by_itself_everywhere(any_database: Database) -> None:
    async with Node(any_database) as node, Node(any_database) as other:
        await harm(node, 0, 8)
        await node.look()
        assert node.watch.stopped == set(), "eight callers prove nothing"
        await harm(node, 8, 52)
        await node.look()
        assert node.watch.stopped == {("trial", "other")}
        (stop,) = node.stops
        assert (stop.experiment, stop.arm, stop.by) == ("trial", "other", "guardrail")
        assert "callers pressed 0 for a person, of the control arm 0 of" in stop.because
        # From now on everybody is in the control arm.
        assert {await node.call(number, call=5_000 + number) for number in range(60)} == {"plain"}
        # Another node hears of it by its own look, once.
        assert other.stops == []
        await other.look()
        await other.look()
        assert other.watch.stopped == {("trial", "other")}
        assert len(other.stops) == 1
        assert len(node.stops) == 1
    async with Node(any_database) as restarted:
        assert restarted.watch.stopped == {("trial", "other")}, "before the first call"
        await restarted.look()
        assert restarted.stops == [], "old news is no news"


async def test_without_harm_it_goes_on_and_calls_count_once(any_database: Database) -> None:
    async with Node(any_database) as node:
        for number in range(40):
            await node.call(number, zero=number % 4 == 0)
            await node.call(number, zero=True, call=9_000 + number)
        await node.look()
        assert node.watch.stopped == set()
        rows = await rows_of(any_database)
        assert len(rows) == 40
        assert sum(row.zero_out for row in rows) == 10, "the first call of each counts"


async def test_who_calls_again_within_a_week(any_database: Database) -> None:
    async with Node(any_database) as node:
        await node.call(1)
        await node.call(1)  # the same call told again
        await node.call(2)
        await node.call(2, call=20, at=NOW + timedelta(days=6))
        await node.call(3)
        await node.call(3, call=30, at=NOW + timedelta(days=8))
        rows = {row.linkedid: row.repeated_at for row in await rows_of(any_database)}
        assert rows == {"1.1": None, "2.1": NOW + timedelta(days=6), "3.1": None}
        early, late = [
            [
                each.callers + each.control_callers
                for arm in await counted(any_database, TRIAL, {}, NOW + timedelta(days=days))
                for each in arm.guardrails
                if each.guardrail == "repeat_7d" and not arm.is_control
            ]
            for days in (6, 7)
        ]
        assert (early, late) == ([0], [3]), "known when the week is over"


async def test_who_rings_off_counts_and_strangers_without_number_do_not(
    any_database: Database,
) -> None:
    async with Node(any_database) as node:
        await node.call(1, outcome=CallOutcome.ABANDONED_IN_QUEUE)
        await node.call(2, outcome=CallOutcome.ABANDONED_IN_MENU)
        await node.call(3, outcome=CallOutcome.TRANSFERRED)
        hidden = Caller(None, Identity(IdentityOutcome.WITHHELD, "withheld", 1.0))
        call_id = CallId("pbx", "4.1")
        node.bus.publish(events.CallerIdentified(call_id, NOW, caller=hidden))
        node.bus.publish(events.DecisionMade(call_id, NOW, decision=DECISION))
        node.bus.publish(events.CallEnded(call_id, NOW, outcome=CallOutcome.ANSWERED))
        await node.bus.drain()
        found = {row.linkedid: row.abandoned for row in await rows_of(any_database)}
        assert found == {"1.1": True, "2.1": True, "3.1": False}
        assert not any("2025550001" in str(tuple(row)) for row in await rows_of(any_database))


async def test_a_person_stops_and_resumes(any_database: Database) -> None:
    async with Node(any_database) as node:
        await harm(node, 0, 60)
        await any_database.writer.write(
            lambda link: experiment_book.stop(
                link, "trial", "other", at=node.now, by=PERSON, because="enough"
            )
        )
        await node.look()
        assert [(stop.by, stop.because) for stop in node.stops] == [("person", "enough")]
        again = await any_database.writer.write(
            lambda link: experiment_book.stop(
                link, "trial", "other", at=node.now, by="guardrail", because="later"
            )
        )
        assert again is False
        node.now += timedelta(minutes=1)
        for expected in (True, False):
            resumed = await any_database.writer.write(
                lambda link: experiment_book.resume(link, "trial", "other", at=node.now)
            )
            assert resumed is expected
        await node.call(777)
        await node.look()
        assert node.watch.stopped == set(), "what was counted before does not stop it again"
        await harm(node, 1_000, 80)
        await node.look()
        assert node.watch.stopped == {("trial", "other")}


async def test_an_arm_that_left_the_rulebook_harms_nobody(any_database: Database) -> None:
    async with Node(any_database) as node:
        await harm(node, 0, 60)
        node.known = {"trial": replace(TRIAL, arms=(Arm("plain"), Arm("new", offers=False)))}
        await node.look()
        assert node.watch.stopped == set()
        node.known = {}
        await node.look()
        await node.call(99)
        assert len(await rows_of(any_database)) == 60


async def test_callers_are_counted_to_the_last_however_many_there_were(
    any_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the first years must not hide what an arm does by now. Many came at one moment."""
    monkeypatch.setattr(experiment_book, "PAGE", 7)
    subjects = [
        experiment_book.Subject(
            "plain" if number % 2 else "other",
            NOW + timedelta(minutes=number // 10),
            # From some day on the arm is bad.
            zero_out=number >= 100 and number % 2 == 0,
            abandoned=number % 5 == 0,
            repeated=number % 3 == 0,
        )
        for number in range(160)
    ]
    rows = [
        {
            "experiment": "trial",
            "subject": f"{number:032}",
            "arm": one.arm,
            "system": "pbx",
            "linkedid": f"{number}.1",
            "at": one.at,
            "zero_out": one.zero_out,
            "abandoned": one.abandoned,
            "repeated_at": one.at if one.repeated else None,
        }
        for number, one in enumerate(subjects)
    ]
    await any_database.writer.write(lambda link: link.execute(experiment_subjects.insert(), rows))

    now = NOW + timedelta(days=30)
    found = await counted(any_database, TRIAL, {}, now)

    whole = ExperimentCount(TRIAL, {}, now)
    whole.add(subjects)
    assert found == whole.figures()
    _, other = found
    assert [each.callers + each.control_callers for each in other.guardrails] == [160] * 3
    assert (other.guardrails[0].bad, other.harm) == (30, other.guardrails[0])


async def rows_of(database: Database) -> list[Any]:
    async with database.read() as connection:
        return list(await connection.execute(select(experiment_subjects)))
