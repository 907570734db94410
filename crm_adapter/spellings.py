"""The ways in which a CRM may hold one number, for CRMs that compare it as text."""

from __future__ import annotations

import re

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat

_E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)


def spellings(e164: str) -> tuple[str, ...]:
    """The surest first, each once: E.164, its digits, with 00 for the plus, national digits (with
    the trunk prefix that people write), national and international as libphonenumber writes them.
    Nothing for what is no E.164."""
    number = _parsed(e164)
    if number is None:
        return ()
    national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    international = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    digits = e164[1:]
    known = (e164, digits, f"00{digits}", _digits(national), national, international)
    return tuple(dict.fromkeys(known))


def last_digits(e164: str, most: int = 9) -> str | None:
    """At most `most` digits that every full spelling ends in: none of the country code, which
    national spellings lack. None for what is no E.164."""
    number = _parsed(e164)
    return None if number is None else phonenumbers.national_significant_number(number)[-most:]


def _digits(text: str) -> str:
    return re.sub(r"[^0-9]", "", text)


def _parsed(e164: str) -> PhoneNumber | None:
    if not _E164.fullmatch(e164):
        return None
    try:
        return phonenumbers.parse(e164, None)
    except NumberParseException:
        return None
