"""Addresses with fields, as `{number}` or as VICIdial writes them: `--A--phone_number--B--`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, unquote, urlsplit

from config.problems import did_you_mean

#: What a field means; said in docs/screenpop-api.md.
FIELDS = (
    "number",
    "network_name",
    "dialled",
    "queue",
    "call_id",
    "uniqueid",
    "agent",
    "contact",
    "contact_id",
    "name",
    "company",
    "language",
    "attestation",
    "outcome",
    "tier",
    "intent",
    "arrived",
)
#: VICIdial's own names (docs/CALL_URL_FEATURES.txt there) for what is a field of ours.
ALIASES = {
    "phone_number": "number",
    "lead_id": "contact_id",
    "vendor_lead_code": "contact_id",
    "user": "agent",
    "group": "queue",
    "campaign": "queue",
    "did_pattern": "dialled",
    "did_extension": "dialled",
}
_FIELD = re.compile(r"\{([^{}]*)\}|--A--(.*?)--B--")
_HOST_DONE = re.compile(r"https?://[^/?#]+[/?#]", re.IGNORECASE)
LONGEST = 4_000


@dataclass(frozen=True, slots=True)
class PopAddress:
    """`pieces` are text and fields in turn, text first."""

    pieces: tuple[str, ...]

    @classmethod
    def parsed(cls, template: str) -> Self:
        """Raises ValueError with a sentence that names the field."""
        pieces: list[str] = []
        end = 0
        for found in _FIELD.finditer(template):
            pieces += (template[end : found.start()], _field(found[1] or found[2] or ""))
            end = found.end()
        pieces.append(template[end:])
        for text in pieces[::2]:
            if "{" in text or "}" in text or "--A--" in text:
                raise ValueError("'url' has a { without its }, or an --A-- without its --B--")
        if len(pieces) > 1 and not _HOST_DONE.match(pieces[0]):
            raise ValueError(f"'url' must not have the field '{pieces[1]}' in its host")
        return cls(tuple(pieces))

    def example(self) -> str:
        return self._joined(dict.fromkeys(FIELDS, "x"))

    def filled(self, values: Mapping[str, str]) -> str | None:
        """Each value encoded so that it stays one value; None where the whole is too long, or
        values make a step up (`..`) of what should be a name in the path."""
        url = self._joined({name: quote(text, safe="") for name, text in values.items()})
        # Browsers take %2e for a dot here.
        steps = [unquote(step) for step in urlsplit(url).path.split("/")]
        if len(url) > LONGEST or "." in steps or ".." in steps:
            return None
        return url

    def _joined(self, encoded: Mapping[str, str]) -> str:
        return "".join(
            encoded.get(piece, "") if at % 2 else piece for at, piece in enumerate(self.pieces)
        )


def literal_host(template: str) -> str:
    """Of an address whose host holds no field."""
    try:
        return (urlsplit(template).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _field(name: str) -> str:
    known = ALIASES.get(name, name)
    if known in FIELDS:
        return known
    hint = did_you_mean(name, [*FIELDS, *ALIASES]) or f"; there are: {', '.join(FIELDS)}"
    raise ValueError(f"'url' has an unknown field '{name[:60]}'{hint}")
