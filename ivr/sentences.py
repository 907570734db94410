"""Where a text is parted, and how long its parts will take before anybody has rendered them."""

from __future__ import annotations

import re

#: Fewer characters than this are no sentence of their own ("No.", "Dr. Li").
FRAGMENT_MIN = 12

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])\s*")
#: Seconds of one letter or space and of one digit, and what every sentence takes besides; fitted to
#: flite's slt and espeak-ng 1.51, which `tests/unit/ivr/test_sentences.py` holds them to.
_PACE = {"en": (0.062, 0.2, 0.45), "zh": (0.31, 0.25, 0.6)}
_ANY_PACE = (0.052, 0.2, 0.4)


def fragments(text: str) -> tuple[str, ...]:
    """The sentences of a text: where one changes from caller to caller, the others stay cached."""
    parts: list[str] = []
    for part in _SENTENCE_END.split(" ".join(text.split())):
        if not any(c.isalnum() for c in part):
            continue
        if parts and weight(parts[-1]) < FRAGMENT_MIN:
            joint = "" if parts[-1][-1] in "。！？" else " "
            parts[-1] = f"{parts[-1]}{joint}{part}"
        else:
            parts.append(part)
    return tuple(parts)


def weight(text: str) -> int:
    """Length in Latin letters. A Chinese character is about a syllable; three of them are as long
    as a short word."""
    return sum(3 if is_syllable(c) else 1 for c in text)


def is_syllable(letter: str) -> bool:
    return letter > "\u2e80"


def estimated_s(sentence: str, language: str) -> float:
    """Seconds that one sentence will take, within a third of what our engines speak."""
    letter_s, digit_s, besides_s = _PACE.get(language[:2].lower(), _ANY_PACE)
    digits = sum(c.isdigit() for c in sentence)
    syllables = sum(is_syllable(c) and c.isalnum() for c in sentence)
    letters = sum(c.isalpha() or c == " " for c in sentence) - syllables
    syllable_s = _PACE["zh"][0]
    if language[:2].lower() == "zh":
        letter_s = _ANY_PACE[0]
    return besides_s + letters * letter_s + syllables * syllable_s + digits * digit_s
