"""What a search in an agent's own calls looks through, and what it looks for: folded alike, so that
case, accents and the width of letters do not matter."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from screenpop.pops.content import PopContent, clean

MAX_SOUGHT = 200
_MAX_WORDS = 8
_MAX_STORED = 4000
#: Below this, digits are a word like any other.
_FEWEST_DIGITS = 3
#: The digits that numbers of one spelling and another share: without prefixes for abroad, the
#: country, or long distance.
_SHARED_DIGITS = 9
_NUMBER = re.compile(r"\+?[0-9(][0-9 ()./-]*", re.ASCII)

#: A wrap-up's code as the desktop names it, in English and Chinese.
CODE_TITLES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "resolved": ("Resolved", "已解决"),
        "follow_up": ("Follow up", "需跟进"),
        "callback": ("Call back", "需回电"),
        "sale": ("Sale", "成交"),
        "complaint": ("Complaint", "投诉"),
        "wrong_number": ("Wrong number", "打错电话"),
        "other": ("Other", "其他"),
    }
)


@dataclass(frozen=True, slots=True)
class Sought:
    """A call is found that has every one of the `words`, or these `digits` in a row."""

    words: tuple[str, ...]
    digits: str | None = None


def folded(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in plain if not unicodedata.combining(letter)).casefold()


def sought(text: str) -> Sought | None:
    """None where there is nothing to look for."""
    asked = folded(clean(" ".join(text.split()), MAX_SOUGHT))
    words = tuple(dict.fromkeys(asked.split()))[:_MAX_WORDS]
    if not words:
        return None
    digits = _digits(asked) if _NUMBER.fullmatch(asked) else ""
    if len(digits) < _FEWEST_DIGITS:
        return Sought(words)
    return Sought((asked,), digits)


def words_of(content: PopContent, code: str | None, note: str) -> str:
    """All that a pop is found by, one thing a line."""
    lines = "\n".join(folded(part) for part in _parts(content, code, note) if part)
    return lines[:_MAX_STORED]


def _parts(content: PopContent, code: str | None, note: str) -> Iterator[str | None]:
    call, match, contact = content.call, content.match, content.contact
    yield call.number
    yield re.sub(r"[^0-9]", "", call.number or "")
    yield call.network_name
    if contact is not None:
        yield from (contact.name, contact.company)
    else:
        chosen = [one for one in match.candidates if match.selected in (None, one.ref)]
        for candidate in chosen:
            yield from (candidate.name, candidate.company)
    if content.lead is not None:
        yield content.lead.name
    yield from _code(call.queue)
    if code is not None:
        yield from (*_code(code), *CODE_TITLES.get(code, ()))
    yield note


def _code(code: str | None) -> Iterator[str]:
    """Also as people read it."""
    if code:
        yield code
        yield re.sub(r"[_-]+", " ", code)


def _digits(number: str) -> str:
    digits = re.sub(r"[^0-9]", "", number.replace("(0)", ""))
    if len(digits) < _SHARED_DIGITS - 2:
        return digits
    return digits.lstrip("0")[-_SHARED_DIGITS:]
