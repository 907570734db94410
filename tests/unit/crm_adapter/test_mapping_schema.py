"""Editors are told the same as the loader knows."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from config.located_yaml import read_yaml
from crm_adapter.mapped.files import PRESETS, presets
from crm_adapter.mapping_schema import mapping_schema
from tests.fakes import rest_server, shop_database

pytestmark = pytest.mark.unit

OWN = {"rest": rest_server.MAPPING, "sql": shop_database.MAPPING}


def files() -> list[tuple[str, str]]:
    return [(kind, name) for kind in ("rest", "sql") for name in presets(kind)]


def read(text: str) -> Any:
    return read_yaml("mapping.yaml", text.encode()).data


@pytest.mark.parametrize(("kind", "name"), files())
def test_all_that_we_ship_fits(kind: str, name: str) -> None:
    text = (PRESETS / kind / f"{name}.yaml").read_text(encoding="utf-8")
    jsonschema.validate(read(text), mapping_schema(kind))


@pytest.mark.parametrize("kind", ["rest", "sql"])
def test_a_wrong_key_does_not_fit(kind: str) -> None:
    schema = mapping_schema(kind)
    jsonschema.Draft202012Validator.check_schema(schema)
    good = read(OWN[kind])
    jsonschema.validate(good, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**good, "lokup": 1}, schema)
    first = "lookup" if kind == "rest" else "contact"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**good, first: {**good[first], "fones": 1}}, schema)
