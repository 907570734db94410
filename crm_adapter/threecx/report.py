"""What was carried over, what to look at, and what was not."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class Level(enum.StrEnum):
    """How much there is to do."""

    #: Without it the mapping cannot be used.
    MISSING = "missing"
    #: Not carried over.
    LOST = "lost"
    #: Carried over, but not quite the same, or something is to be filled in.
    LOOK = "look"


@dataclass(frozen=True, slots=True)
class Entry:
    level: Level
    #: Where it stands in the template.
    element: str
    sentence: str


@dataclass(slots=True)
class Report:
    entries: list[Entry] = field(default_factory=list)

    def missing(self, element: str, sentence: str) -> None:
        self._add(Entry(Level.MISSING, element, sentence))

    def lost(self, element: str, sentence: str) -> None:
        self._add(Entry(Level.LOST, element, sentence))

    def look(self, element: str, sentence: str) -> None:
        self._add(Entry(Level.LOOK, element, sentence))

    def _add(self, entry: Entry) -> None:
        if entry not in self.entries:
            self.entries.append(entry)

    @property
    def is_usable(self) -> bool:
        return not any(entry.level is Level.MISSING for entry in self.entries)


class Untranslatable(Exception):
    """There is no word for it in a mapping; the message is the reason."""
