"""Each test of the conformance kit takes one of the ways that it has."""

from __future__ import annotations

import pytest

from tests.crm_worlds.turns import one_of_its_ways

pytestmark = pytest.mark.unit


def test_the_next_test_takes_the_next_way_that_it_has() -> None:
    ways = {
        "all": ("a", "b", "c"),
        "two": ("a", "b"),
        "one": ("a",),
        "last": ("c",),
        "all too": ("a", "b", "c"),
    }
    assert one_of_its_ways(ways) == {
        "all": "a", "two": "b", "one": "a", "last": "c", "all too": "b",
    }  # fmt: skip
