"""Whole calls through a rulebook that asks, offers, records and sends away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from calls.call import CallOutcome
from calls.call_moment import CallMoment
from calls.caller import Caller, ContactRef, Identity, IdentityOutcome
from calls.errors import CallerHungUp, Unavailable
from calls.events import (
    CallbackRequested,
    CallEnded,
    CallerIdentified,
    CallQueued,
    CallRouted,
    DecisionMade,
    FieldCollected,
    MenuPresented,
    OfferMet,
)
from calls.offers import CallerMemory, OfferAnswer, OfferHistory, OfferPlace, Propensities
from calls.ports import QueueRequest
from config.rulebook import Rulebook
from config.rulebook_loader import load_rulebook
from config.surroundings import Surroundings
from ivr.dialog import Dialog
from tests.fakes.call_channel import A_CALL, FakeChannel, Press
from tests.fakes.contact_directory import MARIA, STRANGER
from tests.fakes.dialog_house import NOON, House, dialog_house
from tests.fakes.spoken_text import words

pytestmark = pytest.mark.unit

RULEBOOK = """
numbers:
  default: {menu: main, language: en}
  "+18005550199": {menu: main, language: en, hours: shop, closed: {voicemail: "100@sales"}}
hours:
  shop: {week: {mon-sun: "00:00-00:01"}}
menus:
  main:
    greeting: "Welcome{% if caller.known %}, {{ caller.first_name }}{% endif %}."
    direct_dial: true
    options:
      - {intent: sales, say: "To order", do: {queue: sales, prefer_agent: last, prefer_s: 15}}
      - intent: order
        say: "For your order"
        do:
          collect: order_number
          say: "Please type your order number."
          digits: 4
          invalid: "That is no order of ours."
          tries: 2
          then: {say: "Thank you, {{ caller.first_name }}.", then: {menu: mine}}
          failure: {queue: support}
      - offer_slot: 1
      - {intent: outside, say: "For the warehouse", digit: "7", do: {transfer: warehouse}}
      - intent: callback
        say: "To be called back"
        digit: "8"
        do: {callback: sales, say: "We can call you back."}
      - intent: stock
        say: "For our stock"
        digit: "6"
        do:
          webhook: stock
          then: {say: "There are {{ answers.stock.pieces }} pieces.", then: {hangup: true}}
          failure: {queue: sales}
      - {intent: agent, digit: "0", say: "For a person", do: {queue: support}}
  mine:
    greeting: "Your orders."
    options:
      - intent: balance
        say: "For your balance"
        do:
          pin: "Please type your code."
          tries: 2
          invalid: "That was wrong."
          then: {menu: secret}
          failure: {queue: support}
      - {intent: peek, say: "To peek", digit: "8", do: {menu: secret}}
      - {intent: back, say: "To go back", digit: "9", do: {back: true}}
  secret:
    options:
      - {intent: other, say: "For another order", digit: "9", do: {menu: main}}
      - {intent: more, say: "For more", when: {caller.pin_ok: true}, do: {queue: vault}}
skills:
  german: {max_penalty: 1}
rules:
  route:
    - name: vip
      when: {caller.last_name: Vip}
      then: {queue: key_accounts, priority: 10, prefer_agent: anna, skills: [german]}
  hold:
    - {name: known, when: {caller.known: true}, then: {programme: known}}
  pop:
    - {name: proven, when: {caller.pin_ok: true}, then: {shown: true, note: "Typed the code."}}
programmes:
  default: [{music_s: 5}]
  known: [{music_s: 5}, {offer: true}]
webhooks:
  stock: {url: "https://api.example.com/stock", deadline_s: 2, answers: {pieces: whole}}
offers:
  warranty:
    product: W3
    menu: "To protect it"
    hold: "Did you know of our protection?"
    cap: {heard: 2, per_days: 30}
  insurance:
    product: I1
    menu: "To insure it"
    hold: "Did you know of our insurance?"
    cap: {heard: 2, per_days: 30}
    value: 0.5
