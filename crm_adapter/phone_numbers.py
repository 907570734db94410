"""What the network gave as the caller's number, read without believing it.

`phonenumbers` is Google's libphonenumber; its parser is lenient (it finds digits inside words), so
only text that looks like a number reaches it.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Collection
from dataclasses import dataclass

import phonenumbers
from phonenumbers import (
    MatchType,
    NumberParseException,
    PhoneNumber,
    PhoneNumberFormat,
    ValidationResult,
)

#: What carriers and phones send instead of a number (RFC 3323 `anonymous`; Asterisk
#: main/callerid.c writes `unknown`, `withheld`, `unavailable`).
WITHHELD_WORDS = frozenset(
    ("", "anonymous", "unknown", "restricted", "private", "unavailable", "withheld", "blocked")
)

_LOOKS_LIKE_A_NUMBER = re.compile(r"\+?[0-9(][0-9 ()./-]{0,38}", re.ASCII)
#: Networks present numbers with their area; so few bare digits are an extension or a service.
_LONGEST_EXTENSION = 6
#: ITU-T E.164: at most 15 digits.
_E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)


class NumberKind(enum.StrEnum):
    """What kind of thing stands where a number is expected."""

    E164 = "e164"
    WITHHELD = "withheld"
    INTERNAL = "internal"
    OWN = "own"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class ReadNumber:
    """`e164` is set for the kinds E164 and OWN only."""

    kind: NumberKind
    e164: str | None = None


def read_number(
    raw: str, *, region: str, withheld: bool = False, own_numbers: Collection[str] = ()
) -> ReadNumber:
    """Never raises. `region` is the ISO country in which `raw` is meant (that of the number
    dialled); `own_numbers` are E.164."""
    if withheld or raw.strip().lower() in WITHHELD_WORDS:
        return ReadNumber(NumberKind.WITHHELD)
    text = raw.strip()
    if not _LOOKS_LIKE_A_NUMBER.fullmatch(text):
        return ReadNumber(NumberKind.UNREADABLE)
    if text.isdigit() and len(text) <= _LONGEST_EXTENSION:
        return ReadNumber(NumberKind.INTERNAL)
    e164 = to_e164(text, region)
    if e164 is None:
        return ReadNumber(NumberKind.UNREADABLE)
    return ReadNumber(NumberKind.OWN if e164 in own_numbers else NumberKind.E164, e164)


def looks_like_a_number(text: str) -> bool:
    """Or like one of the words for a withheld one: what a network may send, right or wrong."""
    text = text.strip()
    return text.lower() in WITHHELD_WORDS or bool(_LOOKS_LIKE_A_NUMBER.fullmatch(text))


def to_e164(text: str, region: str) -> str | None:
    """None for what cannot be dialled from abroad. Numbers of the right length in ranges unknown
    to libphonenumber pass: its tables lag behind the networks."""
    text = text.strip()
    if not _LOOKS_LIKE_A_NUMBER.fullmatch(text):
        return None
    number = _parsed(text, region)
    if number is None or not _is_complete(number):
        number = _international_without_plus(text)
    if number is None:
        return None
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return e164 if _E164.fullmatch(e164) else None


def as_shown(e164: str) -> str:
    """For people's eyes: +44 20 7946 0018."""
    number = _parsed(e164, None)
    if number is None:
        return e164
    return phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)


def _is_complete(number: PhoneNumber) -> bool:
    """Of a length that can be dialled from anywhere, not only from the next street."""
    reason = phonenumbers.is_possible_number_with_reason(number)
    return reason == ValidationResult.IS_POSSIBLE and _stays_itself(number)


def _stays_itself(number: PhoneNumber) -> bool:
    """Of numbers that are none, libphonenumber may leave a prefix behind the country's code, and
    take it for another one when it reads what it wrote: `0049 …` in Brazil, `012345…` in China."""
    if phonenumbers.is_valid_number(number):
        return True
    return _parsed(phonenumbers.format_number(number, PhoneNumberFormat.E164), None) == number


def _international_without_plus(text: str) -> PhoneNumber | None:
    """Trunks that send `4420…` or `004420…` into a region that dials neither; only what is valid
    for certain, since a digit string fits many countries."""
    digits = re.sub(r"[^0-9]", "", text).removeprefix("00")
    number = _parsed(f"+{digits}", None)
    return number if number and phonenumbers.is_valid_number(number) else None


def _parsed(text: str, region: str | None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region)
    except NumberParseException:
        return None


def same_number(e164: str, stored: str, region: str) -> bool:
    """Whether what a CRM holds is really this number: in whatever spelling, but in full. Seven
    digits that happen to end alike are somebody else."""
    number = _parsed(stored, region) if _LOOKS_LIKE_A_NUMBER.fullmatch(stored.strip()) else None
    if number is None:
        return False
    return phonenumbers.is_number_match(e164, number) in (
        MatchType.EXACT_MATCH,
        MatchType.NSN_MATCH,
    )


def region_of(dialled: str, default: str) -> str:
    """The ISO country of a number dialled, `default` where it does not tell (extensions, numbers
    without a country)."""
    text = dialled.strip()
    if not text.startswith("+") or not _LOOKS_LIKE_A_NUMBER.fullmatch(text):
        return default
    number = _parsed(text, None)
    region = phonenumbers.region_code_for_number(number) if number else None
    return region if region and region != "001" else default
