"""JSON held to the models that HubSpot publishes (`hubspot-api-client`, made from its OpenAPI):
unknown fields, wrong types and missing required ones are errors, in what is asked and in what is
answered."""

from __future__ import annotations

import re
from datetime import datetime
from types import ModuleType
from typing import Any

from hubspot.crm import contacts, deals, objects, properties, tickets
from hubspot.crm.associations import v4 as associations
from hubspot.crm.objects import calls, tasks

MODELS: dict[str, ModuleType] = {
    "contacts": contacts,
    "calls": calls,
    "tasks": tasks,
    "deals": deals,
    "tickets": tickets,
    "objects": objects,
    "properties": properties,
    "associations": associations,
}
_PLAIN: dict[str, Any] = {"str": str, "int": int, "bool": bool, "float": (int, float)}


def _strict(package: str) -> Any:
    """The models check values and what is required only where they are told to."""
    configuration = MODELS[package].configuration.Configuration()
    configuration.client_side_validation = True
    return configuration


class Unfit(ValueError):
    """Not what the model says."""


def fitted(package: str, model: str, data: Any) -> Any:
    """An instance of the model. Raises Unfit."""
    kind = getattr(MODELS[package], model)
    if not isinstance(data, dict):
        raise Unfit(f"{model} is an object")
    by_json = {name: attribute for attribute, name in kind.attribute_map.items()}
    unknown = sorted(set(data) - set(by_json))
    if unknown:
        raise Unfit(f"{model} has no field {unknown[0]}")
    given = {
        by_json[name]: _value(package, kind.openapi_types[by_json[name]], value, name)
        for name, value in data.items()
        if value is not None
    }
    try:
        return kind(**given, local_vars_configuration=_strict(package))
    except ValueError as error:
        raise Unfit(f"{model}: {error}") from error


def _value(package: str, kind: str, value: Any, name: str) -> Any:
    inner = re.fullmatch(r"list\[(.+)\]", kind)
    if inner:
        if not isinstance(value, list):
            raise Unfit(f"{name} is a list")
        return [_value(package, inner[1], one, name) for one in value]
    inner = re.fullmatch(r"dict\[str, (.+)\]", kind)
    if inner:
        if not isinstance(value, dict):
            raise Unfit(f"{name} is an object")
        return {
            key: None if one is None else _value(package, inner[1], one, name)
            for key, one in value.items()
        }
    if kind == "datetime":
        return datetime.fromisoformat(value)
    if kind == "object":
        return value
    if kind in _PLAIN:
        if not isinstance(value, _PLAIN[kind]) or (kind != "bool" and isinstance(value, bool)):
            raise Unfit(f"{name} is a {kind}, not {value!r}")
        return value
    return fitted(package, kind, value)
