"""docs/openapi.json is the document of the doors that there are."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from switchboard import cli, openapi
from tests.architecture.test_house import ROOT

pytestmark = pytest.mark.architecture


def test_the_document_is_of_today() -> None:
    kept = (ROOT / "docs" / "openapi.json").read_text(encoding="utf-8")
    assert kept == openapi.text(), "renew it: switchboard openapi > docs/openapi.json"


def test_the_command_prints_it_and_says_how_it_is_kept() -> None:
    printed = CliRunner().invoke(cli.app, ["openapi"])
    assert (printed.exit_code, printed.output) == (0, openapi.text())
    told = CliRunner().invoke(cli.app, ["openapi", "--help"], env={"NO_COLOR": "1"})
    assert "Example: switchboard openapi > docs/openapi.json" in told.output


def test_every_operation_says_who_may_ask_and_what_comes() -> None:
    told = openapi.document()
    refused = "#/components/schemas/Refused"
    for path, methods in told["paths"].items():
        for operation in methods.values():
            assert operation["x-asked-by"], path
            assert all(reply["description"] for reply in operation["responses"].values()), path
            needs = {name for way in operation["security"] for name in way}
            assert needs <= told["components"]["securitySchemes"].keys()
            if "log_in" in needs:
                shape = operation["responses"]["401"]["content"]["application/json"]["schema"]
                assert shape == {"$ref": refused}, path
    # As jsonschema and every reader of OpenAPI takes it: no reference leads nowhere.
    schemas = told["components"]["schemas"]
    text = json.dumps(told)
    for reference in set(text.split('"$ref": "')[1:]):
        assert reference.partition('"')[0].rpartition("/")[2] in schemas
