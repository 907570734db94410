"""A listener: amounts back from their words, by other rules than those that made them."""

from __future__ import annotations

import re
from decimal import Decimal

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ENGLISH = {word: value for value, word in enumerate(_SMALL.split())} | {
    word: 10 * value for value, word in enumerate(_TENS.split(), 2)
}
_ENGLISH_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_HUNDREDTH = r"(?:cents?|fen)"
_MANDARIN = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {"两": 2}
_MANDARIN_PLACES = {"十": 10, "百": 100, "千": 1000}


def heard_english(words: str) -> Decimal:
    small = re.fullmatch(rf"(?:(.*) and )?(.*) {_HUNDREDTH}", words)
    whole, hundredths = (small[1] or "", small[2]) if small else (words, "")
    amount = Decimal(_english_whole(re.sub(r" (dollars?|euros?|yuan)$", "", whole)))
    return amount + Decimal(_english_whole(hundredths)) / 100


def _english_whole(words: str) -> int:
    total = group = 0
    for word in words.replace("-", " ").split():
        if word == "hundred":
            group *= 100
        elif word in _ENGLISH_SCALES:
            total, group = total + group * _ENGLISH_SCALES[word], 0
        else:
            group += _ENGLISH[word]
    return total + group


def heard_mandarin(words: str) -> Decimal:
    found = re.fullmatch(
        r"(?:([^元]*?)(?:美元|欧元|元))?零?(?:([^角]+)角)?(?:([^分]+?)(?:美分|欧分|分))?", words
    )
    if found is None or found.end() == 0 or not any(found.groups()):
        return Decimal(_mandarin_whole(words))
    whole, tenths, hundredths = (_mandarin_whole(part or "") for part in found.groups())
    return Decimal(whole) + Decimal(tenths) / 10 + Decimal(hundredths) / 100


def _mandarin_whole(words: str) -> int:
    for name, size in (("亿", 10**8), ("万", 10**4)):
        if name in words:
            before, _, after = words.rpartition(name)
            return _mandarin_whole(before) * size + _mandarin_whole(after)
    total, digit = 0, None
    for word in words:
        if word in _MANDARIN_PLACES:
            total, digit = total + (1 if digit is None else digit) * _MANDARIN_PLACES[word], None
        else:
            digit = _MANDARIN[word] or None
    return total + (digit or 0)
