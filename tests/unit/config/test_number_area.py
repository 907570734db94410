"""From where a number calls: its area and nothing else of it."""

from __future__ import annotations

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from config.number_area import area_of

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("number", "area"),
    [
        ("+862083331234", "+86 20"),
        ("+8613900001234", "+86"),
        ("+442079460018", "+44 20"),
        ("+12125550101", "+1 212"),
        ("+85221234567", "+852"),
        ("+99912345678", ""),
        ("+43", ""),
        ("sip:anna@example.com", ""),
        ("+1212555０１０１", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_an_area(number: str | None, area: str) -> None:
    assert area_of(number) == area


def test_a_withheld_number_is_from_nowhere() -> None:
    assert area_of("+12125550101", withheld=True) == ""


@pytest.mark.parametrize("kind", [PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE])
def test_looking_at_its_beginning_is_enough(kind: int) -> None:
    """In every country of the library."""
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        example = phonenumbers.example_number_for_type(region, kind)
        if example is None:
            continue
        length = phonenumbers.length_of_geographical_area_code(example)
        digits = phonenumbers.national_significant_number(example)[:length]
        e164 = phonenumbers.format_number(example, PhoneNumberFormat.E164)
        assert area_of(e164) == f"+{example.country_code} {digits}".rstrip(), e164
        if len(e164) > 10:
            assert area_of(e164[:9] + "9" * (len(e164) - 9)) == area_of(e164)
