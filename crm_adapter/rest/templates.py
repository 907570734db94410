"""Texts with `{name}` in them, filled in where they stand so that no value can become more than a
value: a segment of a path, a parameter of a query, a string inside JSON, a header.

`{name}` is all there is: no expressions. `{name?}` leaves its key, item or parameter out where the
value is not known; `{name#}` is a number in JSON where the value is one, since ids are texts to us;
`{{` and `}}` stand for the braces themselves.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from crm_adapter.adapter import Invalid
from crm_adapter.http.client import quote

Values = Mapping[str, Any]
Path = tuple[str | int, ...]

LONGEST = 10_000
DEEPEST = 20
_PIECE = re.compile(r"\{\{|\}\}|\{([A-Za-z][A-Za-z0-9_]*)(#)?(\?)?\}|[{}]")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class _LeftOut:
    """Stands where nothing is to be sent."""


_LEFT_OUT = _LeftOut()


@dataclass(frozen=True, slots=True)
class Slot:
    name: str
    is_number: bool
    is_optional: bool

    def value(self, found: Any) -> Any:
        is_one = self.is_number and isinstance(found, str) and _NUMBER.fullmatch(found)
        return int(found) if is_one else found


class Template:
    """One text. Raises ValueError, in words for the author, where braces do not match."""

    def __init__(self, source: str) -> None:
        if len(source) > LONGEST:
            raise ValueError(f"a text has at most {LONGEST:,} characters")
        self.source = source
        self._pieces = tuple(_pieces(source))

    def __repr__(self) -> str:
        return f"Template({self.source!r})"

    @property
    def names(self) -> frozenset[str]:
        return frozenset(piece.name for piece in self._pieces if isinstance(piece, Slot))

    def value(self, values: Values) -> Any:
        """For JSON: a text that is nothing but `{name}` keeps the value's own type."""
        if len(self._pieces) == 1 and isinstance(self._pieces[0], Slot):
            slot = self._pieces[0]
            found = values.get(slot.name)
            return _LEFT_OUT if found is None and slot.is_optional else slot.value(found)
        return self._text(values, str)

    def text(self, values: Values) -> str | None:
        """None where an optional value is missing."""
        text = self._text(values, str)
        return text if isinstance(text, str) else None

    def path(self, values: Values) -> str:
        """Raises Invalid for a value that is missing or would lead elsewhere."""
        text = self._text(values, _segment)
        assert isinstance(text, str)
        return text

    def address(self, values: Values) -> str | None:
        """For people to open: values are encoded; None where one is missing."""
        try:
            text = self._text(values, _segment)
        except Invalid:
            return None
        return text if isinstance(text, str) else None

    def header(self, values: Values) -> str | None:
        """Raises Invalid where the value holds a line break."""
        text = self.text(values)
        if text is not None and _CONTROL.search(text):
            raise Invalid("a value for a header holds a line break or another control character")
        return text

    def _text(self, values: Values, encode: Any) -> Any:
        parts: list[str] = []
        for piece in self._pieces:
            if isinstance(piece, str):
                parts.append(piece)
                continue
            found = values.get(piece.name)
            if found is None and piece.is_optional:
                return _LEFT_OUT
            parts.append(encode(_plain(found)))
        return "".join(parts)


def _pieces(source: str) -> Iterator[str | Slot]:
    text, at = "", 0
    for match in _PIECE.finditer(source):
        text += source[at : match.start()]
        at = match.end()
        if match[0] in ("{{", "}}"):
            text += match[0][0]
        elif match[1] is None:
            near = source[match.start() : match.start() + 20]
            raise ValueError(
                f"'{near}' is no {{name}}; write {{{{ and }}}} for the braces themselves"
            )
        else:
            if text:
                yield text
            text = ""
            yield Slot(match[1], match[2] is not None, match[3] is not None)
    text += source[at:]
    if text or not source:
        yield text


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json_text(value) if _is_tree(value) else str(value)


def _is_tree(value: Any) -> bool:
    return isinstance(value, Mapping | list | tuple)


