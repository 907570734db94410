"""The one way from YAML files to a Rulebook: for run, check, reload and explain alike.

Every file and every part is read even where another is wrong, so that an author sees all problems
at once; a rulebook comes out only where there is no error.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from config import rulebook_checks, section_readers
from config.facts import FACTS
from config.located_yaml import Document, read_yaml
from config.part_readers import Reader, TooManyProblems
from config.problems import MAX_PROBLEMS, Place, Problem, ProblemsFound, Severity, did_you_mean
from config.rulebook import Rulebook
from config.rulebook_files import RulebookFiles, read_rulebook_files
from config.section_readers import Found
from config.spoken_text import Text
from config.stock_texts import OPTION_VALUES, STOCK_TEXTS
from config.surroundings import BARE, Surroundings
from config.templates import compile_template

#: The example that is used where nobody wrote a rulebook yet.
SHIPPED = Path(__file__).parent / "defaults" / "rulebook"

SECTIONS = ("texts", "numbers", "menus", "rules", "programmes", "offers", "tests")
_LISTS = ("tests",)
#: Beyond any real centre; keeps the search for ways through them short.
MAX_MENUS = 500


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


def load_files(files: RulebookFiles, *, around: Surroundings = BARE) -> Loaded:
    documents = [
        read_yaml(str(Path(files.folder) / name), content)
        for name, content in files.contents.items()
    ]
    found = Found(around, Place(files.folder, 0), texts=_stock_texts())
    sections = [section for document in documents for section in _sections(document)]
    sections.sort(key=lambda section: SECTIONS.index(section[1]))
    for document, name, raw in sections:
        _collect_names(document, name, raw, found)
    for document, name, raw in sections:
        with contextlib.suppress(TooManyProblems):
            _read_section(document, name, raw, found)
    problems = [*files.problems, *(p for document in documents for p in document.problems)]
    if sections and not any(_is_unread(document) for document in documents):
        problems += itertools.islice(rulebook_checks.check_whole(found), MAX_PROBLEMS)
    if any(problem.is_error for problem in problems):
        return Loaded(None, _ordered(problems), files)
    return Loaded(_freeze(found, files.version), _ordered(problems), files)


def _stock_texts() -> dict[str, Text]:
    variables = FACTS.keys() | OPTION_VALUES
    return {
        name: Text(
            {language: compile_template(source, variables) for language, source in texts.items()},
            Place("", 0),
            name,
        )
        for name, texts in STOCK_TEXTS.items()
    }


def _is_unread(document: Document) -> bool:
    """What stands in it is not known, so nothing can be called missing."""
    return document.data is None and bool(document.problems)


def _sections(document: Document) -> list[tuple[Document, str, Any]]:
    data = document.data
    if data is None:
        if not document.problems:
            sentence = f"the file is empty; it holds one or more of {', '.join(SECTIONS)}"
            document.problems.append(Problem(document.file, 1, sentence))
        return []
    if not isinstance(data, dict):
        sentence = f"the file must hold one or more of {', '.join(SECTIONS)}"
        document.problems.append(Problem.at(document.place(()), sentence))
        return []
    good = []
    for name, raw in data.items():
        place = document.place((name,))
        wanted = "a list (- item)" if name in _LISTS else "a mapping (key: value)"
        if name not in SECTIONS:
            hint = did_you_mean(name, SECTIONS) or f"; there are: {', '.join(SECTIONS)}"
            document.problems.append(Problem.at(place, f"unknown section '{name[:60]}'{hint}"))
        elif not isinstance(raw, list if name in _LISTS else dict):
            document.problems.append(Problem.at(place, f"'{name}' must be {wanted}"))
        else:
            good.append((document, name, raw))
    return good


def _collect_names(document: Document, section: str, raw: Any, found: Found) -> None:
    if section == "menus":
        found.menu_names |= raw.keys()
        if len(found.menu_names) > MAX_MENUS:
            sentence = f"a rulebook holds at most {MAX_MENUS} menus"
            document.problems.append(Problem.at(document.place((section,)), sentence))
            raw.clear()
    elif section == "programmes":
        found.programme_names |= raw.keys()


def _read_section(document: Document, section: str, raw: Any, found: Found) -> None:
    reader = Reader(document, found.texts)
    match section:
        case "numbers":
            found.numbers_place = document.place((section,))
            section_readers.read_numbers(reader, raw, found)
        case "rules":
            section_readers.read_rules(reader, raw, found)
        case "offers":
            reader.warn((section,), "'offers' are not made by this version; the rest works")
        case "tests":
            for index, item in enumerate(raw):
                section_readers.read_test(reader, index, item, found)
        case _:
            for name, item in raw.items():
                _read_named(reader, section, name, item, found)


def _read_named(reader: Reader, section: str, name: str, raw: Any, found: Found) -> None:
    path = (section, name)
    place = reader.document.place(path)
    first = found.places.setdefault(path, place)
    if first is not place:
        reader.report(path, f"'{name}' is already given in {first}")
    elif section == "texts":
        # A text that is wrong still counts as given: it is reported once, not at every use.
        found.texts[name] = reader.text(raw, path, name=name) or found.texts["welcome"]
    elif section == "menus":
        section_readers.read_menu(reader, name, raw, found)
    else:
        section_readers.read_programme(reader, name, raw, found)


def _ordered(problems: list[Problem]) -> tuple[Problem, ...]:
    unique = sorted(set(problems))
    if len(unique) <= MAX_PROBLEMS:
        return tuple(unique)
    left_out = f"{len(unique) - MAX_PROBLEMS} more problems are left out"
    last = Problem(unique[MAX_PROBLEMS].file, 0, left_out, Severity.WARNING)
    kept = [problem for problem in unique if problem.is_error][:MAX_PROBLEMS]
    return (*kept, last)


def _freeze(found: Found, version: str) -> Rulebook:
    def frozen(mapping: Mapping[str, Any]) -> Mapping[str, Any]:
        return MappingProxyType(dict(mapping))

    return Rulebook(
        version=version,
        numbers=frozen(found.numbers),
        menus=frozen(found.menus),
        rules=tuple(found.rules),
        programmes=frozen(found.programmes),
        texts=frozen(found.texts),
        default_queue=found.around.default_queue,
        tests=tuple(found.tests),
        languages=frozen(rulebook_checks.full_languages(found)),
    )
