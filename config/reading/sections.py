"""The sections of a rulebook: which there are, and who reads each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from config.facts import OWN_SEGMENTS, Fact, FactKind
from config.located_yaml import Document
from config.problems import MAX_PROBLEMS, Problem, did_you_mean
from config.reading.calendars import YEARS_AHEAD, read_holidays
from config.reading.examples import read_test
from config.reading.experiments import read_experiment
from config.reading.found import Found
from config.reading.hours import read_hours
from config.reading.menus import read_menu
from config.reading.numbers import read_numbers
from config.reading.offers import read_offer
from config.reading.own_facts import own_facts
from config.reading.periods import read_closure, read_promotion
from config.reading.programmes import read_programme
from config.reading.reader import Reader
from config.reading.rules import read_rules
from config.reading.segments import read_segment
from config.reading.skills import read_skill
from config.reading.webhooks import read_webhook
from config.yaml_sentences import missing_blank

SECTIONS = (
    "texts",
    "numbers",
    "hours",
    "holidays",
    "closures",
    "promotions",
    "segments",
    "skills",
    "webhooks",
    "menus",
    "rules",
    "programmes",
    "offers",
    "experiments",
    "tests",
)
#: What a section refers to is read before it.
READ_IN_ORDER = (
    "skills",
    "holidays",
    "hours",
    "closures",
    "promotions",
    "segments",
    "webhooks",
    "texts",
    "numbers",
    "menus",
    "rules",
    "programmes",
    "offers",
    "experiments",
    "tests",
)
#: Beyond any real centre; keeps the search for ways through them short.
MAX_MENUS = 500
#: Each is made into a program of its own when it is read.
MAX_TEXTS = 5_000
#: Of holidays, hours and their like.
MAX_NAMED = 200

#: Each of their arms is walked dry with every caller.
MAX_EXPERIMENTS = 20

_LIMITS = {"menus": MAX_MENUS, "texts": MAX_TEXTS, "experiments": MAX_EXPERIMENTS}
_LISTS = ("tests",)
_UNNAMED = ("numbers", "rules", "tests")
_YEAR = re.compile(r"20[0-9]{2}|21[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Section:
    """One section of one file; the same may stand in several."""

    document: Document
    name: str
    raw: Any


def sections_of(document: Document) -> list[Section]:
    data = document.data
    listed = ", ".join(SECTIONS)
    if data is None:
        if not document.problems:
            sentence = f"the file is empty; it holds one or more of {listed}"
            document.problems.append(Problem(document.file, 1, sentence))
        return []
    if not isinstance(data, dict):
        hint = missing_blank(data) if isinstance(data, str) else None
        sentence = hint or f"the file must hold one or more of {listed}"
        document.problems.append(Problem.at(document.place(()), sentence))
        return []
    good = []
    for name, raw in data.items():
        place = document.place((name,))
        wanted = "a list (- item)" if name in _LISTS else "a mapping (key: value)"
        if (name,) in document.blanks:
            continue
        if name not in SECTIONS:
            hint = f"; there are: {listed}"
            if len(document.problems) < MAX_PROBLEMS:
                hint = did_you_mean(name, SECTIONS) or hint
            document.problems.append(Problem.at(place, f"unknown section '{name[:60]}'{hint}"))
        elif not isinstance(raw, list if name in _LISTS else dict):
            document.problems.append(Problem.at(place, f"'{name}' must be {wanted}"))
        else:
            good.append(Section(document, name, raw))
    return good


def collect_names(section: Section, found: Found) -> None:
    """What everything else may refer to, wherever it stands."""
    raw = section.raw
    if section.name not in _UNNAMED:
        names = found.names.setdefault(section.name, set())
        names.update(raw)
        limit = _LIMITS.get(section.name, MAX_NAMED)
        if len(names) > limit:
            sentence = f"a rulebook holds at most {limit} {section.name}"
            place = section.document.place((section.name,))
            section.document.problems.append(Problem.at(place, sentence))
            raw.clear()
    if section.name == "segments":
        found.facts[OWN_SEGMENTS] = Fact(FactKind.SET, tuple(sorted(found.named("segments"))))
    if section.name == "tests":
        found.years |= set(_years_of(raw))
    elif section.name != "texts":
        found.facts.update(own_facts(section.name, raw))
    found.years |= {found.today.year + ahead for ahead in range(YEARS_AHEAD)}


def _years_of(tests: list[Any]) -> Iterator[int]:
    for test in tests:
        given = test.get("given") if isinstance(test, dict) else None
        at = given.get("at") if isinstance(given, dict) else None
        if isinstance(at, str) and _YEAR.match(at):
            yield int(at[:4])


def _read_text(reader: Reader, name: str, raw: Any) -> None:
    # A text that is wrong still counts as given: it is reported once, not at every use.
    reader.found.texts[name] = reader.text(raw, ("texts", name), name=name)


def _read_calendar(reader: Reader, name: str, raw: Any) -> None:
    reader.found.holidays[name] = read_holidays(reader, raw, ("holidays", name))


_Read = Callable[[Reader, str, Any], None]
_READERS: dict[str, _Read] = {
    "skills": read_skill,
    "holidays": _read_calendar,
    "hours": read_hours,
    "closures": read_closure,
    "promotions": read_promotion,
    "segments": read_segment,
    "webhooks": read_webhook,
    "texts": _read_text,
    "menus": read_menu,
    "programmes": read_programme,
    "offers": read_offer,
    "experiments": read_experiment,
}


def read_section(section: Section, reader: Reader) -> None:
    """Raises TooManyProblems."""
    found, raw = reader.found, section.raw
    match section.name:
        case "numbers":
            found.numbers_place = section.document.place((section.name,))
            read_numbers(reader, raw)
        case "rules":
            read_rules(reader, raw)
        case "tests":
            for index, item in enumerate(raw):
                read_test(reader, index, item)
        case name:
            for key, item in raw.items():
                _read_named(reader, name, key, item)


def _read_named(reader: Reader, section: str, name: str, raw: Any) -> None:
    path = (section, name)
    place = reader.place(path)
    first = reader.found.places.setdefault(path, place)
    if first is not place:
        reader.report(path, f"'{name}' is already given in {first}")
    else:
        _READERS[section](reader, name, raw)
