"""What a CRM says in its own words, made fit to be repeated to administrators.

It goes into logs, the outbox and terminals, so it holds neither a caller's number nor anybody's
e-mail address, no control characters, nothing that turns the direction of writing, no square
brackets (which are markup on our terminals), and it is one short line.
"""

from __future__ import annotations

import re
import unicodedata

from crm_adapter.http.traces import MASKED

LONGEST = 200
#: So much is looked at.
_READ = 2_000
_ADDRESS = re.compile(r"[^\s()<>\"',;:]{0,64}@[^\s()<>\"',;:]*")
#: Five digits or more, with what people put between them.
_NUMBER = re.compile(r"\+?\(?\d(?:[ ()./*\-\u2010-\u2015\u2212]{0,3}\d){4,}")
_BRACKETS = str.maketrans("[]", "()")


def quoted(text: object, longest: int = LONGEST) -> str:
    """Empty for what is no text. A name cannot be told from other words, so it may be in it."""
    if not isinstance(text, str):
        return ""
    plain = unicodedata.normalize("NFKC", text[:_READ])
    line = " ".join("".join(one if one.isprintable() else " " for one in plain).split())
    line = _ADDRESS.sub(MASKED, line.translate(_BRACKETS))
    return _NUMBER.sub(MASKED, line)[:longest]
