"""Section `segments`: groups of contacts in the supervisors' own words, shown on pops, counted by
`switchboard segments`, and asked for by `caller.segments`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from config.facts import SEGMENT_FACTS
from config.reading.hours import fact_name
from config.reading.parts import Part, RawText, shaped
from config.reading.reader import Path, Reader
from config.rulebook import OwnSegment
from config.shape import check_shape

MAX_TITLE = 80


class SegmentPart(Part):
    when: Annotated[Any, shaped("segment_condition")]
    """Who belongs to it, by what the nightly run knows of a contact."""
    title: RawText = None
    """As agents and supervisors read it: a text, or one per language, without values in it."""


def read_segment(reader: Reader, name: str, raw: Any) -> None:
    path: Path = ("segments", name)
    before = reader.errors
    fact_name(reader, name, path)
    part = check_shape(SegmentPart, raw, path, reader.report)
    given = raw if isinstance(raw, dict) else {}
    _no_other_facts(reader, given.get("when"), (*path, "when"))
    when = reader.when(given, path)
    titles = _titles(reader, given, path)
    if part is None or when is None or reader.errors > before:
        return
    place = reader.place(path)
    reader.found.segments[name] = OwnSegment(name, titles, when, place)


def _titles(reader: Reader, given: dict[str, Any], path: Path) -> dict[str, str]:
    text = reader.optional_text(given, "title", path)
    titles: dict[str, str] = {}
    for language, template in text.by_language.items() if text else ():
        if template.fixed is None:
            reader.report((*path, "title"), "a title is the same for everybody: no {{ }} in it")
        elif len(template.fixed) > MAX_TITLE:
            sentence = f"a title has at most {MAX_TITLE} characters, to be read at a glance"
            reader.report((*path, "title"), sentence)
        else:
            titles[language] = template.fixed
    return titles


def _no_other_facts(reader: Reader, raw: Any, path: Path) -> None:
    """Facts that exist, and that a segment cannot ask for; others are told of with the condition's
    other mistakes."""
    listed = ", ".join(SEGMENT_FACTS)
    for fact, where in _asked(raw, path, 0):
        if fact in reader.found.facts and fact not in SEGMENT_FACTS:
            sentence = f"a segment cannot ask for '{fact}', which no nightly run knows of a contact"
            reader.report(where, f"{sentence}; there are: {listed}")


def _asked(raw: Any, path: Path, depth: int) -> Iterator[tuple[str, Path]]:
    if depth > 20:
        return
    if isinstance(raw, list):
        for index, item in enumerate(raw):
            yield from _asked(item, (*path, index), depth + 1)
    elif isinstance(raw, dict):
        for key, value in raw.items():
            if key in ("all", "any", "not"):
                yield from _asked(value, (*path, key), depth + 1)
            elif isinstance(key, str):
                yield key, (*path, key)
