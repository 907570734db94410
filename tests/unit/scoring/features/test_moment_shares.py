"""What strangers choose: from the coarse to the fine, each cell drawn towards the one before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.call_moment import CallMoment
from scoring.features.moment import cells_of, words_of
from scoring.features.moment_shares import STRENGTH, MomentShares, narrowed

pytestmark = pytest.mark.unit

MONDAY = CallMoment(datetime(2026, 3, 2, 9, tzinfo=UTC), "+1 800 555-0100", "+86 20")
STRANGER = cells_of(MONDAY, is_known=False)
NAMES = ("orders", "repairs", "sales")
HOUSE = {"main": {"orders": 0.5, "repairs": 0.3, "sales": 0.2}}

counts = st.dictionaries(
    st.sampled_from((*NAMES, "gone")), st.floats(0, 1e6, allow_nan=False), max_size=4
)
trees = st.dictionaries(st.sampled_from(STRANGER), counts)


def made(found: Mapping[str, Mapping[str, float]]) -> MomentShares:
    return MomentShares(HOUSE, {cell: {"main": each} for cell, each in found.items()})


@given(trees)
def test_shares_sum_to_one(found: Mapping[str, Mapping[str, float]]) -> None:
    shares = made(found).at(STRANGER)["main"]
    assert set(shares) == set(NAMES)
    assert sum(shares.values()) == pytest.approx(1)
    assert min(shares.values()) >= 0


@given(trees, st.sampled_from(STRANGER), st.floats(1, 1e5), st.sampled_from(NAMES))
def test_more_of_a_choice_in_a_cell_never_makes_it_rarer(
    found: Mapping[str, Mapping[str, float]], cell: str, more: float, name: str
) -> None:
    before = made(found).at(STRANGER)["main"][name]
    counted = dict(found.get(cell, {}))
    counted[name] = counted.get(name, 0.0) + more
    assert made({**found, cell: counted}).at(STRANGER)["main"][name] >= before - 1e-9


@given(trees, st.dictionaries(st.sampled_from(NAMES), st.floats(1, 1e3), min_size=1))
def test_much_in_the_finest_cell_speaks_for_itself(
    found: Mapping[str, Mapping[str, float]], own: dict[str, float]
) -> None:
    many = {name: 1e6 * each for name, each in own.items()}
    shares = made({**found, STRANGER[-1]: many}).at(STRANGER)["main"]
    total = sum(own.values())
    assert all(abs(shares[name] - own.get(name, 0) / total) < 1e-4 for name in NAMES)


@given(trees, st.sampled_from(["dialled", "area"]))
def test_what_is_not_known_is_stepped_over(
    found: Mapping[str, Mapping[str, float]], unknown: str
) -> None:
    less = cells_of(replace(MONDAY, **{unknown: ""}), is_known=False)
    assert set(less) < set(STRANGER)
    without = {cell: each for cell, each in found.items() if cell in less}
    assert made(found).at(less) == made(without).at(STRANGER)


@given(trees)
def test_what_is_ready_beforehand_is_what_a_call_would_find(
    found: Mapping[str, Mapping[str, float]],
) -> None:
    ahead = made(found)
    for _ in ahead.prepare():
        pass
    assert ahead.at(STRANGER) == made(found).at(STRANGER)


def test_the_finest_cell_joins_number_area_and_hour() -> None:
    assert STRANGER == (
        "strangers",
        "strangers|morning",
        "strangers|morning|working",
        "strangers|number 18005550100",
        "strangers|number 18005550100|morning",
        "strangers|number 18005550100|morning|working",
        "strangers|number 18005550100|area +86 20",
        "strangers|number 18005550100|area +86 20|morning",
    )
    known = cells_of(MONDAY, is_known=True)
    assert set(known).isdisjoint(STRANGER)
    assert not [cell for cell in known if "area" in cell]


def test_a_cell_counts_as_many_more_as_it_holds() -> None:
    once = narrowed(HOUSE["main"], {"sales": STRENGTH})
    assert once == pytest.approx({"orders": 0.25, "repairs": 0.15, "sales": 0.6})
    assert narrowed(HOUSE["main"], {"gone": 1e9}) == HOUSE["main"]


def test_it_is_said_of_the_finest_cell_that_holds_enough() -> None:
    shares = MomentShares(
        HOUSE,
        {
            STRANGER[-1]: {"main": {"repairs": 86.8, "sales": 53.2}},
            STRANGER[0]: {"main": {"repairs": 1.0}},
        },
    )
    assert shares.why(STRANGER, "main", "repairs") == (
        "62 % of 140 strangers who dialled this number from area +86 20 in the morning wanted it"
    )
    assert "too few" in shares.why(STRANGER[:-1], "main", "repairs")
    words = [words_of(cell) for cell in STRANGER[:6]]
    assert words[2] == "strangers in the morning of working days"
    assert words[5] == "strangers who dialled this number in the morning of working days"


def test_a_menu_that_nobody_in_the_house_chose_in_has_no_shares() -> None:
    assert MomentShares({}, {STRANGER[0]: {"main": {"sales": 90.0}}}).at(STRANGER) == {}
