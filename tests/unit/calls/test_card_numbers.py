"""Card numbers are masked wherever people write them, and nothing else is."""

from __future__ import annotations

import re

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.card_numbers import is_card, without_cards

pytestmark = pytest.mark.unit

#: Numbers that the issuers publish for tests.
CARDS = (
    "4111111111111111",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "6011111111111117",
    "30569309025904",
    "3530111333300000",
    "6205500000000000004",
)

beginnings = st.sampled_from(["4", "51", "55", "2221", "2720", "6011", "62", "3528"])


@st.composite
def cards(draw: st.DrawFn) -> str:
    """Of sixteen digits."""
    begin = draw(beginnings)
    rest = draw(st.text("0123456789", min_size=15 - len(begin), max_size=15 - len(begin)))
    payload = begin + rest
    return next(payload + check for check in "0123456789" if is_luhn(payload + check))


def is_luhn(digits: str) -> bool:
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(digits)]
    return len(digits) == 16 and sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


@pytest.mark.parametrize("card", CARDS)
def test_each_issuer_s_cards_are_known(card: str) -> None:
    assert is_card(card)
    assert without_cards(f"Card {card}, exp 12/27.") == f"Card ****{card[-4:]}, exp 12/27."


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("4111 1111 1111 1111", "****1111"),
        ("4111-1111-1111-1111 123", "****1111 123"),
        ("4111 - 1111 - 1111 - 1111", "****1111"),
        ("2 of 4111\u00a01111\u00a01111\u00a01111", "2 of ****1111"),
        ("４１１１１１１１１１１１１１１１", "****1111"),
        ("٤١١١ ١١١١ ١١١١ ١١١١", "****1111"),
        ("卡号4111111111111111，谢谢", "卡号****1111，谢谢"),
        ("3782 822463 10005", "****0005"),
        ("3056-930902-5904", "****5904"),
        ("6205 5000 0000 0000 004", "****0004"),
        ("1 4111 1111 1111 1111", "1 ****1111"),
        ("4111111111111111 5555555555554444", "****1111 ****4444"),
        ("4111111111111111\n5555555555554444", "****1111\n****4444"),
        ("call 1, 4111111111111111", "call 1, ****1111"),
        ("+4111 1111 1111 1111", "+****1111"),
    ],
)
def test_however_it_is_written(written: str, stored: str) -> None:
    assert without_cards(written) == stored


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4111111111111112",  # no check digit
        "41111111111111111111",  # too long
        "1234567890123452",  # no issuer's
        "Order 4711-2026-000123, invoice INV-202611-0042",
        "ORD-1001 ORD-1002 ORD-1003 ORD-1004",
        "pbx/1700000000.123456",
        "2026-11-23 15:00, then 2026-11-24 09:30",
        "+30569309025904 and +30 5693 0902 5904",
        "Call 0049 4111 1111 1111",
        "4917610000003",  # a German mobile without its plus
        "4222222222222",  # as long as a telephone number
        "6901234567892 4006381000093",  # EAN-13
        "604-555-0006 604-555-0123",
        "6045550006 6045550123",
        "50123456 00000008",  # two orders
        "4111-1111 1111-1111",  # two telephones
        "41 1111 1111 1111 11",  # no card's groups
        "411111 1111111111",
    ],
)
def test_nothing_else_is_touched(text: str) -> None:
    assert without_cards(text) == text


def test_a_number_of_the_call_stays_as_it_was_written() -> None:
    """Without `+` it may look like a card of fourteen digits."""
    number = "+30569309025904"
    assert without_cards("Ring 3056 930902 5904 back") == "Ring ****5904 back"
    spared = without_cards("Ring 3056 930902 5904 back", spare=[None, number])
    assert spared == "Ring 3056 930902 5904 back"


@given(cards(), st.sampled_from(["", " ", "-", " - "]), st.text("abc .,:;\n漢", max_size=20))
def test_a_card_never_survives(card: str, between: str, around: str) -> None:
    written = between.join(re.findall("....", card))
    stored = without_cards(f"{around}{written}{around}")
    assert stored == f"{around}****{card[-4:]}{around}"


@given(st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)), st.integers(0, 10**9))
def test_no_e164_number_is_taken_for_one(region: str, salt: int) -> None:
    """Also not one whose last digit happens to be the check digit of the others."""
    example = phonenumbers.example_number(region)
    assert example is not None
    national = str(example.national_number)
    number = f"+{example.country_code}{str(int(national) + salt % 10).zfill(len(national))}"
    assert without_cards(f"Ring {number} back") == f"Ring {number} back"
    spelt = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    assert without_cards(spelt) == spelt


@given(st.text(max_size=200))
def test_masking_again_changes_nothing(text: str) -> None:
    once = without_cards(text)
    assert without_cards(once) == once
