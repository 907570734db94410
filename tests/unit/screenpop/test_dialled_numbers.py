"""Three hundred numbers, and what the house lets its agents dial of them."""

from __future__ import annotations

from collections.abc import Iterator

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from config.dialling_settings import DiallingSettings
from screenpop.dialling.dialled_numbers import DialledNumbers

pytestmark = pytest.mark.unit

US = DialledNumbers(DiallingSettings(), region="US")
GERMAN = DialledNumbers(DiallingSettings(outside_prefix="0"), region="DE")
WIDE = DialledNumbers(
    DiallingSettings(countries=("GB", "CA"), allow=("+4930", "+1900222", "+353", "+44871")),
    region="US",
)

HOUSE = (
    *("0", "9", "10", "100", "911", "112", "999", "500", "8500", "70001", "123456"),
    *("*97", "*8", "#1", "**100", "*21#", "reception", "anna", "chen.li", "Anna-2", "agent1"),
)
OURS = (
    *("+12025550123", "12025550123", "2025550123", "+14155552671", "8702345678"),
    *("+18005550100", "8885550100"),
)
SHAPES = (
    *("", " ", "100 ", " 100", "100&PJSIP/x", "100&Local/900@trunk", "100;phone-context=+1"),
    *("100;phone-context=example.com", "+1202555,0123", "100,1", "100|1", "PJSIP/agent2", "a&b"),
    *("PJSIP/0019005550100@trunk", "Local/100@trunk", "SIP/x/100", "100@trunk", "@trunk", "s@x"),
    *("${EXTEN}", "$[1+1]", "${SHELL(id)}", "100)", "100\r\nAction: Originate", "100\n", "100\x00"),
    *(
        "%31%30%30",
        "1%39005550100",
        "100%0d%0a",
        "١٢٣",
        "１００",
        "۹۱۱",
        "+１９００",
        "९११",
        "0९00",
    ),
    *(
        "++12025550123",
        "+",
        "+-1",
        "1-900-555-0100",
        "(202)5550123",
        "202 555 0123",
        "202.555.0123",
    ),
    *(
        "0019005550100x",
        "x0019005550100",
        "tel:911",
        "sip:100",
        "sip:100@x",
        "\u202e100",
        "100\u200b",
    ),
    *("9" * 21, "1" * 200, "+" + "4" * 30, "*7219005550100", "*21*19005550100#", "##002#1234567"),
    *("a1234567", "-100", "_X.", "_[0-9]!", "N1234567", "h.1234567", "1e9", "0x384", "½", "①②③"),
    *("*#*#4636#*#*", "t/../100", "100?x=1", "100:secret", '"100"', "'100'", "<100>", "100\t"),
)
COSTLY = (
    *("19005550100", "9005550100", "+19005550100", "01119005550100", "+119005550100"),
    *("+870773123456", "+881612345678", "+8835100012345", "+882161234567", "+97912345678"),
    *("011870773123456", "011881612345678", "0118835100012345", "870773123456", "881612345678"),
    *("+878101234567890", "+88216123", "+8830012345"),
)
COUNTRY = (
    *("+442079460018", "011442079460018", "+4930901820", "+18765550123", "+18095550123"),
    *("8765550123", "+12844966888", "+12423361234", "+14412363456", "+16135550123", "+37127000000"),
    *("+252612345678", "+5351234567", "+96170123456", "+85221234567", "+8613812345678"),
)
UNKNOWN = (
    *("5550123", "0019005550100", "00442079460018", "1234567", "+10000000000", "+999123456789"),
    *("0000000", "99999999999999999999", "20255501234", "+1202555012345"),
)


def abroad() -> Iterator[str]:
    """One number of each country but those that dial as we do, as libphonenumber gives it."""
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        number = phonenumbers.example_number(region)
        if number is not None and region != "US":
            yield phonenumbers.format_number(number, PhoneNumberFormat.E164)


def premium() -> Iterator[str]:
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in (PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST):
            number = phonenumbers.example_number_for_type(region, kind)
            if number is not None and phonenumbers.number_type(number) == kind:
                yield phonenumbers.format_number(number, PhoneNumberFormat.E164)


