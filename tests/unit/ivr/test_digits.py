"""Keys: none twice, habits kept, nobody's fixed key taken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.digits import KEYS, Given, Wish, give_digits

pytestmark = pytest.mark.unit

INTENTS = [f"i{n}" for n in range(12)]


@st.composite
def menus(draw: st.DrawFn) -> tuple[list[Wish], set[str], dict[str, str]]:
    intents = draw(st.lists(st.sampled_from(INTENTS), unique=True, max_size=12))
    fixed_digits = draw(st.lists(st.sampled_from(KEYS), unique=True, max_size=len(intents)))
    owners = draw(st.permutations(intents))
    fixed = dict(zip(owners, fixed_digits, strict=False))
    hidden = draw(st.sets(st.sampled_from(KEYS), max_size=3))
    habits = draw(st.dictionaries(st.sampled_from(INTENTS), st.sampled_from([*KEYS, "0", "#", ""])))
    return [Wish(i, fixed.get(i)) for i in intents], {*fixed.values(), *hidden}, habits


@given(menus())
def test_what_always_holds(menu: tuple[list[Wish], set[str], dict[str, str]]) -> None:
    wishes, reserved, habits = menu
    given_ = give_digits(wishes, reserved=reserved, remembered=habits)
    digits = [one.digit for one in given_ if one]
    assert len(digits) == len(set(digits)), "no key twice"
    assert set(digits) <= set(KEYS), "0 is the person's"
    for wish, one in zip(wishes, given_, strict=True):
        if wish.fixed:
            assert one is not None
            assert one.digit == wish.fixed
        elif one is not None:
            assert one.digit not in reserved
    claimed: set[str] = set(reserved)
    for wish, one in zip(wishes, given_, strict=True):
        habit = habits.get(wish.intent)
        if not wish.fixed and habit and habit in KEYS and habit not in claimed:
            assert one is not None
            assert one.digit == habit, "a habit is kept where nobody claimed it earlier"
            claimed.add(habit)
    if None in given_:
        assert not set(KEYS) - reserved - set(digits), "no key is left over while one is wanted"


def test_the_rest_goes_from_one_in_spoken_order() -> None:
    wishes = [Wish("a"), Wish("b", "3"), Wish("c"), Wish("d"), Wish("e")]
    assert give_digits(wishes, reserved={"3", "1"}, remembered={"d": "2"}) == [
        Given("4", "next free digit"),
        Given("3", "digit fixed in the rulebook"),
        Given("5", "next free digit"),
        Given("2", "digit this caller pressed for it before"),
        Given("6", "next free digit"),
    ]


def test_the_key_of_an_option_not_shown_today_is_used_last() -> None:
    eight = [Wish(f"i{n}") for n in range(8)]
    digits = [one.digit for one in give_digits(eight, reserved=(), remembered={"x": "1"}) if one]
    assert digits == list("23456789")
    nine = [*eight, Wish("last")]
    assert give_digits(nine, reserved=(), remembered={"x": "1"})[-1] == Given(
        "1", "next free digit"
    )
