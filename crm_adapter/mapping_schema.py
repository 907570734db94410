"""The shapes of CRM mappings as JSON Schema (draft 2020-12), for editors."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from crm_adapter.mapped.parts import Part
from crm_adapter.rest.readings import Reading
from crm_adapter.rest.shapes import RestMapping
from crm_adapter.sql.shapes import SqlMapping

Schema = dict[str, Any]

#: By the adapter's name.
SHAPES: dict[str, type[Part]] = {"rest": RestMapping, "sql": SqlMapping}
#: Lists that may be written as one alone, by the part they are in ("" is the file).
_ONE_OR_MANY = {
    "rest": (("", "lookup"), ("", "get"), ("WritePart", "remove")),
    "sql": (("PhoneIndexPart", "column"),),
}


class _Schemas(GenerateJsonSchema):
    def encode_default(self, dft: Any) -> Any:
        return dft.expression if isinstance(dft, Reading) else super().encode_default(dft)


def mapping_schema(kind: str) -> Schema:
    """What hangs together across parts (names, tables) only the loader and the CRM can see."""
    raw = SHAPES[kind].model_json_schema(by_alias=True, schema_generator=_Schemas)
    for part, name in _ONE_OR_MANY[kind]:
        properties = (raw["$defs"][part] if part else raw)["properties"]
        many = properties[name]
        properties[name] = {"anyOf": [many["items"], many]}
    title = f"Switchboard mapping for a CRM by {kind}"
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_cleaned(raw),
        "title": title,
    }


def _cleaned(schema: Any) -> Any:
    """Without pydantic's titles and empty defaults."""
    if isinstance(schema, list):
        return [_cleaned(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _cleaned(value)
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str))
        and not (key == "default" and value is None)
    }