TABLE = [
    *((number, "house") for number in HOUSE),
    *((number, "outside") for number in OURS),
    *((number, "dial_shape") for number in SHAPES),
    *((number, "dial_costly") for number in (*COSTLY, *premium())),
    *((number, "dial_country") for number in (*COUNTRY, *abroad())),
    *((number, "dial_unknown") for number in UNKNOWN),
]


def test_what_the_house_dials_as_it_comes() -> None:
    assert len({number for number, _ in TABLE}) >= 500
    wrong = [(number, found, told) for number, told in TABLE if (found := US.judge(number)) != told]
    assert not wrong


@pytest.mark.parametrize(
    ("number", "verdict"),
    [
        ("112", "house"),
        ("0030901820", "outside"),
        ("000442079460018", "dial_country"),
        ("009001234567", "dial_costly"),
        ("00180512345", "dial_costly"),
        ("0+4930901820", "outside"),
        ("0+499001234567", "dial_costly"),
        ("000882161234567", "dial_costly"),
        # A carrier may take them for Sierra Leone's; the library for Bochum's, less a zero.
        ("23276123456", "dial_country"),
        ("023276123456", "dial_country"),
        ("0023276123456", "outside"),
        ("04930901820", "outside"),
    ],
)
def test_behind_the_digit_for_a_line(number: str, verdict: str) -> None:
    assert GERMAN.judge(number) == verdict


@pytest.mark.parametrize(
    ("region", "number", "verdict"),
    [
        ("DE", "23276123456", "dial_country"),
        ("DE", "023276123456", "outside"),
        # How they are dialled at home, though Singapore, Arkansas and Vietnam have such numbers.
        ("IN", "6591234567", "outside"),
        ("CN", "15012345678", "outside"),
        ("RU", "84951234567", "outside"),
        ("IT", "0612345678", "outside"),
        ("DK", "20123456", "outside"),
    ],
)
def test_digits_that_are_another_countrys_whole_number(
    region: str, number: str, verdict: str
) -> None:
    assert DialledNumbers(DiallingSettings(), region=region).judge(number) == verdict


@pytest.mark.parametrize(
    ("numbers", "text", "readings"),
    [
        (US, "2025550123", ("+12025550123",)),
        (US, "+12025550123", ("+12025550123",)),
        (US, "12025550123", ("+12025550123",)),
        (GERMAN, "00232761234", ("+49232761234",)),
        # Bochum's, less a zero, or Sierra Leone's: whoever counts the cost takes the dearer.
        (GERMAN, "23276123456", ("+4923276123456", "+23276123456")),
        (GERMAN, "reception", ()),
    ],
)
def test_what_a_carrier_may_take_it_for(
    numbers: DialledNumbers, text: str, readings: tuple[str, ...]
) -> None:
    assert numbers.readings(text) == readings


@pytest.mark.parametrize(
    ("number", "verdict"),
    [
        ("+442079460018", "outside"),
        ("+16135550123", "outside"),
        ("+4930901820", "outside"),
        ("+49891234567", "dial_country"),
        ("+35312345678", "outside"),
        # What a country's code allows is not what its premium numbers cost.
        ("+353151234567890", "outside"),
        ("+3531512345678", "dial_costly"),
        ("+449012345678", "dial_costly"),
        ("+448712345678", "outside"),
        # The longer beginning counts.
        ("+19002220123", "outside"),
        ("+19005550100", "dial_costly"),
        ("+870773123456", "dial_costly"),
    ],
)
def test_what_settings_allow(number: str, verdict: str) -> None:
    assert WIDE.judge(number) == verdict


@given(st.text(max_size=40) | st.text("0123456789+*#", max_size=24))
def test_any_text_has_an_answer_and_nothing_odd_is_dialled(text: str) -> None:
    verdict = US.judge(text)
    if verdict == "outside":
        assert text.isascii()
        assert text.removeprefix("+").isdigit()
        number = phonenumbers.parse(text, "US")
        assert phonenumbers.region_code_for_number(number) == "US"
