"""Numbers as networks send them, and everything else they send."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_adapter.phone_numbers import NumberKind, read_number, region_of, same_number, to_e164

pytestmark = pytest.mark.unit

AREAS = st.sampled_from(["202", "212", "310", "415", "617"])


@pytest.mark.parametrize(
    ("raw", "region", "e164"),
    [
        ("+12025550101", "US", "+12025550101"),
        ("12025550101", "US", "+12025550101"),
        ("2025550101", "US", "+12025550101"),
        ("(202) 555-0101", "US", "+12025550101"),
        ("020 7946 0018", "GB", "+442079460018"),
        ("00442079460018", "US", "+442079460018"),
        ("011442079460018", "US", "+442079460018"),
        ("442079460018", "US", "+442079460018"),
        ("13812345678", "CN", "+8613812345678"),
    ],
)
def test_a_number_is_read_in_the_region_dialled(raw: str, region: str, e164: str) -> None:
    read = read_number(raw, region=region)
    assert (read.kind, read.e164) == (NumberKind.E164, e164)


def test_one_text_is_two_numbers_in_two_regions() -> None:
    assert to_e164("02079460018", "GB") == "+442079460018"
    assert to_e164("0202555010", "DE") != to_e164("0202555010", "GB")


@pytest.mark.parametrize("raw", ["", "  ", "anonymous", "Anonymous", "UNKNOWN", "restricted"])
def test_words_for_withheld(raw: str) -> None:
    assert read_number(raw, region="US").kind is NumberKind.WITHHELD


def test_presentation_wins_over_a_number_that_leaked() -> None:
    read = read_number("+12025550101", region="US", withheld=True)
    assert (read.kind, read.e164) == (NumberKind.WITHHELD, None)


@pytest.mark.parametrize("raw", ["0", "100", "6001", "911", "10086", "123456"])
@pytest.mark.parametrize("region", ["US", "GB", "CN", "AT"])
def test_short_numbers_are_internal_everywhere(raw: str, region: str) -> None:
    assert read_number(raw, region=region).kind is NumberKind.INTERNAL


def test_own_numbers_are_told_apart() -> None:
    read = read_number("8005550100", region="US", own_numbers=["+18005550100"])
    assert (read.kind, read.e164) == (NumberKind.OWN, "+18005550100")


@pytest.mark.parametrize(
    "raw",
    [
        "100&PJSIP/evil",
        "+12025550101;ext=5",
        "5550101",  # no area
        "+999123456789",
        "sip:+12025550101@example.org",
        "' OR 1=1 --",
        "１２０２５５５０１０１",  # full-width digits
        "٣٤٥٦٧٨٩١٢٣",
        "+1202\r\n5550101",
        "1" * 10_000,
        "+" * 10_000,
        "(" * 30,
        "\0",
    ],
)
def test_what_is_no_number_is_unreadable(raw: str) -> None:
    read = read_number(raw, region="US")
    assert (read.kind, read.e164) == (NumberKind.UNREADABLE, None)


def test_a_prefix_that_the_region_does_not_know_stays_in_no_number() -> None:
    """What came out would be read as another number by whoever reads it again."""
    assert to_e164("0049 30 901820", "BR") == "+4930901820"
    assert to_e164("012345688-6666", "CN") is None
    assert to_e164("06 698 85526", "IT") == "+390669885526"


@given(st.text(max_size=200), st.sampled_from(["US", "GB", "CN", "ZZ", ""]))
def test_nothing_raises_and_what_comes_out_is_e164(raw: str, region: str) -> None:
    read = read_number(raw, region=region)
    assert (read.e164 is None) == (read.kind is not NumberKind.E164)
    if read.e164 is not None:
        assert read.e164[0] == "+"
        assert read.e164[1:].isascii()
        assert read.e164[1:].isdigit()
        assert len(read.e164) <= 16
    same_number("+12025550101", raw, "US")
    region_of(raw, "US")


@given(st.text("0123456789+-() ./", max_size=45))
def test_nothing_made_of_dialling_characters_raises(raw: str) -> None:
    read_number(raw, region="US")


@given(AREAS, st.integers(100, 199))
def test_every_spelling_of_a_number_is_the_same_number(area: str, line: int) -> None:
    e164 = f"+1{area}5550{line}"
    number = phonenumbers.parse(e164)
    for style in (
        phonenumbers.PhoneNumberFormat.E164,
        phonenumbers.PhoneNumberFormat.INTERNATIONAL,
        phonenumbers.PhoneNumberFormat.NATIONAL,
    ):
        spelling = phonenumbers.format_number(number, style)
        assert to_e164(spelling, "US") == e164
        assert same_number(e164, spelling, "US")


@pytest.mark.parametrize("stored", ["7946 0018", "+12079460018", "020 7946 0019", "", "x" * 10_000])
def test_a_number_that_only_ends_alike_is_another(stored: str) -> None:
    assert not same_number("+442079460018", stored, "GB")


@pytest.mark.parametrize(
    ("dialled", "region"),
    [("+442079460000", "GB"), ("+18005550100", "US"), ("100", "DE"), ("+80012345678", "DE")],
)
def test_the_number_dialled_tells_the_region(dialled: str, region: str) -> None:
    assert region_of(dialled, "US" if region == "US" else "DE") == region
