"""`explain` says what a call would do, by the same code, and what a call did."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from calls.call import CallId, CallOutcome, KeyPress
from calls.caller import Caller, Candidate, ContactRef, Identity, IdentityOutcome
from calls.deadlines import Deadline
from calls.offers import CallerMemory, Propensities
from calls.records import Leg
from config.rulebook import HoldEntry, RouteTo, Rulebook, SetPop
from crm_adapter.call_history import CallDetail, CallSummary
from supervisor.explain import explain, explain_call, render
from supervisor.explained import _who
from tests.fakes.contact_directory import MARIA, STRANGER, FakeDirectory
from tests.fakes.written_rulebook import (
    given,
    menu,
    number,
    offer,
    option,
    rule,
    rulebook,
    text,
)

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
AGENT_LINE = text("Mention the three years.")


@dataclass
class OneRulebook:
    current: Rulebook


SHOP = rulebook(
    menu(
        option("sales"),
        option("billing"),
        order="by_propensity",
        offer_slot=1,
        greeting="Welcome{% if caller.known %}, {{ caller.first_name }}{% endif %}.",
    ),
    numbers={"18005550100": number(key="+18005550100", lead="on_answer"), "default": number()},
    rules=(
        rule("route", RouteTo(menu="main"), given("caller.tier", "eq", "vip"), "vip"),
        rule("pop", SetPop(True, text("Speak slowly."))),
    ),
    programmes={
        "default": (
            HoldEntry("music", music_s=20),
            HoldEntry("offer"),
            HoldEntry("position"),
            HoldEntry("callback"),
        )
    },
    offers=[
        offer("warranty", hold="Did you know our warranty?", agent=AGENT_LINE),
        offer("gold", when=given("propensity", "gt", 0.5)),
    ],
)
RULEBOOKS = OneRulebook(SHOP)


class Memories:
    """Implements `calls.ports.CallerMemories` and `PropensityScorer`."""

    async def memory_of(self, contact: ContactRef, *, deadline: Deadline) -> CallerMemory:
        return CallerMemory(digits={("main", "billing"): "5"})

    def propensities_of(self, caller: Caller, memory: CallerMemory) -> Propensities:
        likely = {("main", "billing"): 0.7} if memory.digits else {}
        return Propensities(likely, {"WARRANTY": 0.25}, model="choices-1")


async def explained(caller: Caller = MARIA, **more: Any) -> dict[str, Any]:
    parts = {"dialled": None, "rulebooks": RULEBOOKS, "now": NOW, **more}
    directory = FakeDirectory(caller)
    found = await explain(
        "+12025550101", directory=directory, memories=Memories(), scorer=Memories(), **parts
    )
    assert directory.regions == ["US"]
    return found


def printed(found: dict[str, Any]) -> str:
    console = Console(file=io.StringIO(), width=160)
    render(found, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


async def test_the_shape_of_the_json() -> None:
    found = await explained(control_share=0.0)
    assert json.loads(json.dumps(found)) == found
    assert found.keys() == {"identity", "caller", "rulebook_version", "dialled", "decision"}
    decision = found["decision"]
    assert decision.keys() >= {"route", "menu", "options", "hold", "offers", "rules", "lead", "arm"}
    assert decision["options"][0].keys() >= {"digit", "intent", "say", "reasons"}
    assert decision["offers"][0].keys() >= {"offer", "chosen", "reasons"}
    assert decision["rules"][0].keys() >= {"name", "matched", "because"}
    assert found["identity"]["outcome"] == "unique"
    assert found["caller"]["name"] == "Maria Garcia"
    assert found["dialled"] == "+18005550100"
    assert found["rulebook_version"] == "v1"


async def test_people_read_the_same() -> None:
    said = printed(await explained(control_share=0.0))
    for line in (
        "+12025550101 is Maria Garcia",
        "unique by e164, sure to 100%",
        "having dialled +18005550100 goes to menu main",
        "hears the menu main in en",
        "“Welcome, Maria.”",
        "probabilities by choices-1",
        "the agent may say: “Mention the three years.”",
        "waits with the programme default",
        "music for 20 s",
        "“Did you know our warranty?” (offer warranty)",
        "where the caller stands in the queue",
        "the offer to be called back",
        "the agent reads: “Speak slowly.”",
        "a stranger becomes a lead: on answer",
        "caller.tier is not known, not vip",
        "rulebook v1",
    ):
        assert line in said
    billing = next(line for line in said.splitlines() if "For billing" in line)
    assert billing.split()[:2] == ["5", "billing"]
    assert "70%" in billing
    assert "digit this caller pressed for it before" in billing
    assert "warranty (offer)" in said
    gold = next(line for line in said.splitlines() if line.split()[:2] == ["gold", "no"])
    assert "propensity is not known, not above 0.5" in gold


async def test_the_control_group_and_closed_doors_are_said() -> None:
    shop = replace(SHOP, numbers={"default": number(lead="never")})
    found = await explained(rulebooks=OneRulebook(shop), control_share=1.0)
    found["decision"] |= {"doors": "holiday", "pop": {"shown": False, "note": None}}
    said = printed(found)
    assert "in the control group: the plain menu, no offers" in said
    assert "doors: holiday" in said
    assert "no card is shown to the agent" in said


async def test_candidates_and_nobody_are_said() -> None:
    candidates = (Candidate(ContactRef("demo", "5"), "Jo [bold]"),)
    several = Caller("+12025550103", Identity(IdentityOutcome.MULTIPLE, "e164", 0.5, candidates))
    said = printed(await explained(several, dialled="1"))
    assert "could be Jo [bold] (demo:5)" in said
    assert "nobody the CRM knows" in said


def test_who_calls_is_said_as_exactly_as_it_is_known() -> None:
    known = {"number": "+12025550101", "name": "", "company": None, "ref": "demo:7"}
    assert _who(known) == "+12025550101 is contact demo:7, who has no name"
    assert _who({**known, "company": "Acme"}) == "+12025550101 is Acme"
    assert _who({**known, "number": None, "ref": None}).startswith("a caller without a number")
    typed = {**known, "number": None, "name": "Maria"}
    assert _who(typed) == "a caller without a number is Maria"


SUMMARY = CallSummary(
    call_id=CallId("pbx", "1.2"),
    arrived_at=NOW,
    ended_at=NOW,
    number="+12025550101",
    contact=ContactRef("demo", "1"),
    contact_name="Maria Garcia",
    dialled="18005550100",
    queue="sales",
    answered_at=None,
    outcome=CallOutcome.ABANDONED_IN_QUEUE,
    fallback=False,
)


def detail(decision: dict[str, Any] | None, **more: Any) -> CallDetail:
    return CallDetail(
        summary=SUMMARY,
        identity_outcome="unique",
        identity_method="typed_key",
        rulebook_version="v1",
        decision=decision,
        menu_path=(KeyPress("main", "5", "match", "billing"), KeyPress("main", "", "timeout")),
        legs=(Leg("ann", "PJSIP/ann", NOW),),
        lead_id=None,
        record_id="7",
        record_state="done",
        **more,
    )


async def test_a_call_that_was_is_explained_by_what_was_kept() -> None:
    decision = (await explained(control_share=0.0))["decision"]
    decision["menus"] = {"billing": [decision["options"][0] | {"say": "For an invoice"}]}
    found = explain_call(
        detail(
            decision,
            identity_confidence=0.95,
            typed={"order_number": "4711"},
            earlier_decisions=({"rulebook_version": "v1", "decision": {"menu": "main"}},),
            callback={"queue": "sales", "number": "+12025550101"},
            routed=("voicemail", "100"),
        )
    )
    assert json.loads(json.dumps(found)) == found
    assert found["decision"] == decision
    assert found["identity"]["method"] == "typed_key"
    said = printed(found)
    for line in (
        "+12025550101 is Maria Garcia",
        "unique by typed_key, sure to 95%",
        "hears the menu main in en",
        "came to the menu billing",
        "For an invoice",
        "call pbx/1.2 of 2026-11-23T10:00:00+00:00",
        "was first decided otherwise: menu main",
        "in main pressed 5: billing",
        "in main pressed nothing: timeout",
        "typed order_number: 4711",
        "waited in the queue sales",
        "left for voicemail 100",
        "asked to be called back by sales",
        "was rung to ann",
        "abandoned in queue",
    ):
        assert line in said


async def test_a_call_without_decision_and_one_of_an_older_version() -> None:
    assert "no decision was made for this call" in printed(explain_call(detail(None)))
    decision = (await explained(STRANGER))["decision"]
    for key in ("doors", "arm", "pop", "model", "facts"):
        del decision[key]
    decision["options"] = [
        {key: option[key] for key in ("digit", "intent", "say", "reasons")}
        for option in decision["options"]
    ]
    said = printed(explain_call(detail(decision)))
    assert "For sales" in said
