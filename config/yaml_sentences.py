"""What a YAML parser says, in words for a supervisor."""

from __future__ import annotations

import yaml

_TAB = "a line begins with a tab; indent with spaces"
#: The parser's words, and what an author can do.
_SAID = {
    "found unexpected end of stream": "a quote is opened and never closed",
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


def syntax_sentence(error: yaml.YAMLError, text: str) -> tuple[int, str]:
    """The line, and what is wrong there in words for people who do not read grammars."""
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
