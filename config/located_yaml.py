"""YAML that remembers file and line, and that cannot hurt: no tags, no bombs, no surprises.

Plain `true` and `false` are the only booleans (`no` is Norwegian, not false); numbers are decimal.
Keys are always text: `+18005550100` stays a telephone number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml import events

from config.problems import Place, Problem
from config.yaml_sentences import missing_blank, nothing_written, syntax_sentence

MAX_BYTES = 1_000_000
MAX_VALUES = 50_000
MAX_DEPTH = 30
MAX_SCALAR = 20_000
MAX_KEY = 200

Path = tuple[str | int, ...]

_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_SAVE_AS = "save the file as UTF-8"
_INT = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})?\.[0-9]{1,18}|[-+]?(0|[1-9][0-9]{0,17})\.")


@dataclass(slots=True)
class Document:
    """`data` is plain Python; `lines` knows the line of every key and item by its path."""

    file: str
    data: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    #: Where nothing at all is written behind a colon or a dash, and what to say of it.
    blanks: dict[Path, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def place(self, path: Path) -> Place:
        """Of the value at `path`, or of the nearest thing around it."""
        for length in range(len(path), -1, -1):
            line = self.lines.get(path[:length])
            if line is not None:
                return Place(self.file, line)
        return Place(self.file, 1)


class _Unreadable(Exception):
    """Ends the reading of one file; never leaves this module."""

    def __init__(self, line: int, sentence: str) -> None:
        self.problem = (line, sentence)


def read_yaml(file: str, content: bytes) -> Document:
    """Never raises: what is wrong is in `problems`, and `data` is then None where nothing could be
    read."""
    document = Document(file)
    text = ""
    try:
        text = _decode(content)
        builder = _Builder(document, text)
        document.data = builder.build()
    except _Unreadable as error:
        document.problems.append(Problem(file, *error.problem))
    except yaml.YAMLError as error:
        document.problems.append(Problem(file, *syntax_sentence(error, text)))
    except RecursionError:
        document.problems.append(Problem(file, 1, "the file is nested too deeply"))
    return document


def _decode(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise _Unreadable(1, f"the file has more than {MAX_BYTES:,} bytes")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _Unreadable(1, f"the file is UTF-16 text; {_SAVE_AS}")
    line = content.count(b"\n", 0, max(content.find(b"\0"), 0)) + 1
    if b"\0" in content:
        raise _Unreadable(line, f"the file contains a NUL byte; it is not text; {_SAVE_AS}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _Unreadable(line, f"the file is not UTF-8 text; {_SAVE_AS}") from error


class _Builder:
    """Builds the values straight from the parser's events, so that limits bite as early as
    possible."""

    def __init__(self, document: Document, text: str) -> None:
        self._document = document
        self._written = text.splitlines()
        self._stream: Iterator[events.Event] = yaml.parse(text, Loader=_LOADER)
        self._count = 0
        #: By anchor: the value and how many values it holds.
        self._anchors: dict[str, tuple[Any, int]] = {}

    def build(self) -> Any:
        data: Any = None
        documents = 0
        for event in self._stream:
            if isinstance(event, events.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    sentence = "a file holds one YAML document; leave out the line ---"
                    raise _Unreadable(_line(event), sentence)
                data = self._value(next(self._stream), ())
        return data

    def _value(self, event: events.Event, path: Path) -> Any:
        line = _line(event)
        self._document.lines.setdefault(path, line)
        self._spend(1, line)
        if isinstance(event, events.AliasEvent):
            return self._alias(event, line)
        tag = getattr(event, "tag", None)
        if tag not in (None, "!"):
            raise _Unreadable(line, f"the tag '{tag[:60]}' is not allowed; write plain values")
        before = self._count
        value: Any
        if len(path) > MAX_DEPTH:
            raise _Unreadable(line, f"nested more than {MAX_DEPTH} levels deep")
        if isinstance(event, events.MappingStartEvent):
            value = self._mapping(path)
        elif isinstance(event, events.SequenceStartEvent):
            value = self._sequence(path)
        else:
            assert isinstance(event, events.ScalarEvent)
            value = _scalar(event, line)
            if value is None and event.value == "" and path:
                self._document.blanks[path] = nothing_written(path[-1], self._written, line)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, self._count - before + 1)
        return value

    def _mapping(self, path: Path) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        while not isinstance(key_event := next(self._stream), events.MappingEndEvent):
            line = _line(key_event)
            if isinstance(key_event, events.MappingStartEvent):
                raise _Unreadable(line, "a text that begins with { must stand in quotes")
            if not isinstance(key_event, events.ScalarEvent):
                raise _Unreadable(line, "a key must be a plain word or a text in quotes")
            key = key_event.value
            if len(key) > MAX_KEY:
                raise _Unreadable(line, f"a key has more than {MAX_KEY} characters")
            if key in mapping:
                first = self._document.lines[(*path, key)]
                self._document.problems.append(
                    Problem(
                        self._document.file,
                        line,
                        f"the key '{key[:60]}' is given twice; the first is in line {first}",
                    )
                )
            else:
                self._document.lines[(*path, key)] = line
            mapping[key] = self._value(next(self._stream), (*path, key))
            joined = missing_blank(key) if not key_event.style else None
            if joined is not None:
                self._document.blanks[(*path, key)] = joined
        return mapping

    def _sequence(self, path: Path) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._stream), events.SequenceEndEvent):
            items.append(self._value(event, (*path, len(items))))
        return items

    def _alias(self, event: events.AliasEvent, line: int) -> Any:
        anchor = str(event.anchor)
        known = self._anchors.get(anchor)
        if known is None:
            raise _Unreadable(line, f"'*{anchor[:60]}' stands before the end of its '&'")
        self._spend(known[1], line)
        return known[0]

    def _spend(self, values: int, line: int) -> None:
        self._count += values
        if self._count > MAX_VALUES:
            raise _Unreadable(
                line, f"the file holds more than {MAX_VALUES:,} values, aliases counted"
            )


def _line(event: events.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _scalar(event: events.ScalarEvent, line: int) -> Any:
    text: str = event.value
    if len(text) > MAX_SCALAR:
        raise _Unreadable(line, f"a value has more than {MAX_SCALAR:,} characters")
    if event.style is not None and event.style != "":
        return text
    if text in ("", "~", "null"):
        return None
    if text in ("true", "false"):
        return text == "true"
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
