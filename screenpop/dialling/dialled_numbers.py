"""Is it a number of the house, one outside that may be dialled, or one that may not? Pure.

`phonenumbers` is Google's libphonenumber; its tables say which country a number is of and whether
it costs its caller more than others.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Literal

import phonenumbers
from phonenumbers import (
    Leniency,
    NumberParseException,
    PhoneNumber,
    PhoneNumberFormat,
    PhoneNumberMatcher,
    PhoneNumberType,
)

from config.dialling_settings import DiallingSettings

Verdict = Literal["house", "outside", "dial_shape", "dial_unknown", "dial_country", "dial_costly"]

_NUMBER = re.compile(r"\+?[0-9]{1,20}", re.ASCII)
_HOUSE = re.compile(r"[0-9*#]{1,20}", re.ASCII)
#: An extension with a name, which other phones have too. More digits could be a number that a
#: dialplan passes on with a letter before it.
_NAME = re.compile(r"[A-Za-z][0-9A-Za-z._-]{0,39}", re.ASCII)
_DIGITS_OF_A_NAME = 6
_COSTLY = frozenset(
    {
        PhoneNumberType.PREMIUM_RATE,
        PhoneNumberType.SHARED_COST,
        PhoneNumberType.PERSONAL_NUMBER,
        PhoneNumberType.PAGER,
    }
)


class DialledNumbers:
    """`region` is the ISO country in whose format agents dial."""

    def __init__(self, settings: DiallingSettings, *, region: str) -> None:
        self._settings = settings
        self._house = re.compile(settings.house, re.ASCII)
        self._region = region
        self._countries = {region, *settings.countries}

    def judge(self, text: str) -> Verdict:
        """`text` is what the PBX would be asked to dial, letter by letter."""
        if _NAME.fullmatch(text):
            digits = sum(letter.isdigit() for letter in text)
            return "house" if digits <= _DIGITS_OF_A_NAME else "dial_shape"
        if _HOUSE.fullmatch(text) and self._house.fullmatch(text):
            return "house"
        number = text.removeprefix(self._settings.outside_prefix)
        if not _NUMBER.fullmatch(number):
            return "dial_shape"
        also = _taken_whole(number)
        taken_so = None if also is None else self._of(also)
        if taken_so == "dial_costly":
            return taken_so
        read = _read(number, self._region)
        verdict = "dial_unknown" if read is None else self._of(read)
        if verdict == "outside" and taken_so == "dial_country" and not self._is_whole(number):
            return taken_so
        return verdict

    def readings(self, text: str) -> tuple[str, ...]:
        """In E.164, all the numbers that a carrier may take it for."""
        number = text.removeprefix(self._settings.outside_prefix)
        if not _NUMBER.fullmatch(number):
            return ()
        also = None if self._is_whole(number) else _taken_whole(number)
        found = (_read(number, self._region), also)
        return tuple(dict.fromkeys(_e164(one) for one in found if one is not None))

    def e164_of(self, text: str) -> str | None:
        """As callers' numbers are kept; None for what is none."""
        number = text.removeprefix(self._settings.outside_prefix)
        read = _read(number, self._region) if _NUMBER.fullmatch(number) else None
        return None if read is None else _e164(read)

    def _is_whole(self, digits: str) -> bool:
        """With the trunk prefix (0) that it needs here; some numbers need none (North America's;
        mobile ones of China)."""
        found = PhoneNumberMatcher(digits, self._region, leniency=Leniency.VALID)
        return found.has_next()

    def _of(self, number: PhoneNumber) -> Verdict:
        if self._is_costly(number):
            return "dial_costly"
        if _longest(_e164(number), self._settings.allow):
            return "outside"
        if not phonenumbers.is_valid_number(number):
            return "dial_unknown"
        near = phonenumbers.region_code_for_number(number) in self._countries
        return "outside" if near else "dial_country"

    def _is_costly(self, number: PhoneNumber) -> bool:
        allowed = _longest(_e164(number), self._settings.allow)
        denied = _longest(_e164(number), self._settings.deny)
        if denied and denied >= allowed:
            return True
        says_more = allowed > len(f"+{number.country_code}")
        return not says_more and phonenumbers.number_type(number) in _COSTLY


def _read(text: str, region: str | None) -> PhoneNumber | None:
    """Whether it exists or not; None for what no country could have."""
    try:
        return phonenumbers.parse(text, region)
    except NumberParseException:
        return None


def _taken_whole(digits: str) -> PhoneNumber | None:
    """A carrier may also take digits for a whole number with its country."""
    read = None if digits.startswith("+") else _read("+" + digits, None)
    return read if read is not None and phonenumbers.is_valid_number(read) else None


def _e164(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _longest(e164: str, beginnings: Collection[str]) -> int:
    return max((len(one) for one in beginnings if e164.startswith(one)), default=0)
