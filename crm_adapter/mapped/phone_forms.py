"""One number in the spellings that a CRM may hold or ask for."""

from __future__ import annotations

import re
from collections.abc import Sequence

import phonenumbers
from phonenumbers import PhoneNumberFormat

from crm_adapter.spellings import last_digits

_E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)

FORMS = (
    "e164",
    "digits",
    "zeros",
    "national",
    "national_digits",
    "international",
    *(f"last{count}" for count in range(6, 13)),
)


def is_e164(text: str) -> bool:
    return _E164.fullmatch(text) is not None


def phone_form(e164: str, form: str) -> str:
    """`form` is one of FORMS. The last digits are none of the country code."""
    digits = e164[1:]
    if form.startswith("last"):
        return last_digits(e164, int(form.removeprefix("last"))) or digits
    plain = {"e164": e164, "digits": digits, "zeros": f"00{digits}"}
    return plain[form] if form in plain else _formatted(e164, form)


def _formatted(e164: str, form: str) -> str:
    try:
        number = phonenumbers.parse(e164, None)
    except phonenumbers.NumberParseException:
        return e164
    if form == "international":
        return phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    return national if form == "national" else re.sub(r"[^0-9]", "", national)


def phone_forms(e164: str, forms: Sequence[str]) -> tuple[str, ...]:
    """Each spelling once, in the order of `forms`."""
    return tuple(dict.fromkeys(phone_form(e164, form) for form in forms))
