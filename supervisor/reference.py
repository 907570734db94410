"""The reference of the rulebook's language as a page, made from its JSON Schema and its facts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from config.facts import FACTS
from config.json_schema import json_schema

HEAD = """# Reference of the rulebook

Made by `switchboard schema --markdown` from the very shapes that the loader reads with; written for
looking things up. To learn the language, read [menu-rules.md](menu-rules.md).

"""
#: Parts that stand in every section, told once.
_SHARED = (
    ("Actions", "what a key, a rule or a closed door leads to", "Action"),
    ("Smaller parts", "what occurs in the sections above", "Part"),
)
_NOT_TOLD = ("Route",)

Schema = dict[str, Any]


def reference() -> str:
    schema = json_schema()
    defs: dict[str, Schema] = schema["$defs"]
    lines = [
        HEAD.rstrip(),
        "",
        "## Sections",
        "",
        "| section | what | each entry |",
        "|---|---|---|",
    ]
    told = set()
    for name, section in schema["properties"].items():
        part = _part_of(section)
        told.add(part)
        lines.append(f"| `{name}` | {_described(section)} | {_linked(part)} |")
    for title, what, ending in _SHARED:
        lines += ["", f"## {title}", "", f"{what[0].upper()}{what[1:]}.", ""]
        for name, part in defs.items():
            if name.endswith(ending) and not name.startswith(_NOT_TOLD):
                lines += [*_fields(name, part), ""]
    return "\n".join([*lines[:-1], "", *_facts(), ""])


def _part_of(section: Schema) -> str:
    """The name of the definition that describes an entry, or an empty string."""
    for inner in (section, section.get("additionalProperties"), section.get("items")):
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
        part = str(field["$ref"]).rpartition("/")[2]
        return _linked(part).replace("_", " ")
    if "anyOf" in field:
        kinds = dict.fromkeys(_takes(one) for one in field["anyOf"] if one.get("type") != "null")
        return " or ".join(kinds)
    if "enum" in field:
        return ", ".join(f"`{one}`" for one in field["enum"])
    if "const" in field:
        return f"`{str(field['const']).lower()}`"
    match field.get("type"):
        case "array":
            return f"a list of: {_takes(field['items'])}" if "items" in field else "a list"
        case "integer":
            return f"a whole number{_range(field)}"
        case "number":
            return f"a number{_range(field)}"
        case "boolean":
            return "`true` or `false`"
        case "object":
            return "a mapping"
        case _:
            return "a text"


def _range(field: Schema) -> str:
    low = field.get("minimum", field.get("exclusiveMinimum"))
    high = field.get("maximum", field.get("exclusiveMaximum"))
    if low is not None and high is not None:
        return f", {low:g} to {high:g}"
    return f", from {low:g}" if low is not None else ""


def _facts() -> Iterator[str]:
    yield "## Facts"
    yield ""
    yield "For `when:` and for texts (`{{ caller.first_name }}`). Besides these a rulebook has its own:"
    yield "`hours.NAME`, `opens.NAME`, `promotion.NAME`, `typed.FIELD`, `answers.WEBHOOK.VALUE`, and"
    yield "`propensity` in the `when` of an offer."
    yield ""
    yield "| fact | kind | values |"
    yield "|---|---|---|"
    for name, fact in FACTS.items():
        yield f"| `{name}` | {fact.kind} | {', '.join(f'`{one}`' for one in fact.choices)} |"
