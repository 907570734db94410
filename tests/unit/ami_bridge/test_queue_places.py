"""Places in a queue from events alone."""

from __future__ import annotations

import random

import pytest

from ami_bridge import ami_events as ami
from ami_bridge.queue_places import QueuePlaces
from ami_bridge.snapshot import Waiting
from calls.call import CallId
from calls.ports import QueuePlace

pytestmark = pytest.mark.unit


def joined(uid: str, position: int, queue: str = "sales", preferred: str = "") -> ami.QueueJoined:
    return ami.QueueJoined(uid, uid, queue, f"PJSIP/trunk-{uid}", "", "", preferred, position)


def left(uid: str, queue: str = "sales") -> ami.QueueLeft:
    return ami.QueueLeft(uid, uid, queue)


def answered(uid: str, wait_s: float, queue: str = "sales") -> ami.AgentConnected:
    return ami.AgentConnected(uid, uid, queue, "PJSIP/agent1", "9.9", 1.0, wait_s)


def waiting(uid: str, position: int, queue: str = "sales", preferred: str = "") -> Waiting:
    return Waiting(uid, queue, f"PJSIP/trunk-{uid}", "", "", 5.0, preferred, position)


def places(*script: ami.AmiEvent) -> QueuePlaces:
    made = QueuePlaces(system="pbx")
    made.replace([], lambda uid: uid)
    for event in script:
        made.apply(event)
    return made


def order(made: QueuePlaces, *uids: str) -> list[int | None]:
    found = [made.place_of(CallId("pbx", uid)) for uid in uids]
    return [place.position if place else None for place in found]


def test_who_joins_in_front_moves_the_others_down() -> None:
    made = places(joined("1", 1), joined("2", 2), joined("3", 1), joined("4", 2, "billing"))
    made.apply(joined("5", 1, "billing"))
    assert order(made, "1", "2", "3", "5", "6") == [2, 3, 1, 1, None]


def test_who_leaves_moves_the_others_up() -> None:
    made = places(joined("1", 1), joined("2", 2), joined("3", 3), left("2"), left("7"))
    assert order(made, "1", "2", "3") == [1, None, 2]
    made.apply(ami.ChannelHungUp("1", "1"))
    assert order(made, "1", "3") == [None, 1]


def test_one_agent_tried_first_is_no_place_yet() -> None:
    made = places(joined("1", 1), joined("2", 1, preferred="anna"))
    assert order(made, "1", "2") == [1, None]
    made.apply(joined("2", 2))
    assert order(made, "1", "2") == [1, 2]


def test_nothing_is_known_while_the_ami_is_away() -> None:
    made = places(joined("1", 1))
    made.lost()
    assert order(made, "1") == [None]
    made.replace([waiting("2", 2), waiting("1", 1), waiting("3", 1, preferred="x")], lambda u: u)
    assert order(made, "1", "2", "3") == [1, 2, None]
    assert made.place_of(CallId("another", "1")) is None


def test_news_of_before_the_snapshot_changes_nothing() -> None:
    made = places(joined("1", 1), joined("2", 2))
    made.replace([waiting("2", 1), waiting("3", 2)], lambda uid: uid)
    for event in (left("1"), joined("3", 2)):
        made.apply(event)
    assert order(made, "1", "2", "3") == [None, 1, 2]


def test_a_call_is_found_by_the_linked_id_of_its_channel() -> None:
    made = QueuePlaces(system="pbx")
    made.replace([waiting("5", 1), waiting("6", 2)], {"5": "1"}.get)
    assert order(made, "1", "5", "6") == [1, None, 2]


def test_the_wait_is_what_a_position_cost_lately_times_the_position() -> None:
    made = places(joined("w", 1))
    for uid, position, wait_s in (("1", 1, 20.0), ("2", 2, 40.0), ("3", 3, 120.0)):
        assert made.place_of(CallId("pbx", "w")) == QueuePlace(1, None)
        made.apply(joined(uid, position))
        # Asterisk says in either order that a caller is served and has left.
        script = (left(uid), answered(uid, wait_s))
        for event in script if position != 2 else reversed(script):
            made.apply(event)
    made.apply(joined("v", 2))
    assert made.place_of(CallId("pbx", "w")) == QueuePlace(1, pytest.approx(30.0))
    assert made.place_of(CallId("pbx", "v")) == QueuePlace(2, pytest.approx(60.0))


def test_answers_of_which_the_place_is_unknown_do_not_count() -> None:
    made = QueuePlaces(system="pbx")
    made.replace([waiting(str(n), n) for n in range(1, 6)], lambda uid: uid)
    for n in range(1, 5):
        made.apply(answered(str(n), 30.0))
    assert made.place_of(CallId("pbx", "5")) == QueuePlace(1, None)


def test_a_thousand_moves_beside_a_plain_list() -> None:
    chance, made, model = random.Random(7), places(), list[str]()
    for n in range(1000):
        if model and chance.random() < 0.45:
            uid = model.pop(chance.randrange(len(model)))
            made.apply(left(uid))
        else:
            position = chance.randint(1, len(model) + 1)
            model.insert(position - 1, str(n))
            made.apply(joined(str(n), position))
        assert order(made, *model) == list(range(1, len(model) + 1))
