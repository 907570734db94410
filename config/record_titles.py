"""Titles of call records: the texts as they come, and what may stand in them."""

from __future__ import annotations

import string
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field

TitleKind = Literal[
    "inbound_answered",
    "inbound_missed",
    "inbound_voicemail",
    "inbound_callback",
    "inbound_transferred",
    "outbound",
    "internal",
]
KINDS: tuple[str, ...] = get_args(TitleKind)

#: In the order the settings' description names them.
PLACEHOLDERS = ("caller", "number", "queue", "agent", "dialled", "intent", "outcome")

DEFAULT_TITLES: dict[str, str] = {
    "inbound_answered": "Call from {caller}",
    "inbound_missed": "Missed call from {caller}",
    "inbound_voicemail": "Voicemail from {caller}",
    "inbound_callback": "{caller} wants to be called back",
    "inbound_transferred": "Call from {caller}, passed on",
    "outbound": "Call to {caller}",
    "internal": "Internal call from {caller} to {dialled}",
}


def _only_known_placeholders(text: str) -> str:
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError as error:
        raise ValueError(f"a single brace means nothing ({error}); write {{{{ for one") from error
    for _, name, spec, conversion in parts:
        if name is None:
            continue
        if name not in PLACEHOLDERS:
            known = ", ".join(f"{{{each}}}" for each in PLACEHOLDERS)
            raise ValueError(f"there is no placeholder {{{name}}}; these are: {known}")
        if spec or conversion:
            raise ValueError(f"{{{name}}} stands alone, without a format")
    return text


TitleTemplate = Annotated[
    str, Field(min_length=1, max_length=200), AfterValidator(_only_known_placeholders)
]
