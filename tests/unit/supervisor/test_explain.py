"""`explain` says what a call would do, by the same code, and what a call did."""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from calls.call import CallId, CallOutcome, KeyPress
from calls.call_moment import CallMoment
from calls.caller import Caller, Candidate, ContactRef, Identity, IdentityOutcome
from calls.deadlines import Deadline
from calls.follow_up import LeadPolicy
from calls.offers import CallerMemory, Propensities
from calls.records import Leg
from config.actions import HangUp, Record, SayText, ToMenu, ToVoicemail
from config.opening_hours import OpeningHours
from config.rulebook import HoldEntry, RouteTo, Rulebook, SetPop
from crm_adapter.call_history import CallDetail, CallSummary
from supervisor.decided_anew import decisions_of
from supervisor.explain import explain, explain_call, render
from supervisor.explained import _who
from supervisor.explained_words import identity_in_words, in_short, sets_among, share
from supervisor.given import WronglyGiven, read_given
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
    numbers={
        "18005550100": number(key="+18005550100", lead=LeadPolicy("on_answer")),
        "default": number(),
    },
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

    def propensities_of(
        self, caller: Caller, memory: CallerMemory, moment: CallMoment
    ) -> Propensities:
        likely = {("main", "billing"): 0.7} if memory.digits else {}
        models = {"intents": "20261128-023000-0123abcd"}
        return Propensities(likely, {"WARRANTY": 0.25}, model="choices-1", models=models)


async def explained(caller: Caller = MARIA, **more: Any) -> dict[str, Any]:
    parts = {"dialled": None, "rulebooks": RULEBOOKS, "now": NOW, "scorer": Memories(), **more}
    directory = FakeDirectory(caller)
    found = await explain("+12025550101", directory=directory, memories=Memories(), **parts)
    assert directory.regions == ["US"]
    return found


