"""The reference of the rulebook's language as a page, made from its JSON Schema and its facts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from config.json_schema import json_schema
from config.reading.parts import NAME
from supervisor.reference_tables import tables

HEAD = """# Reference of the rulebook

Made by `switchboard schema --markdown` from the very shapes that the loader reads with; written for
looking things up. To learn the language, read [menu-rules.md](menu-rules.md).

"""
#: Parts that stand in every section, told once.
_SHARED = (
    ("Actions", "what a key, a rule or a closed door leads to", "Action"),
    ("Rules", "one of each group, under `rules: {GROUP: [...]}`", "_rule"),
    ("Smaller parts", "what occurs in the sections above", "Part"),
)
_NOT_TOLD = ("Route",)

_KINDS = {
    "array": "a list",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "`true` or `false`",
    "object": "a mapping",
}

Schema = dict[str, Any]


def reference() -> str:
    schema = json_schema()
    lines = [HEAD.rstrip(), "", "## Sections", "", "| section | what | each entry |"]
    lines.append("|---|---|---|")
    for name, section in schema["properties"].items():
        linked = _linked(_part_of(section))
        lines.append(f"| `{name}` | {_described(section)} | {linked} |")
    for title, what, ending in _SHARED:
        lines += ["", f"## {title}", "", f"{what[0].upper()}{what[1:]}.", ""]
        for name, definition in schema["$defs"].items():
            if name.endswith(ending) and not name.startswith(_NOT_TOLD):
                lines += [*_fields(name, definition), ""]
    return "\n".join([*lines[:-1], "", *tables(), ""])


def _part_of(section: Schema) -> str:
    """The name of the definition that describes an entry, or an empty string."""
    for outer in (section, section.get("additionalProperties"), section.get("items")):
        inner = outer
        while isinstance(inner, dict):
            if "$ref" in inner:
                return str(inner["$ref"]).rpartition("/")[2]
            inner = inner.get("items")
    return ""


def _linked(part: str) -> str:
    if not part.endswith(("Part", "Action")):
        return {"text": "a text"}.get(part, part)
    return f"[{_title(part)}](#{_title(part).replace(' ', '-')})"


def _title(part: str) -> str:
    stem = part.removesuffix("Part").removesuffix("Action")
    words = "".join(f" {c.lower()}" if c.isupper() else c for c in stem).strip()
    words = words.replace("_", " ")
    return f"{words} action" if part.endswith("Action") else words


def _fields(name: str, part: Schema) -> Iterator[str]:
    yield f"### {_title(name)}"
    yield ""
    if described := _described(part):
        yield described
        yield ""
    yield "| key | what it takes | without it | |"
    yield "|---|---|---|---|"
    required = part.get("required", ())
    for key, field in part.get("properties", {}).items():
        default = "must be there" if key in required else _default(field)
        yield f"| `{key}` | {_takes(field)} | {default} | {_described(field)} |"


def _default(field: Schema) -> str:
    default = field.get("default")
    if default is None:
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _described(schema: Schema) -> str:
    return str(schema.get("description", "")).replace("\n", " ").replace("|", "\\|")


def _takes(field: Schema) -> str:
    if "$ref" in field:
        return _linked(str(field["$ref"]).rpartition("/")[2]).replace("_", " ")
    if "anyOf" in field:
        kinds = dict.fromkeys(_takes(one) for one in field["anyOf"] if one.get("type") != "null")
        return " or ".join(kinds)
    values = field.get("enum", [field["const"]] if "const" in field else [])
    if values:
        return ", ".join(f"`{str(one).lower() if one is True else one}`" for one in values)
    if field.get("type") == "array" and "items" in field:
        return f"a list of: {_takes(field['items'])}"
    if field.get("pattern") == NAME:
        return "a name"
    return _KINDS.get(field.get("type", ""), "a text") + _range(field)


def _range(field: Schema) -> str:
    low = field.get("minimum", field.get("exclusiveMinimum"))
    high = field.get("maximum", field.get("exclusiveMaximum"))
    if low is not None and high is not None:
        return f", {low:g} to {high:g}"
    return f", from {low:g}" if low is not None else ""
