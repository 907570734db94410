"""Something to say, in one or several languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from config.problems import Place
from config.templates import Template

#: Key of a text that the author wrote once, without naming a language.
ANY_LANGUAGE = ""


@dataclass(frozen=True, slots=True)
class Text:
    """By language: ISO 639 codes, or ANY_LANGUAGE."""

    by_language: Mapping[str, Template]
    place: Place
    #: Under `texts`; else where it stands, by which a recording may be named (`main-greeting`).
    name: str | None = None

    def in_language(self, language: str) -> Template:
        """The nearest there is: this language, the one for any, else the first written."""
        found = self.by_language.get(language) or self.by_language.get(ANY_LANGUAGE)
        return found or next(iter(self.by_language.values()))