def printed(found: dict[str, Any], *, width: int = 160) -> str:
    console = Console(file=io.StringIO(), width=width)
    render(found, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


async def test_the_shape_of_the_json() -> None:
    found = await explained(control_share=0.0)
    assert json.loads(json.dumps(found)) == found
    keys = {"identity", "caller", "rulebook_version", "dialled", "entry", "tried", "decision"}
    assert found.keys() == keys | {"way"}
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
        "recognised by the number, sure to 100%",
        "having dialled +18005550100 goes to menu main",
        "hears the menu main in en",
        "“Welcome, Maria.”",
        "probabilities by choices-1 (intents 20261128-023000-0123abcd)",
        "wanted: how likely this caller chooses it; takes: how long it is to listen to",
        "wanted: how likely this caller buys it",
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
    shop = replace(SHOP, numbers={"default": number(lead=LeadPolicy("never"))})
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
    assert "is the number of several people" in said


def test_who_calls_is_said_as_exactly_as_it_is_known() -> None:
    known = {"number": "+12025550101", "name": "", "company": None, "ref": "demo:7"}
    assert _who(known, "unique") == "+12025550101 is contact demo:7, who has no name"
    assert _who({**known, "company": "Acme"}, "unique") == "+12025550101 is Acme"
    assert _who({**known, "number": None, "ref": None}, "withheld").startswith(
        "a caller without a number"
    )
    typed = {**known, "number": None, "name": "Maria"}
    assert _who(typed, "unique") == "a caller without a number is Maria"


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
        "recognised by what they typed, sure to 95%",
        "hears the menu main in en",
        "came to the menu billing",
        "For an invoice",
        "call pbx/1.2 of 2026-11-23T10:00:00+00:00",
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
    for key in ("doors", "arm", "pop", "model", "models", "facts"):
        del decision[key]
    decision["options"] = [
        {key: option[key] for key in ("digit", "intent", "say", "reasons")}
        for option in decision["options"]
    ]
    said = printed(explain_call(detail(decision)))
    assert "For sales" in said


def made(decision: dict[str, Any], after_s: float, **changed: Any) -> dict[str, Any]:
    at = NOW + timedelta(seconds=after_s)
    return decision | changed | {"at": at.isoformat()}


@pytest.mark.parametrize("left_s", [8, 11])
async def test_the_menu_that_was_heard_is_shown_and_what_changed_after_it(left_s: float) -> None:
    stranger = (await explained(STRANGER))["decision"]
    maria = (await explained(control_share=0.0))["decision"]
    apology = [{"kind": "say", "text": "We are sorry.", "seconds": None, "offer": None}]
    late = made(maria, 9, hold_programme="apology", hold=apology)
    found = explain_call(
        detail(
            late | {"menus": {"billing": [maria["options"][0] | {"say": "For an invoice"}]}},
            earlier_decisions=({"rulebook_version": "v0", "decision": made(stranger, 1)},),
            choices_at=(NOW + timedelta(seconds=6), NOW + timedelta(seconds=left_s)),
            queued_at=NOW + timedelta(seconds=12),
        )
    )
    assert json.loads(json.dumps(found)) == found
    assert found["decision"]["greeting"] == "Welcome."
    assert found["rulebook_version"] == "v0"
    assert found["call"]["later_decisions"][0]["decision"]["greeting"] == "Welcome, Maria."
    said = printed(found)
    assert "“Welcome.”" in said
    assert "“Welcome, Maria.”" not in said
    assert "For an invoice" in said
    [line] = [one for one in said.splitlines() if "decided anew" in one]
    assert line.startswith("  decided anew at 10:00:09 UTC: ")
    # Only who is still in a menu can hear another one.
    assert ("the menu main, where heard from then on, is: 5 billing" in line) == (left_s > 9)
    assert "waits with the programme apology" in " ".join(said.split())


async def test_what_changed_nothing_for_anybody_is_not_told() -> None:
    decision = (await explained(control_share=0.0))["decision"]
    last = made(decision, 9, model="choices-2", facts=decision["facts"] | {"call.hour": 11})
    earlier = {"rulebook_version": "v1", "decision": made(decision, 1)}
    for moments in ({"choices_at": (NOW + timedelta(seconds=6),)}, {"queued_at": NOW}, {}):
        said = printed(explain_call(detail(last, earlier_decisions=(earlier,), **moments)))
        assert "decided" not in said


async def test_what_was_decided_before_the_menu_is_told_as_such() -> None:
    decision = (await explained(control_share=0.0))["decision"]
    route = decision["route"] | {"kind": "queue", "target": "vips", "priority": 9, "rule": "vip"}
    last = made(decision, 5, route=route, pop={"shown": False, "note": None}, lead="never")
    earlier = {"rulebook_version": "v1", "decision": made(decision, 1, offers=[])}
    chosen = NOW + timedelta(seconds=6)
    found = explain_call(detail(last, earlier_decisions=(earlier,), choices_at=(chosen,)))
    assert found["decision"]["lead"] == "never"
    said = printed(found)
    assert (
        "first decided at 10:00:01 UTC otherwise; before the above: goes to queue vips by the rule"
        in said
    )
    assert "makes the offer warranty; no card is shown to the agent" in " ".join(said.split())


async def test_of_decisions_without_a_time_the_first_was_heard() -> None:
    stranger = (await explained(STRANGER))["decision"]
    of_old = {"rulebook_version": "v0", "decision": stranger}
    last = (await explained(control_share=0.0))["decision"]
    found = detail(last, earlier_decisions=(of_old,), choices_at=(NOW,))
    assert decisions_of(found).heard == of_old
    assert "  decided anew: " in printed(explain_call(found))
    assert decisions_of(detail(None)).heard is None


HOURS = OpeningHours("shop", ZoneInfo("America/New_York"), {})
MESSAGE = Record("message", text("Leave a message."), then=ToMenu("main"), max_s=90)
BYE = SayText(text("We are closed."), then=SayText(text("Goodbye."), then=HangUp()))


@pytest.mark.parametrize(
    ("closed", "lines"),
    [
        (BYE, ["  “We are closed.”", "  “Goodbye.”", "then we hang up"]),
        (ToVoicemail("100"), ["having dialled 18005550100 goes to voicemail 100"]),
        (
            SayText(text("Closed."), then=MESSAGE),
            [
                "  “Closed.”",
                "  “Leave a message.”",
                "then a message is recorded, of up to 90 s",
                "then hears the menu main",
                "  “Welcome.”",
            ],
        ),
        (
            SayText(text("Closed."), then=ToMenu("main")),
            ["  “Closed.”", "hears the menu main in en", "  “Welcome.”"],
        ),
    ],
)
async def test_closed_doors_are_heard_to_their_end(closed: Any, lines: list[str]) -> None:
    listed = number(key="+18005550100", hours="shop", closed=closed)
    shop = replace(
        SHOP, numbers={"18005550100": listed, "default": number()}, hours={"shop": HOURS}
    )
    found = await explained(STRANGER, rulebooks=OneRulebook(shop), dialled="18005550100")
    assert json.loads(json.dumps(found)) == found
    said = printed(found).splitlines()
    places = [said.index(line) for line in lines]
    assert places == sorted(places)
    is_at_an_end = closed in (BYE, ToVoicemail("100"))
    assert ("waits with the programme default" not in said) == is_at_an_end


async def test_a_moment_and_facts_can_be_supposed() -> None:
    clock = ZoneInfo("America/New_York")
    shop = replace(SHOP, numbers={"default": number(timezone=clock)})
    facts = ["caller.tier=vip", "caller.known=true", "caller.owns=[b, a]", "propensity=0.0123"]
    given = read_given(shop, None, "2026-12-24T10:00", facts)
    found = await explained(STRANGER, rulebooks=OneRulebook(shop), dialled="7", given=given)
    assert json.loads(json.dumps(found)) == found
    assert found["tried"]["at"] == "2026-12-24T10:00:00-05:00"
    said = printed(found)
    for line in (
        "tried at 2026-12-24T10:00:00-05:00",
        "tried with caller.known=true",
        "tried with caller.owns=a, b",
        "having dialled 7 (not listed: the entry `default` is used) goes to menu main",
        "caller.tier is vip",
        "1.2%",
    ):
        assert line in said


@pytest.mark.parametrize(
    ("at", "fact", "sentence"),
    [
        ("soon", "caller.tier=vip", "--at is written like"),
        (None, "caller.tier", "--fact is written like caller.tier=vip"),
        (None, "caller.teir=vip", "did you mean 'caller.tier'"),
        (None, "caller.tier=vipp", "did you mean 'vip'"),
        (None, "call.hour=[", "call.hour"),
        (None, "caller.balance=12", "12.50 EUR"),
    ],
)
def test_what_cannot_be_supposed_is_a_sentence(at: str | None, fact: str, sentence: str) -> None:
    with pytest.raises(WronglyGiven, match=re.escape(sentence)):
        read_given(SHOP, None, at, [fact])


def test_digits_are_a_text_where_a_text_is_meant() -> None:
    assert read_given(SHOP, None, None, ["caller.last_order.number=0471"]).facts == {
        "caller.last_order.number": "0471"
    }


@pytest.mark.parametrize(
    ("outcome", "method", "words"),
    [
        ("none", "e164", "nobody in the CRM has this number"),
        ("none", "unreadable", "not a number that can be called: not looked up"),
        ("none", "nothing", "not looked up"),
        ("withheld", "withheld", "the number is withheld"),
        ("internal", "internal", "an extension of the house: not looked up"),
    ],
)
def test_an_identity_is_said_plainly(outcome: str, method: str, words: str) -> None:
    identity = {"outcome": outcome, "method": method, "confidence": 1.0}
    assert identity_in_words(identity) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, ""), (1.0, "100%"), (0.456, "46%"), (0.01234, "1.2%"), (0.000551, "0.055%"), (0, "0%")],
)
def test_shares_have_two_digits_that_count(value: float | None, words: str) -> None:
    assert share(value) == words


def test_a_list_of_codes_is_not_said_again_for_each_of_them() -> None:
    sets = sets_among({"caller.owns": ["a", "b"], "call.hour": 7})
    reason = "caller.owns is a, b, not with x and caller.owns is a, b, with a and call.hour is 7"
    short = "caller.owns without x and caller.owns with a and call.hour is 7"
    assert in_short(reason, sets) == short


async def test_a_narrow_terminal_keeps_the_reasons_readable() -> None:
    plain = replace(SHOP, numbers={"default": number()}, offers={})
    found = await explained(STRANGER, rulebooks=OneRulebook(plain), scorer=None)
    for each in found["decision"]["options"]:
        each |= {
            "probability": None,
            "seconds": None,
            "reasons": ["because of " + "reasons " * 9],
        }
    said = printed(found, width=60).splitlines()
    [header] = [line for line in said if line.split()[:2] == ["key", "intent"]]
    assert header.split() == ["key", "intent", "says", "because"]
    assert all(len(line) <= 60 for line in said)
    assert "takes" not in "".join(said)
    assert sum("reasons reasons" in line for line in said) >= 3 * 2
