"""An amount of money as words."""

from __future__ import annotations

from babel import numbers as cldr_numbers

from calls.money import Money
from config import currencies, english_numbers, mandarin_numbers, number_parts
from config.spoken_languages import locale_of, words_for


def money(value: Money, language: str) -> str:
    """twelve dollars and fifty cents; 十二美元五十美分; 十二元五角. Rounded to what the currency
    has; below zero it begins with minus or 负. Raises ValueError for what cannot be said."""
    if not isinstance(value, Money):
        raise ValueError(f"{type(value).__name__} is not an amount of money")
    currency = currencies.checked(value.currency)
    places = currencies.places(currency)
    parts = number_parts.taken_apart(value.amount, places)
    words = words_for(language, parts.whole)
    if words is english_numbers:
        spoken = _english_money(parts, currency, places)
    elif words is mandarin_numbers:
        spoken = _mandarin_money(parts, currency, places)
    else:
        amount = number_parts.rounded(value.amount, places)
        return cldr_numbers.format_currency(
            amount, currency, locale=locale_of(language), format_type="name"
        )
    minus = "minus " if words is english_numbers else "负"
    return f"{minus if parts.negative else ''}{spoken}"


def _english_money(parts: number_parts.Decimals, currency: str, places: int) -> str:
    one = parts.whole == 1
    hundredths = int(parts.decimals.ljust(2, "0"))
    small = currencies.english_hundredth(currency, one=hundredths == 1)
    if parts.decimals and (small is None or places != 2):
        spoken = english_numbers.number(number_parts.Decimals(False, parts.whole, parts.decimals))
        return f"{spoken} {currencies.english_name(currency, one=False)}"
    whole = f"{english_numbers.cardinal(parts.whole)} {currencies.english_name(currency, one=one)}"
    if not hundredths:
        return whole
    rest = f"{english_numbers.cardinal(hundredths)} {small}"
    return f"{whole} and {rest}" if parts.whole else rest


def _mandarin_money(parts: number_parts.Decimals, currency: str, places: int) -> str:
    name = currencies.mandarin_name(currency)
    if currency == "CNY":
        return _yuan(parts, name)
    small = currencies.mandarin_hundredth(currency)
    if parts.decimals and (small is None or places != 2):
        spoken = mandarin_numbers.number(number_parts.Decimals(False, parts.whole, parts.decimals))
        return f"{spoken}{name}"
    whole = mandarin_numbers.counted(parts.whole, name)
    if not parts.decimals:
        return whole
    rest = mandarin_numbers.counted(int(parts.decimals.ljust(2, "0")), small or "")
    return f"{whole}{rest}" if parts.whole else rest


def _yuan(parts: number_parts.Decimals, name: str) -> str:
    """十二元五角, 十二元零五分, 五角五分"""
    jiao, fen = (int(digit) for digit in parts.decimals.ljust(2, "0"))
    words = mandarin_numbers.counted(parts.whole, name) if parts.whole or not (jiao or fen) else ""
    if jiao:
        words += mandarin_numbers.counted(jiao, "角")
    elif fen and words:
        words += "零"
    return words + (mandarin_numbers.counted(fen, "分") if fen else "")
