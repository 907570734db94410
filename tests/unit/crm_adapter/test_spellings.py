"""Every way a number may be stored is one that is asked for, and means the same number."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_adapter.phone_numbers import same_number
from crm_adapter.spellings import last_digits, spellings

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("e164", "expected"),
    [
        (
            "+442079460018",
            (
                "+442079460018",
                "442079460018",
                "00442079460018",
                "02079460018",
                "020 7946 0018",
                "+44 20 7946 0018",
            ),
        ),
        (
            "+12025550150",
            (
                "+12025550150",
                "12025550150",
                "0012025550150",
                "2025550150",
                "(202) 555-0150",
                "+1 202-555-0150",
            ),
        ),
        # No trunk prefix there, and no area code: fewer ways.
        ("+4721234567", ("+4721234567", "4721234567", "004721234567", "21234567", "21 23 45 67",
                         "+47 21 23 45 67")),
    ],
)  # fmt: skip
def test_the_surest_spelling_comes_first(e164: str, expected: tuple[str, ...]) -> None:
    assert spellings(e164) == expected


@pytest.mark.parametrize("text", ["", "%", "+", "020 7946 0018", "+0123456789", "+" + "9" * 16,
                                  "+442079460018\n", "+٤٤٢٠٧٩٤٦٠٠١٨"])  # fmt: skip
def test_what_is_no_e164_has_no_spelling(text: str) -> None:
    assert spellings(text) == ()
    assert last_digits(text) is None


def test_last_digits_leave_the_country_code_out() -> None:
    assert last_digits("+442079460018") == "079460018"
    assert last_digits("+442079460018", 7) == "9460018"
    assert last_digits("+4721234567") == "21234567"


@given(st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)))
def test_each_spelling_is_the_same_number_in_its_own_country(region: str) -> None:
    example = phonenumbers.example_number(region)
    e164 = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    known, ending = spellings(e164), last_digits(e164)
    assert known[0] == e164
    assert ending is not None
    # National ones, and those with a plus; bare digits of a country mean something else elsewhere.
    for spelling in (known[0], *known[3:]):
        assert same_number(e164, spelling, region)
    for spelling in known:
        assert "".join(filter(str.isdigit, spelling)).endswith(ending)
