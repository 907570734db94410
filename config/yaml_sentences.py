"""What a YAML parser says, in words for a supervisor."""

from __future__ import annotations

import re
from collections.abc import Sequence

import yaml
from yaml import events

_TAB = "a line begins with a tab; indent with spaces"
#: The parser's words, and what an author can do.
_SAID = {
    "did not find expected ',' or '}'": "a { is not closed, or a comma is missing",
    "did not find expected ',' or ']'": "a [ is not closed, or a comma is missing",
    "did not find expected node content": (
        "a { or [ is not closed, or something before a comma is missing"
    ),
    "mapping values are not allowed in this context": (
        "a colon does not fit here; put a text that holds one in quotes, and mind how far "
        "lines are indented"
    ),
    "could not find expected ':'": (
        "a key and its colon are missing, or a line is not indented enough"
    ),
    "found a tab character that violates indentation": _TAB,
    "did not find expected <document start>": "something is left over after the end",
    "did not find expected key": (
        "a line is not indented like those around it, or something after a quote is left over"
    ),
    "did not find expected '-' indicator": "in a list each item begins with - at the same indent",
    "found unknown escape character": (
        "a backslash in double quotes begins a sign of its own; use single quotes"
    ),
    "block sequence entries are not allowed in this context": (
        "a list does not begin beside its key; put each - on a line of its own"
    ),
}

#: Those of which it helps to know where they begin.
_OPENED = tuple(words for words, sentence in _SAID.items() if "closed" in sentence)


#: `greeting:"Hello"`, and the same with the wide colon of Chinese keyboards.
_JOINED = re.compile(r"\s*(?:-\s+)?\{?([A-Za-z_][A-Za-z0-9_]*)(:(?=[^\s:/])|：)")
#: What follows a key whose value turned out a comment.
_COMMENT = re.compile(r"[\"']?\s*:\s+#")
#: A line this long was not written by hand.
LONGEST_READ = 1_000


def missing_blank(written: str) -> str | None:
    """What to say of a key whose colon no blank follows."""
    match = _JOINED.match(written)
    if match is None:
        return None
    if match[2] == "：":
        return f"use the plain colon : and a blank after '{match[1]}', not the wide ："
    return f"a blank is missing after the colon of '{match[1]}'"


def nothing_written(key: str | int, lines: Sequence[str], line: int) -> str:
    """What to say of a key or an item with nothing behind it."""
    if isinstance(key, int):
        return "an item of a list is empty"
    written = lines[line - 1] if line <= len(lines) else ""
    if key and len(written) < LONGEST_READ and _COMMENT.match(written.partition(key)[2]):
        return f"'{key[:60]}' has no value; a # begins a comment, so write it in quotes"
    return f"'{key[:60]}' has no value; write one, or leave the line out"


def syntax_sentence(error: yaml.YAMLError, text: str) -> tuple[int, str]:
    """The line, and what is wrong there in words for people who do not read grammars."""
    return _slip(error, text) or _grammar(error, text)


def _slip(error: yaml.YAMLError, text: str) -> tuple[int, str] | None:
    """A slip of the pen at which the parser only stumbles lines later."""
    mark = getattr(error, "problem_mark", None)
    context = getattr(error, "context_mark", None)
    if mark is None:
        return None
    last = _last_scalar(text)
    unclosed = (
        context if getattr(error, "context", "") == "while scanning a quoted scalar" else None
    )
    if last is not None and last.style in ("'", '"') and _lines_of(last)[1] == mark.line:
        unclosed = last.start_mark if _lines_of(last)[0] < mark.line else unclosed
    if unclosed is not None:
        line = unclosed.line + 1
        return line, f"not valid YAML: a quote opened in line {line} is not closed"
    lines = text.splitlines()
    for begin in (context, last.start_mark if last is not None else None):
        if begin is not None and begin.line < len(lines):
            sentence = missing_blank(lines[begin.line])
            if sentence is not None:
                return begin.line + 1, sentence
    return None


def _lines_of(event: events.Event) -> tuple[int, int]:
    begin, end = event.start_mark, event.end_mark
    return (begin.line, end.line) if begin and end else (0, 0)


def _last_scalar(text: str) -> events.ScalarEvent | None:
    """The last one before the place at which the text cannot be read."""
    last: events.ScalarEvent | None = None
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader)):
            last = event if isinstance(event, events.ScalarEvent) else last
    except yaml.YAMLError:
        return last
    return last


def _grammar(error: yaml.YAMLError, text: str) -> tuple[int, str]:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable"
    context = getattr(error, "context", None)
    line = mark.line + 1 if mark else 1
    if what == "found character that cannot start any token":
        return line, f"not valid YAML: {_odd_beginning(text, mark)}"
    if what in _SAID:
        since = _since(error, line) if what in _OPENED else ""
        return line, f"not valid YAML: {_SAID[what]}{since}"
    return line, f"not valid YAML: {what}" + (f" ({context})" if context else "")


def _since(error: yaml.YAMLError, line: int) -> str:
    opened = getattr(error, "context_mark", None)
    if opened is None or opened.line + 1 >= line:
        return ""
    return f"; it began in line {opened.line + 1}"


def _odd_beginning(text: str, mark: yaml.Mark | None) -> str:
    lines = text.splitlines()
    line = lines[mark.line] if mark is not None and mark.line < len(lines) else ""
    beginning = line[mark.column : mark.column + 1] if mark is not None else ""
    if beginning in ("", "\t") or line[: len(line) - len(line.lstrip())].count("\t"):
        return _TAB
    return f"a text that begins with {beginning} must stand in quotes"
