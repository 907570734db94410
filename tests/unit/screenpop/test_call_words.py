"""What a call is found by, and how what a person types is read."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screenpop.pops.call_words import (
    CODE_TITLES,
    MAX_SOUGHT,
    Sought,
    folded,
    sought,
)
from screenpop.pops.past_calls import Cursor
from screenpop.pops.pop import DISPOSITION_CODES
from storage.sealed.columns import like

pytestmark = pytest.mark.unit

MESSAGES = Path(__file__).parents[3] / "desktop" / "src" / "core" / "messages.ts"


def test_codes_are_found_by_the_names_that_the_desktop_has_for_them() -> None:
    assert set(CODE_TITLES) == set(DISPOSITION_CODES)
    text = MESSAGES.read_text(encoding="utf-8")
    for code, titles in CODE_TITLES.items():
        assert tuple(re.findall(rf'^  code_{code}: "([^"]+)"', text, re.MULTILINE)) == titles


@pytest.mark.parametrize(
    ("typed", "digits"),
    [
        ("0101", "0101"),
        ("+1 (202) 555-0101", "025550101"),
        ("1.202.555.0101", "025550101"),
        ("030 123456", "30123456"),
        ("0049 30 1234", "49301234"),
        ("+49 (0)30 123456", "930123456"),
        ("１２３", "123"),
    ],
)
def test_numbers_of_any_spelling(typed: str, digits: str) -> None:
    found = sought(typed)
    assert found is not None
    assert found.digits == digits


@pytest.mark.parametrize("typed", ["", "  ", "\x00", "\t\n", "\u0301"])
def test_nothing_to_look_for(typed: str) -> None:
    assert sought(typed) is None


def test_words_are_no_numbers() -> None:
    assert sought("4711 Zoë  zoe ÉCLAIR") == Sought(("4711", "zoe", "eclair"))
    assert sought("12") == Sought(("12",))


@given(st.text(max_size=MAX_SOUGHT))
def test_whatever_is_typed_is_a_pattern_of_itself(typed: str) -> None:
    found = sought(typed)
    for word in found.words if found else ():
        assert folded(word) == word
        # Without its escapes nothing but the word is left, and no wildcard is bare.
        inner = like(word)[1:-1]
        assert re.sub(r"\\(.)", r"\1", inner, flags=re.DOTALL) == word
        assert not re.search(r"(?<!\\)[%_]", inner.replace("\\\\", ""))


@given(
    st.integers(min_value=0, max_value=10**16 - 1),
    st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True),
)
def test_a_cursor_is_read_as_it_was_written(micros: int, pop_id: str) -> None:
    cursor = Cursor(datetime.fromtimestamp(0, UTC) + timedelta(microseconds=micros), pop_id)
    assert Cursor.parse(str(cursor)) == cursor


@pytest.mark.parametrize(
    "text", ["", "1", "1-", "-a", "x-a", "1-a b", "1" * 17 + "-a", "1-" + "a" * 41]
)
def test_what_is_no_cursor(text: str) -> None:
    assert Cursor.parse(text) is None
