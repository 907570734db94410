"""What went over the wire, for an administrator's eyes: `switchboard crm test` prints it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

MASKED = "***"
#: The method of what was asked in SQL.
SQL = "SQL"
#: More of an answer says nothing more.
LONGEST = 20_000


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, secrets masked. `status` is None where none came; `answer` then
    says why. Of a question to a database it is how many rows came."""

    method: str
    url: str
    request: str
    status: int | None
    answer: str
    seconds: float


#: Told of each exchange; must not raise.
Trace = Callable[[Exchange], None]


#: In the answer to a log-in the secret is new: nobody could have named it before.
_GIVEN = re.compile(r'("(?:access_token|refresh_token|id_token)"\s*:\s*")[^"]+')


def masked(text: str, secrets: Iterable[str]) -> str:
    """`text` without any of `secrets`, however they are part of it, and without the tokens that an
    OAuth2 answer gives."""
    for secret in filter(None, secrets):
        for spelling in _spellings(secret):
            text = text.replace(spelling, MASKED)
    return _GIVEN.sub(rf"\g<1>{MASKED}", text)[:LONGEST]


def _spellings(secret: str) -> list[str]:
    """As it is, in an address, in a form, in JSON; the longest first."""
    in_json = {json.dumps(secret, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)}
    found = {secret, quote(secret, safe=""), quote_plus(secret)} | in_json
    return sorted(found, key=len, reverse=True)
