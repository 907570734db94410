"""What is wrong in something people wrote: where, in one sentence, and how bad it is."""

from __future__ import annotations

import difflib
import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from calls.errors import Misconfigured

#: Of one file, and of a whole rulebook: nobody reads more, and naming what was meant takes time.
MAX_PROBLEMS = 200
#: Names that one is compared with to guess what was meant; each takes some 20 µs.
MOST_COMPARED = 150


class Severity(enum.StrEnum):
    #: Cannot be used; whatever was good before stays.
    ERROR = "error"
    #: Can be used, and somebody should look at it.
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line of a file, counted from 1. Line 0 is the file as a whole."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """`str()` gives `file:line: sentence`."""

    file: str
    line: int
    sentence: str
    severity: Severity = Severity.ERROR

    @classmethod
    def at(cls, place: Place, sentence: str, severity: Severity = Severity.ERROR) -> Problem:
        return cls(place.file, place.line, sentence, severity)

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR

    def __str__(self) -> str:
        mark = "" if self.is_error else "warning: "
        return f"{Place(self.file, self.line)}: {mark}{self.sentence}"


class ProblemsFound(Misconfigured):
    """Every problem at once, one to a line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'menu'?` or, where nothing is near, an empty string."""
    names = list(known)
    if len(names) > MOST_COMPARED:
        names = [name for name in names if name[:1] == word[:1]][:MOST_COMPARED]
    near = difflib.get_close_matches(word[:100], names, n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else ""


def as_said(raw: Any) -> str:
    """What an author wrote, in the words of a sentence."""
    if raw is None:
        return "nothing"
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, list):
        return "a list"
    return "a mapping" if isinstance(raw, dict) else f"'{str(raw)[:60]}'"
