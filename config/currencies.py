"""What the parts of a currency are called; names of whole currencies come from CLDR by Babel."""

from __future__ import annotations

import re

from babel.numbers import get_currency_name, get_currency_precision

#: Short names where CLDR's says more than a caller needs to hear ("US dollars").
_ENGLISH_NAMES = {
    "USD": ("dollar", "dollars"),
    "GBP": ("pound", "pounds"),
    "CNY": ("yuan", "yuan"),
    "JPY": ("yen", "yen"),
}
#: A hundredth of the currency: one, several.
_CENT = ("cent", "cents")
_ENGLISH_HUNDREDTHS = {
    **dict.fromkeys(("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "TWD", "EUR", "ZAR"), _CENT),
    "GBP": ("penny", "pence"),
    "CHF": ("centime", "centimes"),
    "CNY": ("fen", "fen"),
    "INR": ("paisa", "paise"),
    "MXN": ("centavo", "centavos"),
    "BRL": ("centavo", "centavos"),
}
_MANDARIN_NAMES = {"CNY": "元"}
_MANDARIN_HUNDREDTHS = {"USD": "美分", "EUR": "欧分", "GBP": "便士"}


def checked(currency: str) -> str:
    """The code in capitals. Raises ValueError for what is not shaped like an ISO 4217 code."""
    if not re.fullmatch(r"[A-Za-z]{3}", str(currency)):
        raise ValueError("an amount without a currency cannot be said")
    return currency.upper()


def places(currency: str) -> int:
    """Digits after the point, by CLDR: 2 for USD, 0 for JPY, 3 for KWD."""
    return int(get_currency_precision(currency))


def english_name(currency: str, *, one: bool) -> str:
    if currency in _ENGLISH_NAMES:
        return _ENGLISH_NAMES[currency][0 if one else 1]
    return _named(currency, get_currency_name(currency, 1 if one else 2, locale="en"))


def english_hundredth(currency: str, *, one: bool) -> str | None:
    """None where the part has no name that everybody knows: then the point is spoken."""
    names = _ENGLISH_HUNDREDTHS.get(currency)
    return names[0 if one else 1] if names else None


def mandarin_name(currency: str) -> str:
    found = _MANDARIN_NAMES.get(currency)
    return found or _named(currency, get_currency_name(currency, locale="zh"))


def mandarin_hundredth(currency: str) -> str | None:
    return _MANDARIN_HUNDREDTHS.get(currency)


def _named(currency: str, name: str) -> str:
    """A code that nobody knows is spelt."""
    return " ".join(currency) if name == currency else name
