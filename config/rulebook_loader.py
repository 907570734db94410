"""The one way from YAML files to a Rulebook: for run, check, reload and explain alike.

Every file and every part is read even where another is wrong, so that an author sees all problems
at once; a rulebook comes out only where there is no error.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from config import checks
from config.facts import FACTS, OPTION_FACTS
from config.located_yaml import Document, read_yaml
from config.problems import MAX_PROBLEMS, Place, Problem, ProblemsFound, Severity
from config.reading.found import Found
from config.reading.periods import closures_of
from config.reading.reader import Reader, TooManyProblems
from config.reading.sections import READ_IN_ORDER, Section, collect_names, read_section, sections_of
from config.rulebook import Rulebook
from config.rulebook_files import RulebookFiles, read_rulebook_files
from config.spoken_text import Text
from config.stock_texts import STOCK_TEXTS
from config.surroundings import BARE, Surroundings
from config.templates import compile_template

#: The example that is used where nobody wrote a rulebook yet.
SHIPPED = Path(__file__).parent / "defaults" / "rulebooks" / "shop"


@dataclass(frozen=True, slots=True)
class Loaded:
    """`rulebook` is None where a problem is an error. Problems are in the order of files and
    lines."""

    rulebook: Rulebook | None
    problems: tuple[Problem, ...]
    files: RulebookFiles

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.is_error)

    def with_problems(self, more: Sequence[Problem]) -> Loaded:
        """An error among them takes the rulebook away."""
        problems = _ordered([*self.problems, *more])
        bad = any(problem.is_error for problem in problems)
        return Loaded(None if bad else self.rulebook, problems, self.files)

    def or_raise(self) -> Rulebook:
        """Raises ProblemsFound (a Misconfigured) with every problem."""
        if self.rulebook is None:
            raise ProblemsFound(self.problems)
        return self.rulebook


def load_rulebook(folder: Path, *, around: Surroundings = BARE) -> Loaded:
    """Reads files: call it off the loop. Never raises for what an author wrote."""
    return load_files(read_rulebook_files(folder), around=around)


def load_files(
    files: RulebookFiles, *, around: Surroundings = BARE, today: date | None = None
) -> Loaded:
    """`today` (None: by the clock) is where the calendars of holidays begin."""
    documents = [
        read_yaml(str(Path(files.folder) / name), content)
        for name, content in files.contents.items()
    ]
    for document in documents:
        blanks = itertools.islice(document.blanks.items(), MAX_PROBLEMS)
        document.problems += [Problem.at(document.place(path), what) for path, what in blanks]
    found = Found(
        around=around,
        numbers_place=Place(files.folder, 0),
        today=today or datetime.now(UTC).date(),
        texts=dict(_stock_texts()),
    )
    sections = [section for document in documents for section in sections_of(document)]
    found.is_partial = any(_is_unread(document) for document in documents)
    sections.sort(key=lambda section: READ_IN_ORDER.index(section.name))
    for section in sections:
        collect_names(section, found)
    _read_sections(sections, found)
    _close_doors(found)
    problems = [*files.problems, *(p for document in documents for p in document.problems)]
    if sections and not found.is_partial:
        problems += itertools.islice(checks.check_whole(found), MAX_PROBLEMS)
        problems += itertools.islice(checks.check_recordings(found, files), MAX_PROBLEMS)
    if any(problem.is_error for problem in problems):
        return Loaded(None, _ordered(problems), files)
    problems += itertools.islice(checks.check_sound(found), MAX_PROBLEMS)
    return Loaded(_freeze(found, files), _ordered(problems), files)


@functools.cache
def _stock_texts() -> Mapping[str, Text]:
    """Compiling them takes longer than reading a small rulebook."""
    return {
        name: Text(
            {
                language: compile_template(source, {**FACTS, **OPTION_FACTS})
                for language, source in texts.items()
            },
            Place("", 0),
            name,
        )
        for name, texts in STOCK_TEXTS.items()
    }


def _read_sections(sections: Sequence[Section], found: Found) -> None:
    for section in sections:
        with contextlib.suppress(TooManyProblems):
            read_section(section, Reader(section.document, found))


def _close_doors(found: Found) -> None:
    """Only now every number is known, whose clock hours may go by."""
    for name, hours in found.hours.items():
        closures = closures_of(hours, found.closures, found.numbers.values())
        found.hours[name] = dataclasses.replace(hours, closures=closures)


def _is_unread(document: Document) -> bool:
    """What stands in it is not known, so nothing can be called missing."""
    return document.data is None and bool(document.problems)


def _ordered(problems: list[Problem]) -> tuple[Problem, ...]:
    unique = sorted(set(problems))
    if len(unique) <= MAX_PROBLEMS:
        return tuple(unique)
    left_out = f"{len(unique) - MAX_PROBLEMS} more problems are left out"
    last = Problem(unique[MAX_PROBLEMS].file, 0, left_out, Severity.WARNING)
    kept = [problem for problem in unique if problem.is_error][:MAX_PROBLEMS]
    return (*kept, last)


def _freeze(found: Found, files: RulebookFiles) -> Rulebook:
    def frozen(mapping: Mapping[Any, Any]) -> Mapping[Any, Any]:
        return MappingProxyType(dict(mapping))

    return Rulebook(
        version=files.version,
        numbers=frozen(found.numbers),
        menus=frozen(found.menus),
        rules=tuple(found.rules),
        programmes=frozen(found.programmes),
        texts=frozen(found.texts),
        default_queue=found.around.default_queue,
        tests=tuple(found.tests),
        languages=frozen(checks.full_languages(found)),
        hours=frozen(found.hours),
        promotions=frozen(found.promotions),
        offers=frozen(found.offers),
        segments=frozen(found.segments),
        webhooks=frozen(found.webhooks),
        experiments=frozen(found.experiments),
        facts=frozen(found.facts),
        recordings=frozen({key: sound.sha256 for key, sound in files.sounds.items()}),
    )
