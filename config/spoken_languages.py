"""Which way of speaking a language has here: our own words, or what CLDR has for the eye."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

from babel import Locale, UnknownLocaleError

from config import english_numbers, mandarin_numbers

Family = Literal["en", "zh", "other"]


def words_for(language: str, whole: int) -> Any:
    """The module that has words for a number of this size, or None: then it stays in digits."""
    family = family_of(language)
    if family == "en" and whole < english_numbers.LIMIT:
        return english_numbers
    if family == "zh" and whole < mandarin_numbers.LIMIT:
        return mandarin_numbers
    return None


def family_of(language: str) -> Family:
    main = language.replace("_", "-").split("-")[0].lower()
    if main == "en":
        return "en"
    return "zh" if main in ("zh", "cmn") else "other"


@lru_cache(64)
def locale_of(language: str) -> Locale:
    """A language that CLDR does not know is read out as in English."""
    try:
        return Locale.parse(language.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        return Locale("en")
