"""The story of one call: whatever fails, the caller reaches a queue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from calls.caller import Caller, IdentityOutcome
from calls.errors import CallerHungUp, ChannelBroken
from calls.events import (
    CallerIdentified,
    CallQueued,
    DecisionMade,
    MenuPresented,
    OptionChosen,
)
from calls.ports import QueueRequest
from config.rulebook import Rulebook
from config.rulebook_loader import load_rulebook
from config.settings import CrmSettings
from ivr import deciding
from ivr.prerender import fixed_texts
from tests.fakes.call_channel import A_CALL, FakeChannel
from tests.fakes.contact_directory import MARIA, STRANGER
from tests.fakes.dialog_house import NOON, House, dialog_house
from tests.fakes.spoken_text import words

pytestmark = pytest.mark.unit

HOLD_CLASS = f"hold-{A_CALL.id.linkedid}"

RULEBOOK = """
numbers:
  "+18005550100": {menu: main, language: en, region: GB}
  default: {menu: main, language: en}
menus:
  main:
    greeting: "Welcome to Acme{% if caller.known %}, {{ caller.first_name }}{% endif %}."
    options:
      - intent: sales
        say: "To order something"
        do: {queue: sales}
      - intent: billing
        say: "For an invoice"
        do: {menu: billing}
      - intent: bye
        say: "To end this call"
        do: {hangup: true}
      - intent: agent
        digit: "0"
        say: "To speak to a person"
        do: {queue: support}
    failure: {queue: support}
  billing:
    options:
      - intent: invoice
        say: "For a copy"
        do: {queue: billing}
rules:
  route:
    - name: garcia-straight-to-sales
      when: {caller.last_name: Vip}
      then: {queue: key_accounts, priority: 10, skip_menu: true}
  hold:
    - name: known-programme
      when: {caller.known: true}
      then: {programme: known}
programmes:
  default: [{music_s: 5}]
  known: [{say: "Thank you for waiting, {{ caller.first_name }}."}, {music_s: 5}]
