"""Card numbers in what people write or type: found, and masked to their last four digits before
anything is stored (PCI DSS 3.4.1). Pure.

A card number is 14 to 19 digits, written as one or in the groups that are printed on cards, that
begin as one issuer's cards do (ISO/IEC 7812; the ranges are those the issuers publish), are as long
as theirs, and whose last digit is the check digit of the others (Luhn). Thirteen digits are left
alone: a few old Visa cards have so many, but telephone and item numbers (EAN-13) have them too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

#: What a masked number begins with; its last four digits follow.
MASK = "****"
_SHOWN = 4
_SHORTEST, _LONGEST = 14, 19

#: First digits, from and to, with the lengths that such cards have.
_ISSUERS: tuple[tuple[str, str, frozenset[int]], ...] = (
    ("34", "34", frozenset({15})),  # American Express
    ("37", "37", frozenset({15})),
    ("4", "4", frozenset({16, 19})),  # Visa
    ("51", "55", frozenset({16})),  # Mastercard
    ("2221", "2720", frozenset({16})),
    ("300", "305", frozenset(range(14, 20))),  # Diners Club
    ("36", "36", frozenset(range(14, 20))),
    ("38", "39", frozenset(range(14, 20))),
    ("3528", "3589", frozenset(range(16, 20))),  # JCB
    ("6011", "6011", frozenset(range(16, 20))),  # Discover
    ("644", "659", frozenset(range(16, 20))),
    ("62", "62", frozenset(range(16, 20))),  # UnionPay
    ("81", "81", frozenset(range(16, 20))),
    ("2200", "2204", frozenset(range(16, 20))),  # Mir
    ("50", "50", frozenset(range(16, 20))),  # Maestro
    ("56", "58", frozenset(range(16, 20))),
    ("60", "60", frozenset(range(16, 20))),
    ("63", "63", frozenset(range(16, 20))),
    ("67", "69", frozenset(range(16, 20))),
)
#: How many digits the groups have that a card's number is printed in.
_GROUPS = {(4, 4, 4, 4), (4, 4, 4, 4, 3), (4, 6, 5), (4, 6, 4)}
_MOST_GROUPS = max(map(len, _GROUPS))

_BLANK = "[ \t\u00a0\u2000-\u200a\u202f\u3000]"
_HYPHEN = "[-\u2010-\u2015\uff0d]"
#: Between two groups of digits of one number.
_BETWEEN = f"(?:{_BLANK}{{1,2}}|{_BLANK}?{_HYPHEN}{_BLANK}?)"
#: Groups of digits, so parted. `\d` are digits of any script.
_RUN = re.compile(rf"(?<!\d)\+?\d+(?:{_BETWEEN}\d+)*")
#: What `+` begins is a telephone's number, up to so many digits (E.164).
_LONGEST_E164 = 15
_GROUP = re.compile(r"\d+")


def without_cards(text: str, *, spare: Iterable[str | None] = ()) -> str:
    """The text with each card number masked. Numbers of `spare`, the telephone numbers of the
    call, stay as they are however they are written."""
    if sum(map(str.isdecimal, text)) < _SHORTEST:
        return text
    spared = {_digits(number) for number in spare if number}
    return _RUN.sub(lambda run: _masked(run[0], spared), text)


def is_card(digits: str) -> bool:
    """Of digits alone, nothing between them."""
    return (
        _SHORTEST <= len(digits) <= _LONGEST
        and digits.isdecimal()
        and any(
            first <= _digits(digits)[: len(first)] <= last and len(digits) in lengths
            for first, last, lengths in _ISSUERS
        )
        and _has_check_digit(digits)
    )


def _masked(run: str, spared: set[str]) -> str:
    """Of a run, groups that lie beside each other may be a number: the longest one first."""
    if run.startswith("+") and sum(map(str.isdecimal, run)) <= _LONGEST_E164:
        return run
    groups = list(_GROUP.finditer(run))
    kept, done, first = [], 0, 0
    while first < len(groups):
        last = _card_from(groups[first : first + _MOST_GROUPS], spared)
        if last is None:
            first += 1
            continue
        begin, end = groups[first].start(), groups[first + last].end()
        kept += [run[done:begin], MASK, _digits(run[begin:end])[-_SHOWN:]]
        done, first = end, first + last + 1
    return "".join([*kept, run[done:]])


def _card_from(groups: list[re.Match[str]], spared: set[str]) -> int | None:
    """The group with which a card number ends that begins with the first one."""
    digits, found = "", None
    for last, group in enumerate(groups):
        digits += _digits(group[0])
        if digits in spared:
            return None
        if _is_printed_so(groups[: last + 1]) and is_card(digits):
            found = last
    return found


def _is_printed_so(groups: list[re.Match[str]]) -> bool:
    """As one, or as cards have it, with one and the same between all groups."""
    if len(groups) == 1:
        return True
    between = {one.string[one.end() : other.start()] for one, other in pairwise(groups)}
    return len(between) == 1 and tuple(len(group[0]) for group in groups) in _GROUPS


def _digits(text: str) -> str:
    """In ASCII, whatever script they are written in."""
    return "".join(str(int(one)) for one in text if one.isdecimal())


def _has_check_digit(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
