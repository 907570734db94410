"""Out of the queue to be called back, or into it again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from calls.call import CallOutcome
from calls.errors import CallerHungUp
from calls.events import (
    CallbackRequested,
    CallEnded,
    CallEvent,
    CallQueued,
    CallRouted,
    QueueGivenUp,
)
from calls.ports import QueuePlace, QueueRequest
from config.rulebook_loader import load_rulebook
from ivr import queued_calls
from ivr.withdrawn import WithdrawnCalls
from tests.fakes.call_channel import A_CALL, FakeChannel
from tests.fakes.contact_directory import MARIA
from tests.fakes.dialog_house import NOON, House, dialog_house
from tests.fakes.queue_state import FakeExits
from tests.fakes.spoken_text import words

pytestmark = pytest.mark.unit

RULEBOOK = """
numbers:
  default: {menu: main, language: en}
menus:
  main:
    options:
      - {intent: sales, say: To order something, do: {queue: sales, priority: 3}}
      - {intent: annas, say: To speak with Anna, do: {queue: sales, prefer_agent: anna}}
    failure: {queue: support}
programmes:
  default: [{music_s: 5}, {callback: true}]
"""


@dataclass
class Site:
    house: House
    withdrawn: WithdrawnCalls
    exits: FakeExits

    async def waits(self, option: str = "1") -> FakeChannel:
        """A caller in the queue `sales`, at the third place, who presses the key."""
        self.house.directory.caller = MARIA
        channel = await self.house.serve(FakeChannel([option]))
        self.house.events.clear()
        self.exits.given_up[A_CALL.id] = QueuePlace(3, 60)
        return channel

    async def withdrawn_by(self, channel: FakeChannel) -> FakeChannel:
        await self.withdrawn.serve(channel)
        await self.house.bus.drain()
        return channel

    @property
    def events(self) -> list[CallEvent]:
        return self.house.events


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    (tmp_path / "all.yaml").write_text(RULEBOOK)
    async with dialog_house(load_rulebook(tmp_path).or_raise()) as house:
        exits = FakeExits()
        yield Site(house, WithdrawnCalls(house=house.calls, exits=exits), exits)


async def test_a_yes_is_a_promise_with_the_place_given_up(site: Site) -> None:
    await site.waits()
    channel = await site.withdrawn_by(FakeChannel(["1"]))
    assert channel.sent_away
    assert MARIA.number is not None
    assert site.events == [
        QueueGivenUp(A_CALL.id, NOON, queue="sales", position=3),
        CallbackRequested(A_CALL.id, NOON, number=MARIA.number, queue="sales", position=3),
        CallRouted(A_CALL.id, NOON, kind="hangup"),
    ]
    assert " ".join(words(channel.heard)).endswith("Thank you. We will call you back. Goodbye.")


@pytest.mark.parametrize("answer", ["2", "", "0"])
async def test_anything_else_leads_back_to_the_same_place(site: Site, answer: str) -> None:
    await site.waits()
    channel = await site.withdrawn_by(FakeChannel([answer]))
    assert channel.queued == QueueRequest(
        "sales", priority=3, hold_class=f"hold-{A_CALL.id.linkedid}", position=3
    )
    assert [type(event) for event in site.events] == [QueueGivenUp, CallQueued]
    # Who is back may press the key again.
    site.exits.given_up[A_CALL.id] = QueuePlace(1)
    assert (await site.withdrawn_by(FakeChannel(["1"]))).sent_away


async def test_who_is_back_does_not_wait_for_the_preferred_agent_once_more(site: Site) -> None:
    first = await site.waits("2")
    assert first.queued is not None
    assert first.queued.prefer == "anna"
    back = await site.withdrawn_by(FakeChannel(["2"]))
    assert back.queued is not None
    assert (back.queued.prefer, back.queued.position) == (None, 3)


async def test_a_number_nobody_can_call_is_not_asked_about(site: Site) -> None:
    site.house.directory.caller = replace(MARIA, number=None)
    hidden = replace(A_CALL, withheld=True)
    await site.house.serve(FakeChannel(["1"], call=hidden))
    channel = await site.withdrawn_by(FakeChannel(["1"], call=hidden))
    assert channel.asked == []
    assert channel.queued is not None
    assert (channel.queued.queue, channel.queued.position) == ("sales", None)


async def test_a_call_of_which_nothing_is_known_goes_to_the_default_queue(site: Site) -> None:
    channel = await site.withdrawn_by(FakeChannel(["1"]))
    assert channel.queued == QueueRequest("default")
    await site.waits()
    ended = CallEnded(A_CALL.id, NOON, outcome=CallOutcome.ABANDONED_IN_QUEUE)
    site.house.bus.publish(ended)
    await site.house.bus.drain()
    assert len(site.house.calls.queued) == 0


async def test_whatever_fails_the_caller_is_back_in_the_queue(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("broken by the test")

    await site.waits()
    monkeypatch.setattr(site.house.speech, "render", broken)
    channel = await site.withdrawn_by(FakeChannel(["1"]))
    assert channel.queued is not None
    assert (channel.queued.queue, channel.queued.position) == ("sales", 3)


async def test_ringing_off_ends_it_at_any_step(site: Site) -> None:
    await site.waits()
    whole = await site.withdrawn_by(FakeChannel(["1"]))
    for step in range(len(whole.commands)):
        with pytest.raises(CallerHungUp):
            await site.withdrawn.serve(FakeChannel(["1"], hang_up_at=step))


async def test_queued_calls_do_not_pile_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queued_calls, "LIMIT", 2)
    for number in range(5):
        call = replace(A_CALL, id=replace(A_CALL.id, linkedid=str(number)))
        await site.house.serve(FakeChannel(["1"], call=call))
    assert len(site.house.calls.queued) == 2
