"""The order of a hold programme, whatever is asked for twice and whenever it is replanned."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.decision import HoldEntryPlanned
from ivr.hold_entries import ENTRIES_LIMIT, MUSIC_S, Music, Spoken, list_of, programme_of
from ivr.hold_turns import TurnOrder

pytestmark = pytest.mark.unit

MUSIC = st.builds(HoldEntryPlanned, st.just("music"), seconds=st.integers(1, 60).map(float))
MESSAGE = st.builds(
    HoldEntryPlanned,
    st.sampled_from(["say", "offer", "position", "callback"]),
    text=st.text(max_size=3),
)
ENTRIES = st.lists(st.one_of(MUSIC, MESSAGE), max_size=ENTRIES_LIMIT).map(tuple)
WITH_MESSAGES = ENTRIES.filter(lambda entries: any(e.kind != "music" for e in entries))


def messages_of(entries: tuple[HoldEntryPlanned, ...]) -> list[HoldEntryPlanned]:
    return [entry for entry in entries if entry.kind != "music"]


def numbers_of(entries: tuple[HoldEntryPlanned, ...]) -> list[int]:
    return [one.number for one in list_of(programme_of(entries)) if isinstance(one, Spoken)]


@given(WITH_MESSAGES, st.data())
def test_messages_are_heard_in_the_written_order_each_once_a_round(
    entries: tuple[HoldEntryPlanned, ...], data: st.DataObject
) -> None:
    programme = programme_of(entries)
    order, heard = TurnOrder(programme), []
    numbers = itertools.cycle(numbers_of(entries))
    for _ in range(2 * len(programme.turns)):
        number = next(numbers)
        turn, newly = order.reached(number)
        assert newly
        heard += turn.messages
        for _ in range(data.draw(st.integers(0, 2))):
            assert order.reached(number) == (turn, False)
    assert heard == messages_of(entries) * 2


@given(WITH_MESSAGES, WITH_MESSAGES, st.integers(0, 20), st.integers(0, 20))
def test_a_new_programme_is_heard_from_its_first_message_on(
    before: tuple[HoldEntryPlanned, ...],
    after: tuple[HoldEntryPlanned, ...],
    turns: int,
    not_ready: int,
) -> None:
    order = TurnOrder(programme_of(before))
    numbers = itertools.cycle(numbers_of(before))
    for step in range(turns):
        order.reached(next(numbers))
        if step == not_ready:
            order.not_ready()
    order.replan(programme_of(after))
    order.not_ready()
    heard = [
        message
        for _ in programme_of(after).turns
        for message in order.reached(next(numbers))[0].messages
    ]
    assert heard == messages_of(after)


@given(ENTRIES)
def test_the_list_plays_the_music_between_the_same_messages(
    entries: tuple[HoldEntryPlanned, ...],
) -> None:
    programme = programme_of(entries)
    listed = list_of(programme)
    spoken = [one for one in listed if isinstance(one, Spoken)]
    music = [one for one in listed if isinstance(one, Music)]
    written_s = sum(entry.seconds or 0 for entry in entries if entry.kind == "music")
    ends = {entry.kind == "music" for entry in (*entries[:1], *entries[-1:])}
    # Between the last message and the first there is always some.
    a_round_s = written_s if True in ends else written_s + MUSIC_S
    rounds = len(spoken) // len(programme.turns)
    assert len(spoken) >= 2
    assert sum(one.seconds for one in music) == pytest.approx(rounds * a_round_s)
    # It goes on where it stopped, and two places to speak never meet, round again included.
    assert all(b.start_s == a.start_s + a.seconds for a, b in itertools.pairwise(music))
    for one, next_ in itertools.pairwise([*listed, listed[0]]):
        assert isinstance(one, Music) or isinstance(next_, Music)
    for one, next_ in itertools.pairwise(listed):
        if isinstance(one, Spoken) and isinstance(next_, Music):
            assert one.music.start_s == next_.start_s


def test_a_message_that_is_not_ready_has_one_more_go() -> None:
    entries = (HoldEntryPlanned("say", text="a"), HoldEntryPlanned("music", seconds=1))
    other = (HoldEntryPlanned("say", text="b"), HoldEntryPlanned("music", seconds=1))
    order = TurnOrder(programme_of((*entries, *other)))
    heard = []
    for number in (0, 1, 0, 1):
        turn, _ = order.reached(number)
        heard += [message.text for message in turn.messages]
        if turn.messages[0].text == "a":
            order.not_ready()
    assert heard == ["a", "a", "b", "a"]


def test_what_is_endless_is_cut() -> None:
    entries = (HoldEntryPlanned("say", text="a"), HoldEntryPlanned("music", seconds=1)) * 100
    assert len(numbers_of(entries)) == ENTRIES_LIMIT / 2