def _segment(text: str) -> str:
    if text in ("", ".", ".."):
        raise Invalid("a value that the address of the request needs is missing or not usable")
    return quote(text)


class Tree:
    """JSON with templates for its texts: values are put into what is parsed already."""

    def __init__(self, source: Any) -> None:
        self.source = source
        #: By the way through the tree.
        self.templates: dict[Path, Template] = {}
        self._read(source, ())

    def __repr__(self) -> str:
        return f"Tree({self.source!r})"

    def _read(self, source: Any, path: Path) -> None:
        if len(path) > DEEPEST:
            raise ValueError(f"nested more than {DEEPEST} levels deep")
        if isinstance(source, str):
            self.templates[path] = Template(source)
        elif isinstance(source, dict):
            for key, value in source.items():
                self._read(value, (*path, key))
        elif isinstance(source, list):
            for index, value in enumerate(source):
                self._read(value, (*path, index))

    def filled(self, values: Values) -> Any:
        return self._filled(self.source, (), values)

    def value(self, values: Values) -> Any:
        found = self.filled(values)
        return None if isinstance(found, _LeftOut) else found

    def _filled(self, source: Any, path: Path, values: Values) -> Any:
        if isinstance(source, str):
            return self.templates[path].value(values)
        if isinstance(source, dict):
            pairs = (
                (key, self._filled(value, (*path, key), values)) for key, value in source.items()
            )
            return {key: value for key, value in pairs if not isinstance(value, _LeftOut)}
        if isinstance(source, list):
            items = (
                self._filled(value, (*path, index), values) for index, value in enumerate(source)
            )
            return [value for value in items if not isinstance(value, _LeftOut)]
        return source


class Parameter:
    """One parameter of a query or a form: a text, a list (repeated), or JSON as text (`json`,
    `base64_json`: in the alphabet for addresses)."""

    def __init__(self, source: Any) -> None:
        self.encoding: str | None = None
        if isinstance(source, dict):
            if len(source) != 1 or (key := next(iter(source))) not in ("json", "base64_json"):
                raise ValueError(
                    "a parameter is a text, a list of texts, {json: ...} or {base64_json: ...}"
                )
            self.encoding, source = key, source[key]
        elif isinstance(source, list) and any(isinstance(item, dict | list) for item in source):
            raise ValueError("a repeated parameter is a list of texts; JSON goes under 'json'")
        self.tree = Tree(source)
        self._is_repeated = isinstance(source, list) and self.encoding is None

    def texts(self, values: Values) -> list[str]:
        found = self.tree.filled(values)
        if isinstance(found, _LeftOut):
            return []
        if self.encoding is not None:
            text = json_text(found)
            if self.encoding == "base64_json":
                text = base64.urlsafe_b64encode(text.encode()).decode()
            return [text]
        return [_plain(item) for item in found] if self._is_repeated else [_plain(found)]


def json_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _template(value: Any) -> Any:
    if isinstance(value, Template):
        return value
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("must be a text (put it in quotes)")
    return Template(str(value))


def _tree(value: Any) -> Any:
    return value if isinstance(value, Tree) else Tree(value)


def _parameter(value: Any) -> Any:
    return value if isinstance(value, Parameter) else Parameter(value)


_TEXT_SCHEMA = WithJsonSchema(
    {"type": ["string", "number"], "description": "A text with {name} for what is put in."}
)
TextTemplate = Annotated[Template, BeforeValidator(_template), _TEXT_SCHEMA]
JsonTree = Annotated[
    Tree, BeforeValidator(_tree), WithJsonSchema({"description": "JSON, with {name} in its texts."})
]
ParameterTemplate = Annotated[
    Parameter,
    BeforeValidator(_parameter),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": ["string", "number", "boolean"]},
                {"type": "array", "items": {"type": ["string", "number"]}},
                {"type": "object", "maxProperties": 1, "properties": {"json": {}}},
                {"type": "object", "maxProperties": 1, "properties": {"base64_json": {}}},
            ]
        }
    ),
]