"""

VIP = replace(MARIA, contact=replace(MARIA.contact, last_name="Vip") if MARIA.contact else None)


@pytest.fixture
def rulebook(tmp_path: Path) -> Rulebook:
    folder = tmp_path / "rulebook"
    folder.mkdir()
    (folder / "all.yaml").write_text(RULEBOOK)
    return load_rulebook(folder).or_raise()


@pytest.fixture
async def house(rulebook: Rulebook) -> AsyncIterator[House]:
    async with dialog_house(rulebook) as house:
        yield house


async def test_a_known_caller_is_greeted_chooses_and_waits_with_a_programme(house: House) -> None:
    house.directory.caller = MARIA
    channel = await house.serve(FakeChannel(["2", "1"]))
    assert words(channel.heard)[0] == "Welcome to Acme, Maria."
    assert words(channel.heard)[-1] == "One moment, please."
    assert channel.queued == QueueRequest("billing", hold_class=HOLD_CLASS)
    assert channel.language == "en"
    assert house.directory.regions == ["GB"]
    assert [type(event) for event in house.events] == [
        CallerIdentified,
        DecisionMade,
        MenuPresented,
        OptionChosen,
        MenuPresented,
        OptionChosen,
        DecisionMade,
        CallQueued,
    ]
    first, last = (e.decision for e in house.events if isinstance(e, DecisionMade))
    assert first == replace(last, menus={})
    assert [option.digit for option in last.menus["billing"]] == ["1", "0"]
    assert house.events[-1] == CallQueued(A_CALL.id, NOON, "billing", 0, "known")
    assert house.hold.prepared[0][0].text == "Thank you for waiting, Maria."


async def test_the_route_of_a_rule_skips_the_menu(house: House) -> None:
    house.directory.caller = VIP
    channel = await house.serve(FakeChannel())
    assert channel.asked == []
    assert channel.queued is not None
    assert (channel.queued.queue, channel.queued.priority) == ("key_accounts", 10)


async def test_the_menu_may_send_the_caller_away(house: House) -> None:
    channel = await house.serve(FakeChannel(["3"]))
    assert channel.sent_away
    assert house.seen(CallQueued) == []


async def test_the_caller_is_looked_up_while_the_call_is_answered(house: House) -> None:
    channel = FakeChannel(["0"])
    channel.answering.clear()
    serving = asyncio.create_task(house.serve(channel))
    await house.until(lambda: bool(house.speech.asked))
    assert channel.commands == ["answer"]
    assert ("Welcome to Acme.", "en") in house.speech.asked
    channel.answering.set()
    assert (await serving).queued is not None


async def test_a_slow_crm_does_not_keep_the_caller_and_its_late_answer_still_counts(
    house: House,
) -> None:
    house.directory.caller = MARIA
    house.directory.gate.clear()
    channel = await house.serve(FakeChannel(["0"]))
    assert words(channel.heard)[0] == "Welcome to Acme."
    assert channel.queued is not None
    assert channel.queued.queue == "support"
    assert house.outcomes() == [(IdentityOutcome.TIMEOUT, False)]
    house.directory.gate.set()
    await house.until(lambda: len(house.outcomes()) == 2)
    assert house.outcomes()[1] == (IdentityOutcome.UNIQUE, True)
    assert house.directory.cancelled == 0


async def test_who_is_recognised_during_the_menu_waits_with_their_own_programme(
    house: House,
) -> None:
    house.directory.caller = VIP
    house.directory.gate.clear()

    class Thinking(FakeChannel):
        async def ask(self, *args: object, **kwargs: object) -> object:  # type: ignore[override]
            house.directory.gate.set()
            await house.until(lambda: len(house.outcomes()) == 2)
            return await super().ask(*args, **kwargs)  # type: ignore[arg-type]

    channel = await house.serve(Thinking(["1"]))
    assert channel.queued is not None
    assert (channel.queued.queue, channel.queued.priority) == ("sales", 10)
    decisions = [event.decision for event in house.events if isinstance(event, DecisionMade)]
    assert [decision.hold_programme for decision in decisions] == ["default", "known"]


async def test_a_crm_that_never_answers_is_asked_no_longer_than_it_is_worth(house: House) -> None:
    house.directory.gate.clear()
    house.directory.keeps_deadlines = False
    house.calls.crm = CrmSettings(lookup_deadline_s=0.02, late_deadline_s=0.05)
    channel = await house.serve(FakeChannel(["0"]))
    assert channel.queued is not None
    await house.until(lambda: house.directory.cancelled == 1)
    await house.bus.drain()
    assert house.outcomes() == [(IdentityOutcome.TIMEOUT, False)]


async def test_a_crm_that_fails_is_a_caller_not_known(house: House) -> None:
    house.directory.fault = RuntimeError("broken by the test")
    channel = await house.serve(FakeChannel(["1"]))
    assert channel.queued is not None
    assert channel.queued.queue == "sales"
    assert house.outcomes() == [(IdentityOutcome.ERROR, False)]


async def test_without_any_speech_the_caller_goes_straight_to_a_person(house: House) -> None:
    house.speech.silent = True
    channel = await house.serve(FakeChannel())
    assert channel.queued is not None
    assert channel.queued.queue == "default"
    assert channel.asked == []


async def test_without_speech_a_prepared_sentence_is_said(house: House) -> None:
    house.speech.unready = {"press", "Welcome"}
    channel = await house.serve(FakeChannel())
    assert channel.queued is not None
    assert words(channel.heard) == ["One moment, please."]


def _raise(*args: object, **kwargs: object) -> object:
    raise RuntimeError("broken by the test")


@pytest.mark.parametrize("broken", ["rulebook", "decide", "speech", "menu", "queue"])
async def test_whatever_fails_the_caller_reaches_the_default_queue(
    house: House, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    channel = FakeChannel(["1"])
    if broken == "rulebook":
        del house.rulebooks.current
    elif broken == "decide":
        monkeypatch.setattr(deciding.rules, "decide", _raise)
    elif broken == "speech":
        monkeypatch.setattr(house.speech, "render", _raise)
    elif broken == "menu":
        monkeypatch.setattr(deciding.rules.CallPlan, "menu", _raise)
    else:
        channel.refuse_queues = frozenset({"sales"})
    await house.serve(channel)
    assert channel.queued == QueueRequest("default")
    last = house.events[-1]
    assert isinstance(last, CallQueued)
    assert last.queue == "default"


async def test_when_even_the_default_queue_cannot_be_had_the_dialplan_has_the_caller(
    house: House,
) -> None:
    channel = FakeChannel(["1"])
    channel.refuse_queues = frozenset({"sales", "default"})
    with pytest.raises(ValueError, match="queue"):
        await house.calls.serve(channel)
    assert not channel.completed


@pytest.mark.parametrize("caller", [STRANGER, MARIA, VIP])
async def test_hanging_up_or_breaking_at_any_step_ends_the_dialog_and_nothing_else(
    house: House, caller: Caller
) -> None:
    house.directory.caller = caller
    whole = await house.serve(FakeChannel(["9", "2", "1"]))
    for step in range(len(whole.commands)):
        with pytest.raises(CallerHungUp):
            await house.serve(FakeChannel(["9", "2", "1"], hang_up_at=step))
        with pytest.raises(ChannelBroken):
            await house.serve(FakeChannel(["9", "2", "1"], break_at=step))
    await house.until(lambda: len(house.outcomes()) == 1 + 2 * len(whole.commands))


async def test_a_cancelled_dialog_leaves_its_question_to_the_crm_alone(house: House) -> None:
    house.directory.caller = MARIA
    house.directory.gate.clear()
    channel = FakeChannel()
    channel.answering.clear()
    serving = asyncio.create_task(house.calls.serve(channel))
    await house.until(lambda: bool(channel.commands))
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    house.directory.gate.set()
    await house.until(lambda: house.outcomes() == [(IdentityOutcome.UNIQUE, False)])


async def test_the_version_at_the_start_of_a_call_holds_to_its_end(
    house: House, rulebook: Rulebook
) -> None:
    class Publishing(FakeChannel):
        async def answer(self) -> None:
            house.rulebooks.current = replace(rulebook, version="new", menus={})
            await super().answer()

    channel = await house.serve(Publishing(["2", "1"]))
    assert channel.queued is not None
    assert channel.queued.queue == "billing"
    decided = [event for event in house.events if isinstance(event, DecisionMade)]
    assert {event.decision.rulebook_version for event in decided} == {rulebook.version}


async def test_what_a_stranger_hears_is_what_was_rendered_ahead(
    house: House, rulebook: Rulebook
) -> None:
    ahead = {text for text, language in fixed_texts(rulebook) if language == "en"}
    channel = await house.serve(FakeChannel(["9", "2", "", "1"]))
    assert set(words(channel.heard)) <= ahead
    house.directory.caller = MARIA
    channel = await house.serve(FakeChannel(["9", "2", "", "1"]))
    assert set(words(channel.heard)) - ahead == {"Welcome to Acme, Maria."}
