"""Writes the protocol as TypeScript, and its frames as tables into docs/screenpop-api.md:
`python -m screenpop.desk.generate_types`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from screenpop.desk import frame_tables, protocol
from screenpop.pops import past_calls

TARGET = Path(__file__).parents[2] / "desktop" / "src" / "core" / "protocol.gen.ts"

_SERVER = (
    protocol.Hello,
    protocol.PopOffer,
    protocol.PopUpdate,
    protocol.PopClaim,
    protocol.PopClose,
    protocol.PopWrapUp,
    protocol.LeadNew,
    protocol.LeadGone,
    protocol.AgentStateChanged,
    protocol.AgentDay,
    protocol.CallConsult,
    protocol.RecordingNow,
    protocol.Presence,
    protocol.Notice,
)
_CLIENT = (
    protocol.Ack,
    protocol.StateSet,
    protocol.Disposition,
    protocol.WrapUpExtend,
    protocol.WrapUpSkip,
    protocol.NoteSet,
    protocol.Select,
    protocol.OfferSaid,
    protocol.CallbackCreate,
    protocol.CallbackCancel,
    protocol.CallTransfer,
    protocol.CallTransferComplete,
    protocol.CallTransferCancel,
    protocol.CallConference,
    protocol.PresenceWatch,
    protocol.LeadDone,
)
#: Answers of plain addresses, which the desktop reads too.
_ANSWERS = (past_calls.PastCallPage, past_calls.PastCallTold)
_HEAD = """\
// Generated from screenpop/desk/protocol.py and screenpop/pops/past_calls.py; do not edit. Made
// anew by: python -m screenpop.desk.generate_types

"""

Schema = Mapping[str, Any]


def typescript() -> str:
    """The whole file, in a stable order."""
    _, server = models_json_schema([(m, "serialization") for m in (*_SERVER, *_ANSWERS)])
    _, client = models_json_schema([(m, "validation") for m in _CLIENT])
    always = set(server["$defs"])
    definitions: dict[str, Schema] = {**client["$defs"], **server["$defs"]}
    parts = [f"export const PROTOCOL_VERSION = {protocol.PROTOCOL_VERSION};"]
    parts += [
        _declaration(name, definitions[name], whole=name in always) for name in sorted(definitions)
    ]
    parts.append(_union("ServerFrame", _SERVER))
    parts.append(_union("ClientFrame", _CLIENT))
    return _HEAD + "\n\n".join(parts) + "\n"


def _declaration(name: str, schema: Schema, *, whole: bool) -> str:
    """`whole`: every field is there, as the server writes its defaults too."""
    if "enum" in schema:
        return f"export type {name} = {_type(schema)};"
    required = set(schema["properties"] if whole else schema.get("required", ()))
    lines = [f"export interface {name} {{"]
    for field, part in schema["properties"].items():
        optional = "" if field in required or "const" in part else "?"
        lines.append(f"  {field}{optional}: {_type(part)};")
    return "\n".join([*lines, "}"])


def _union(name: str, models: tuple[type, ...]) -> str:
    return f"export type {name} =\n" + "\n".join(f"  | {m.__name__}" for m in models) + ";"


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(_type(part) for part in schema["anyOf"])
    if schema["type"] == "array":
        item = _type(schema["items"])
        return f"readonly ({item})[]" if " | " in item else f"readonly {item}[]"
    simple = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean"}
    return {**simple, "null": "null"}[schema["type"]]


def page() -> str:
    """docs/screenpop-api.md as it should be."""
    text = frame_tables.PAGE.read_text(encoding="utf-8")
    return frame_tables.with_tables(text, _SERVER, _CLIENT)


def main() -> None:
    TARGET.write_text(typescript(), encoding="utf-8")
    frame_tables.PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"wrote {TARGET.name}, {frame_tables.PAGE.name}\n")


if __name__ == "__main__":
    main()