"""
AROUND = Surroundings(
    transfer_targets=frozenset({"warehouse"}),
    direct_dial=("2XX",),
    webhook_hosts=frozenset({"api.example.com"}),
)
ANNA = Caller(
    number="+12025550101",
    identity=Identity(IdentityOutcome.UNIQUE, "typed_key", 1.0),
    contact=replace(MARIA.contact, ref=ContactRef("demo", "2"), first_name="Anna")
    if MARIA.contact
    else None,
)
assert MARIA.contact is not None
assert ANNA.contact is not None
MARIAS, ANNAS = MARIA.contact.ref, ANNA.contact.ref


@pytest.fixture(scope="module")
def rulebook(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    folder = tmp_path_factory.mktemp("rulebook")
    (folder / "all.yaml").write_text(RULEBOOK)
    return load_rulebook(folder, around=AROUND).or_raise()


@pytest.fixture
async def house(rulebook: Rulebook) -> AsyncIterator[House]:
    async with dialog_house(rulebook) as house:
        house.directory.typed = {("order_number", "4711"): ANNA}
        house.pins.pins = {ANNAS: "2580"}
        house.webhooks.answers = {"stock": {"pieces": 3, "secret": "no", "shop": 1}}
        yield house


def offers_met(house: House) -> list[tuple[str, OfferAnswer]]:
    return [(e.offer, e.answer) for e in house.events if isinstance(e, OfferMet)]


def hold_kinds(house: House) -> list[str]:
    return [entry.kind for entry in house.hold.prepared[-1]]


async def test_memory_and_propensities_reach_the_decision(house: House) -> None:
    house.directory.caller = MARIA
    memory = CallerMemory(digits={("main", "sales"): "5"}, last_agent="bob")
    house.memories.known[MARIAS] = memory
    house.scorer.propensities = Propensities(model="test")
    channel = await house.serve(FakeChannel(["5"]))
    assert house.scorer.asked == [(MARIA, memory)]
    # Of the number no more than its area.
    arrived = A_CALL.arrived_at.astimezone()
    assert house.scorer.moments == [CallMoment(arrived, A_CALL.dialled, "+1 202")]
    [decided] = [e for e in house.events if isinstance(e, DecisionMade)]
    assert decided.decision.model == "test"
    assert channel.queued is not None
    assert (channel.queued.queue, channel.queued.prefer, channel.queued.prefer_s) == (
        "sales",
        "bob",
        15,
    )
    assert house.events[-1] == CallQueued(
        A_CALL.id, NOON, "sales", hold_programme="known", prefer="bob"
    )


async def test_no_memory_in_time_is_no_memory_and_nobody_is_preferred(house: House) -> None:
    house.directory.caller = MARIA
    house.memories.known[MARIAS] = CallerMemory(last_agent="bob")
    house.memories.gate.clear()
    channel = await house.serve(FakeChannel(["1"]))
    assert words(channel.heard)[0] == "Welcome, Maria."
    assert channel.queued == QueueRequest("sales", hold_class=f"hold-{A_CALL.id.linkedid}")


async def test_the_agent_and_priority_of_a_route_rule_hold_for_its_queue(house: House) -> None:
    vip = replace(MARIA, contact=replace(MARIA.contact, last_name="Vip"))  # type: ignore[type-var]
    house.directory.caller = vip
    channel = await house.serve(FakeChannel(["0"]))
    assert channel.queued is not None
    assert (channel.queued.queue, channel.queued.priority, channel.queued.prefer) == (
        "key_accounts",
        10,
        "anna",
    )


async def test_who_asks_for_a_person_outside_of_menus_has_all_of_the_rules_queue(
    house: House,
) -> None:
    vip = replace(MARIA, contact=replace(MARIA.contact, last_name="Vip"))  # type: ignore[type-var]
    house.directory.caller = vip
    house.speech.silent = True  # no menu can be spoken: a person is next
    channel = await house.serve(FakeChannel([]))
    assert channel.queued is not None
    assert (channel.queued.queue, channel.queued.priority) == ("key_accounts", 10)
    assert (channel.queued.prefer, channel.queued.max_penalty) == ("anna", 1)


@pytest.mark.parametrize("part", ["prepare", "connecting"])
async def test_what_fails_after_the_dialog_keeps_nobody_from_their_queue(
    house: House, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("broken by the test")

    house.directory.caller = MARIA
    if part == "prepare":
        monkeypatch.setattr(house.hold, "prepare", broken)
    else:
        monkeypatch.setattr(Dialog, "say_if_ready", broken)
    channel = await house.serve(FakeChannel(["1"]))
    assert channel.queued == QueueRequest("sales")


async def test_an_offer_is_claimed_before_the_menu_and_told_of_once(house: House) -> None:
    house.directory.caller = MARIA
    channel = await house.serve(FakeChannel(["2", "4711", "9", "0"]))
    assert house.ledger.claims[0] == (MARIAS, "warranty")
    assert "To protect it, press 3." in words(channel.asked[0] + tuple(channel.heard))
    assert offers_met(house)[0] == ("warranty", OfferAnswer.HEARD)
    assert offers_met(house).count(("warranty", OfferAnswer.HEARD)) == 1
    assert [e.place for e in house.events if isinstance(e, OfferMet)] == [OfferPlace.MENU]


async def test_an_offer_heard_in_the_menu_is_not_made_on_hold(house: House) -> None:
    house.directory.caller = MARIA
    await house.serve(FakeChannel(["0"]))
    assert offers_met(house) == [("warranty", OfferAnswer.HEARD)]
    assert hold_kinds(house) == ["music"]


async def test_an_offer_not_heard_in_the_menu_waits_for_the_hold(house: House) -> None:
    house.directory.caller = MARIA
    await house.serve(FakeChannel([Press("0", during="Welcome")]))
    assert offers_met(house) == []
    assert hold_kinds(house) == ["music", "offer"]


async def test_what_the_ledger_refuses_is_not_offered_and_says_why(house: House) -> None:
    house.directory.caller = MARIA
    house.ledger.refused = {"warranty": "heard often enough"}
    await house.serve(FakeChannel([Press("0", during="Welcome")]))
    assert house.ledger.claims == [(MARIAS, "warranty"), (MARIAS, "insurance")]
    decisions = [e.decision for e in house.events if isinstance(e, DecisionMade)]
    [considered] = [decision.offers for decision in decisions]
    assert [(o.offer, o.chosen) for o in considered] == [("warranty", False), ("insurance", True)]
    assert considered[0].reasons == ("heard often enough",)


@pytest.mark.parametrize("how", ["away", "slow", "refuses"])
async def test_without_the_ledger_nothing_is_offered_and_nobody_waits_for_it(
    house: House, how: str
) -> None:
    house.directory.caller = MARIA
    house.ledger.slow = how == "slow"
    house.ledger.fault = Unavailable("away") if how == "away" else None
    house.ledger.refused = dict.fromkeys(("warranty", "insurance"), "no")
    async with asyncio.timeout(30):
        channel = await house.serve(FakeChannel(["0"]))
    assert channel.queued is not None
    assert "To protect it, press 3." not in words(channel.heard)
    assert hold_kinds(house) == ["music"]


async def test_strangers_hear_no_offer(house: House) -> None:
    await house.serve(FakeChannel(["0"]))
    assert house.ledger.claims == []
    assert offers_met(house) == []


async def test_who_types_their_order_number_is_known_from_then_on(house: House) -> None:
    house.directory.caller = STRANGER
    house.memories.known[ANNAS] = CallerMemory(last_agent="bob")
    channel = await house.serve(FakeChannel(["2", "4711", "9", "1"]))
    assert words(channel.asked[2])[0] == "Thank you, Anna."
    identified = [e for e in house.events if isinstance(e, CallerIdentified)]
    assert [(e.caller, e.late) for e in identified] == [(STRANGER, False), (ANNA, False)]
    collected = [e for e in house.events if isinstance(e, FieldCollected)]
    assert collected == [FieldCollected(A_CALL.id, NOON, field="order_number", digits="4711")]
    decisions = [e.decision for e in house.events if isinstance(e, DecisionMade)]
    assert [decision.hold_programme for decision in decisions] == ["default", "known", "known"]
    assert [list(decision.menus) for decision in decisions] == [[], [], ["mine"]]
    assert house.ledger.claims == [(ANNAS, "warranty")]
    assert channel.queued is not None
    assert channel.queued.prefer == "bob"


async def test_what_was_true_of_one_caller_is_not_of_the_next(house: House) -> None:
    house.directory.typed["order_number", "1234"] = MARIA
    house.pins.pins = {MARIAS: "1111"}
    marias = ["2", "1234", "1", "1111#", "9"]
    same = await house.serve(FakeChannel([*marias, "2", "1234", "8", "1"]))
    other = await house.serve(FakeChannel([*marias, "2", "4711", "8", "1", "0"]))
    assert same.queued is not None
    assert other.queued is not None
    assert (same.queued.queue, other.queued.queue) == ("vault", "default")


async def test_a_typed_key_outranks_a_late_answer_by_the_number(house: House) -> None:
    house.directory.caller = MARIA
    by_number = house.directory.gate

    real_typed = house.directory.identify_typed

    async def typed_at_once(*args: object, **kwargs: object) -> Caller | None:
        by_number.set()
        found = await real_typed(*args, **kwargs)  # type: ignore[arg-type]
        by_number.clear()
        return found

    by_number.clear()
    house.directory.identify_typed = typed_at_once  # type: ignore[method-assign]
    channel = await house.serve(FakeChannel(["2", "4711", "0"]))
    by_number.set()
    await asyncio.sleep(0)
    await house.bus.drain()
    identified = [e.caller for e in house.events if isinstance(e, CallerIdentified)]
    assert identified[-1] == ANNA
    assert channel.queued is not None


async def test_who_is_recognised_while_waiting_hears_their_own_programme_from_then_on(
    house: House,
) -> None:
    house.directory.caller = MARIA
    house.directory.gate.clear()
    channel = await house.serve(FakeChannel(["0"]))
    assert channel.queued is not None
    assert hold_kinds(house) == ["music"]
    house.directory.gate.set()
    await house.until(lambda: bool(house.hold.replanned))
    assert [entry.kind for entry in house.hold.replanned[0]] == ["music", "offer"]


@pytest.mark.parametrize(("misses", "made_anew"), [(0, []), (1, ["insurance"]), (2, ["warranty"])])
async def test_what_earlier_calls_left_behind_is_read_once_more_for_who_waits(
    house: House, misses: int, made_anew: list[str]
) -> None:
    house.directory.caller = MARIA
    refused = {"warranty": OfferHistory(refused_days_ago=1.0)}
    house.memories.known[MARIAS] = CallerMemory(offers=refused)
    house.memories.misses = misses
    await house.serve(FakeChannel([Press("0", during="Welcome")]))
    await house.until(
        lambda: not [t for t in asyncio.all_tasks() if t.get_name().startswith("late:")]
    )
    offered = [entry.offer for entry in house.hold.prepared[-1] if entry.offer]
    assert offered == (["warranty"] if misses else ["insurance"])
    assert [entry.offer for plan in house.hold.replanned for entry in plan if entry.offer] == (
        made_anew
    )


async def test_who_has_gone_by_then_claims_no_offer(house: House) -> None:
    house.directory.caller = MARIA
    house.directory.gate.clear()
    await house.serve(FakeChannel(["0"]))
    house.bus.publish(CallEnded(A_CALL.id, NOON, CallOutcome.ABANDONED_IN_QUEUE))
    await house.bus.drain()
    house.directory.gate.set()
    await house.until(
        lambda: not [t for t in asyncio.all_tasks() if t.get_name().startswith("late:")]
    )
    assert house.ledger.claims == []


async def test_a_pin_opens_what_the_rulebook_keeps_behind_it(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    channel = await house.serve(FakeChannel(["2", "4711", "1", "1111#", "2580#", "1"]))
    assert channel.queued is not None
    assert channel.queued.queue == "vault"
    assert "2580" not in caplog.text + repr(house.events)
    assert "1111" not in caplog.text + repr(house.events)


async def test_what_came_up_in_the_dialog_is_told_also_of_who_rings_off(house: House) -> None:
    house.directory.caller = MARIA
    whole = await house.serve(FakeChannel(["2", "4711", "1", "2580#"]))
    last = max(n for n, command in enumerate(whole.commands) if command == "ask")
    house.events.clear()
    with pytest.raises(CallerHungUp):
        await house.serve(FakeChannel(["2", "4711", "1", "2580#"], hang_up_at=last))
    await house.bus.drain()
    decisions = [e.decision for e in house.events if isinstance(e, DecisionMade)]
    assert [decision.pop.note for decision in decisions[-2:]] == [None, "Typed the code."]


@pytest.mark.parametrize(
    ("fault", "queue"), [(Unavailable("away"), "support"), (RuntimeError("pin 2580"), "default")]
)
async def test_a_pin_that_cannot_be_checked_opens_nothing_and_is_not_told(
    house: House, caplog: pytest.LogCaptureFixture, fault: Exception, queue: str
) -> None:
    caplog.set_level(logging.DEBUG)
    house.pins.fault = fault
    channel = await house.serve(FakeChannel(["2", "4711", "1", "2580#", "2580#"]))
    assert channel.queued is not None
    assert channel.queued.queue == queue
    assert "2580" not in caplog.text


async def test_a_webhook_is_told_of_the_call_and_only_what_is_declared_comes_back(
    house: House,
) -> None:
    house.directory.caller = MARIA
    channel = await house.serve(FakeChannel(["6"]))
    assert house.webhooks.asked == [
        (
            "stock",
            "https://api.example.com/stock",
            {
                "call": str(A_CALL.id),
                "dialled": A_CALL.dialled,
                "number": MARIA.number,
                "typed": {},
                "contact": "demo:1",
            },
        )
    ]
    assert words(channel.heard)[-1] == "There are three pieces."
    assert channel.sent_away
    assert house.events[-1] == CallRouted(A_CALL.id, NOON, kind="hangup")


async def test_a_webhook_that_is_away_is_a_failure(house: House) -> None:
    house.webhooks.answers = {}
    channel = await house.serve(FakeChannel(["6"]))
    assert channel.queued is not None
    assert channel.queued.queue == "sales"


async def test_a_call_back_at_the_callers_own_number(house: House) -> None:
    house.directory.caller = STRANGER
    channel = await house.serve(FakeChannel(["8", "1"]))
    assert house.seen(CallbackRequested) == [
        CallbackRequested(A_CALL.id, NOON, number="+12025550150", queue="sales")
    ]
    assert words(channel.heard)[-1] == "Goodbye."
    assert channel.sent_away


@pytest.mark.parametrize(
    "caller",
    [
        replace(STRANGER, number=None),
        replace(STRANGER, identity=Identity(IdentityOutcome.OWN, "own", 0.0)),
        "withheld",
    ],
)
async def test_nobody_is_called_back_at_a_number_that_is_not_theirs(
    house: House, caller: Caller | str
) -> None:
    call = replace(A_CALL, withheld=caller == "withheld")
    house.directory.caller = caller if isinstance(caller, Caller) else STRANGER
    channel = await house.serve(FakeChannel(["8", "1"], call=call))
    assert house.seen(CallbackRequested) == []
    assert channel.queued is not None


async def test_a_typed_key_makes_no_number_of_ours_one_to_call_back(house: House) -> None:
    house.directory.caller = replace(STRANGER, identity=Identity(IdentityOutcome.OWN, "own", 0.0))
    await house.serve(FakeChannel(["2", "4711", "9", "8", "1"]))
    assert house.seen(CallbackRequested) == []


async def test_a_closed_number_ends_in_its_mailbox(house: House) -> None:
    channel = await house.serve(FakeChannel(call=replace(A_CALL, dialled="+18005550199")))
    assert channel.mailbox == "100@sales"
    assert house.events[-1] == CallRouted(A_CALL.id, NOON, kind="voicemail", target="100@sales")
    assert house.seen(CallQueued, MenuPresented) == []


@pytest.mark.parametrize(("press", "target"), [("7", "warehouse"), ("215", "215")])
async def test_a_transfer_leaves_for_a_target_of_the_administrator(
    house: House, press: str, target: str
) -> None:
    channel = await house.serve(FakeChannel([press]))
    assert channel.target == target
    assert house.events[-1] == CallRouted(A_CALL.id, NOON, kind="transfer", target=target)


LONG = ["2", "9999", "4711", "1", "1111#", "2580#", "1"]


async def test_hanging_up_at_any_step_leaves_nothing_behind(house: House) -> None:
    house.directory.caller = MARIA
    whole = await house.serve(FakeChannel(LONG))
    for step in range(len(whole.commands)):
        house.events.clear()
        with pytest.raises(CallerHungUp):
            await house.serve(FakeChannel(LONG, hang_up_at=step))
        await house.bus.drain()
        told = len(house.events)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await house.bus.drain()
        assert len(house.events) == told or step == 0  # the CRM may answer after an early hang-up
        names = {task.get_name() for task in asyncio.all_tasks()}
        assert not [name for name in names if name.startswith(("during:", "decide:", "late:"))]
