"""Intents: rows as they are served, and habits that counting does not see are found."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from calls.call_moment import CallMoment
from calls.past_calls import PastCallTold
from scoring.decay import smoothed
from scoring.features.intent_rows import INTENT_COLUMNS, PRIOR_STRENGTH
from scoring.training.choosing import Choices, asked_of, train_choosing
from scoring.training.past import Past, past_of
from scoring.training.too_little import TooLittle
from tests.unit.scoring.training.made_worlds import NOW, UNTIL, call, frame, nobody, unwatched

pytestmark = pytest.mark.unit

START = datetime(2026, 1, 5, 6, tzinfo=UTC)


def past(calls: int) -> Past:
    """Callers who alternate: after an order they ask where it is, then they order again."""
    random = np.random.default_rng(4)
    last: dict[int, str] = {}
    told: list[PastCallTold] = []
    for number in range(calls):
        who = int(random.integers(0, 60))
        intent = "order" if last.get(who) == "status" else "status"
        if random.random() < 0.1:
            intent = "advice"
        else:
            last[who] = intent
        at = START + timedelta(hours=1.3 * number)
        told.append(call(number, at, f"crm:{who}", choices=[("main", intent)]))
    return past_of(frame([]), tuple(told), UNTIL)


@pytest.mark.long
def test_a_habit_that_counting_does_not_see_is_found() -> None:
    made = [
        train_choosing(past(900), None, held_out=nobody, now=NOW, progress=unwatched)
        for _ in range(2)
    ]
    card = made[0].card
    assert card.metrics["top_1"].value > card.baselines["past_choices"]["top_1"].value + 0.2
    assert card.decision.promoted
    assert made[0].booster.save_raw("json") == made[1].booster.save_raw("json")
    assert {"named"} <= set(card.extra)


def test_a_row_holds_what_counting_would_have_served() -> None:
    asked, choices, _ = asked_of(past(300))
    column = INTENT_COLUMNS.index("own_share")
    assert all(each.rows[:, column].sum() <= 1 + 1e-6 for each in asked)
    at = START + timedelta(days=40)
    names, seen = choices.seen("crm:1", "main", at, CallMoment(at))
    assert names == sorted({*seen.own, *seen.house})
    served = smoothed(seen.own, seen.house, PRIOR_STRENGTH)
    assert sum(served.values()) == pytest.approx(1)


def test_a_call_does_not_know_its_own_choice() -> None:
    whole, _, _ = asked_of(past(300))
    shorter, _, _ = asked_of(past(299))
    for mine, theirs in zip(whole, shorter, strict=False):
        np.testing.assert_array_equal(mine.rows, theirs.rows)


def test_too_few_choices_of_everybody_are_no_house() -> None:
    choices = Choices()
    choices.add("crm:1", "main", "order", START, CallMoment(START))
    names, seen = choices.seen(None, "main", START, CallMoment(START))
    assert names == []
    assert not seen.house


@pytest.mark.parametrize("calls", [0, 1, 100])
def test_too_few_choices_are_said_in_numbers(calls: int) -> None:
    with pytest.raises(TooLittle, match=r"choices in menus by \d+ callers: at least 286"):
        train_choosing(past(calls), None, held_out=nobody, now=NOW, progress=unwatched)
