"""How often the gate was asked is remembered, and what follows from it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from scoring.policy.looks import (
    ALPHA,
    DEPLOY,
    FALL_BACK,
    KeptJudgement,
    Look,
    alpha_of,
    next_look,
)

pytestmark = pytest.mark.unit

NIGHT = datetime(2026, 11, 1, 2, 30, tzinfo=UTC)
DAY = timedelta(days=1)


def kept(at: datetime, decision: str = FALL_BACK, **figures: Any) -> KeptJudgement:
    return KeptJudgement(at, decision, "figures", figures)


def test_all_looks_together_have_five_in_a_hundred() -> None:
    total = sum(alpha_of(number) for number in range(1, 100_000))
    assert 0.0499 < total < ALPHA
    assert alpha_of(1) == pytest.approx(0.0304, abs=1e-4)


def test_each_night_is_the_next_look() -> None:
    assert next_look([], NIGHT) == Look(1)
    nights = [kept(NIGHT + number * DAY, look=number + 1) for number in range(5)]
    assert next_look(nights, NIGHT + 5 * DAY) == Look(6)


def test_what_was_no_look_spends_none() -> None:
    nights = [kept(NIGHT, look=None), kept(NIGHT + DAY, look=1), kept(NIGHT + 2 * DAY, look=None)]
    assert next_look(nights[:1], NIGHT) == Look(1), "not even the day"
    assert next_look(nights, NIGHT + 3 * DAY) == Look(2)


def test_a_day_has_one_look_and_it_ends_at_midnight_in_utc() -> None:
    nights = [kept(NIGHT, look=7)]
    late = NIGHT.replace(hour=23, minute=59)
    assert next_look(nights, late) == Look(7, may_deploy=False)
    assert next_look([*nights, kept(late, look=7)], late) == Look(7, may_deploy=False)
    assert next_look(nights, late + timedelta(minutes=1)) == Look(8)
    elsewhere = NIGHT.astimezone(timezone(timedelta(hours=-8)))
    assert next_look(nights, elsewhere) == Look(7, may_deploy=False)


def test_while_it_is_in_use_nothing_is_spent() -> None:
    used = [kept(NIGHT, DEPLOY, look=4), kept(NIGHT + DAY, DEPLOY, look=4)]
    assert next_look(used, NIGHT + 2 * DAY) == Look(4, may_deploy=False, in_use=True)
    undone = [*used, kept(NIGHT + 2 * DAY, look=4)]
    assert next_look(undone, NIGHT + 2 * DAY) == Look(4, may_deploy=False)
    assert next_look(undone, NIGHT + 3 * DAY) == Look(5)


def test_nights_of_before_count_and_what_they_deployed_has_to_pass_anew() -> None:
    gains: dict[str, Any] = {"SNIPS": {}, "DR": {}}
    older = [kept(NIGHT, **gains), kept(NIGHT + DAY), kept(NIGHT + 2 * DAY, DEPLOY, **gains)]
    assert next_look(older, NIGHT + 3 * DAY) == Look(3)
    assert next_look([*older, kept(NIGHT + 3 * DAY, look=3)], NIGHT + 4 * DAY) == Look(4)


def test_a_clock_that_was_set_back_repeats_no_look() -> None:
    nights = [kept(NIGHT, look=1), kept(NIGHT + 300 * DAY, look=2)]
    assert next_look(nights, NIGHT + DAY) == Look(3)


def test_what_a_clock_ahead_has_deployed_does_not_rule_until_its_day_comes() -> None:
    ahead = kept(NIGHT + 300 * DAY, DEPLOY, look=1)
    assert next_look([ahead], NIGHT) == Look(2)
    assert next_look([kept(NIGHT, look=2), ahead], NIGHT + DAY) == Look(3)
    soon = kept(NIGHT + DAY / 2, DEPLOY, look=1)
    assert next_look([soon], NIGHT).in_use


@pytest.mark.parametrize("odd", ["3", 0, -1, None, [1], 2.5])
def test_what_is_no_number_is_no_look(odd: object) -> None:
    assert next_look([kept(NIGHT, look=odd), kept(NIGHT, look=2)], NIGHT + DAY) == Look(3)
