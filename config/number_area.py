"""From where a number calls, and no more of it: the country's code and the area's, as `+86 20`.

Mobile numbers belong to no area: theirs is the country's code alone.
"""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers

_E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
#: Digits that are looked at: no area code ends later, and no subscriber can be told by them.
_LOOKED_AT = 8
_KEPT = 50_000


def area_of(e164: str | None, *, withheld: bool = False) -> str:
    """Empty for a withheld number, and for what is none."""
    if withheld or e164 is None or not _E164.fullmatch(e164):
        return ""
    begins = e164[: _LOOKED_AT + 1]
    return _area(begins, len(e164) - len(begins))


@lru_cache(maxsize=_KEPT)
def _area(begins: str, more: int) -> str:
    """The rest is looked at as zeros, so that the same beginning is always the same area."""
    try:
        number = phonenumbers.parse(begins + "0" * more)
    except phonenumbers.NumberParseException:
        return ""
    country = f"+{number.country_code}"
    length = phonenumbers.length_of_geographical_area_code(number)
    area = phonenumbers.national_significant_number(number)[:length]
    return f"{country} {area}" if area else country
