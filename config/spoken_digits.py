"""Digits one by one, in groups with a pause between them: order numbers, telephone numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator

import phonenumbers

from config import english_numbers, mandarin_numbers
from config.spoken_languages import Family, family_of

MAX_CHARACTERS = 64
#: Up to so many are heard as one group.
_WHOLE = 4
_SIZE = 3


def digits(value: str | int, language: str) -> str:
    """one two three, four five six; 一二三，四五六. A number that begins with + is grouped as its
    country does; letters are spelt. Raises ValueError where there is nothing to say, or too much.
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"{type(value).__name__} has no digits")
    text = value.strip() if isinstance(value, str) else str(value)
    if len(text) > MAX_CHARACTERS:
        raise ValueError("too long to be said digit by digit")
    family = family_of(language)
    groups = [_spoken(group, family) for group in _groups(_international(text))]
    if not groups:
        raise ValueError("there are no digits to say")
    spoken = ("，" if family == "zh" else ", ").join(groups)
    if not text.startswith("+"):
        return spoken
    return f"加{spoken}" if family == "zh" else f"plus {spoken}"


def _international(text: str) -> str:
    """With the gaps that its country writes, where it is a telephone number."""
    try:
        parsed = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        return text
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def _groups(text: str) -> Iterator[str]:
    for written in re.findall(r"[^\W_]+", text):
        for run in re.findall(r"[0-9]+|[^0-9]+", written):
            yield from _thirds(run)


def _thirds(run: str) -> Iterator[str]:
    """Groups of three, the last of up to four: nobody keeps more in mind at once."""
    while len(run) > _WHOLE:
        yield run[:_SIZE]
        run = run[_SIZE:]
    yield run


def _spoken(group: str, family: Family) -> str:
    if not (group.isascii() and group.isdigit()):
        return " ".join(group.upper())
    if family == "zh":
        return mandarin_numbers.digits_of(group)
    return english_numbers.digits_of(group) if family == "en" else " ".join(group)
