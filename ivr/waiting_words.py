"""Where a waiting caller stands and how long it may take, in sentences that may be repeated.

Few different ones on purpose: they are rendered before anybody needs them. Languages other than
English and Mandarin say nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from calls.ports import QueuePlace
from config import english_numbers, mandarin_numbers
from config.spoken_languages import family_of

#: Up to here a place is told exactly; up to the next, in fives; beyond, only that it is beyond.
EXACT_PLACES, MOST_PLACES = 10, 50
#: Up to here in whole minutes, then in fives, then only that it is more than an hour.
EXACT_MINUTES, MOST_MINUTES = 10, 60
_STEP = 5


def sentences(place: QueuePlace | None, language: str) -> tuple[str, ...]:
    """The place first, then the wait; what is not known is not said."""
    said = [] if place is None else [_position(place.position, language)]
    if place is not None and place.estimated_wait_s is not None:
        said.append(_wait(place.estimated_wait_s, language))
    return tuple(sentence for sentence in said if sentence)


def every_sentence(language: str) -> Iterator[str]:
    """All there are in this language, for rendering ahead of any caller."""
    places = [*range(1, EXACT_PLACES + 1), *range(EXACT_PLACES, MOST_PLACES + 1, _STEP)]
    minutes = [*range(EXACT_MINUTES + 1), *range(EXACT_MINUTES, MOST_MINUTES + 1, _STEP)]
    found = [_position(place, language) for place in [*places, MOST_PLACES + _STEP]]
    found += [_wait(60.0 * minute, language) for minute in [*minutes, 2 * MOST_MINUTES]]
    yield from dict.fromkeys(sentence for sentence in found if sentence)


def _position(position: int, language: str) -> str | None:
    family = family_of(language)
    if position < 1 or family == "other":
        return None
    return _english_position(position) if family == "en" else _mandarin_position(position)


def _english_position(position: int) -> str:
    if position == 1:
        return "You are next in the queue."
    if position > MOST_PLACES:
        return f"There are more than {english_numbers.cardinal(MOST_PLACES)} callers before you."
    if position > EXACT_PLACES:
        about = english_numbers.cardinal(_in_fives(position))
        return f"You are about number {about} in the queue."
    return f"You are number {english_numbers.cardinal(position)} in the queue."


def _mandarin_position(position: int) -> str:
    if position == 1:
        return "您是下一位。"
    if position > MOST_PLACES:
        return f"您前面还有{mandarin_numbers.cardinal(MOST_PLACES)}多位来电者。"
    if position > EXACT_PLACES:
        return f"您大约排在第{mandarin_numbers.cardinal(_in_fives(position))}位。"
    return f"您现在排在第{mandarin_numbers.cardinal(position)}位。"


def _wait(seconds: float, language: str) -> str | None:
    family = family_of(language)
    if not (math.isfinite(seconds) and seconds >= 0) or family == "other":
        return None
    minutes = math.floor(seconds / 60 + 0.5)
    if minutes > EXACT_MINUTES:
        minutes = _in_fives(minutes)
    return _english_wait(minutes) if family == "en" else _mandarin_wait(minutes)


def _english_wait(minutes: int) -> str:
    if minutes < 1:
        return "The wait is less than a minute."
    if minutes > MOST_MINUTES:
        return "The wait is more than an hour."
    if minutes == MOST_MINUTES:
        return "The wait is about an hour."
    unit = "minute" if minutes == 1 else "minutes"
    return f"The wait is about {english_numbers.cardinal(minutes)} {unit}."


def _mandarin_wait(minutes: int) -> str:
    if minutes < 1:
        return "预计等待时间不到一分钟。"
    if minutes > MOST_MINUTES:
        return "预计等待时间超过一小时。"
    if minutes == MOST_MINUTES:
        return "预计等待时间约一小时。"
    return f"预计等待时间约{mandarin_numbers.counted(minutes, '分钟')}。"


def _in_fives(number: int) -> int:
    return _STEP * math.floor(number / _STEP + 0.5)
