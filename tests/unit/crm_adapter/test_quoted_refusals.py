"""Wherever a CRM puts its sentence, an error of ours repeats it without numbers, addresses, control
characters or markup: errors go into logs, the outbox and terminals."""

from __future__ import annotations

import json
from typing import Any

import pytest

from crm_adapter.adapters import (
    dynamics_wire,
    espocrm_wire,
    hubspot_wire,
    odoo_wire,
    pipedrive_wire,
    salesforce_wire,
    suitecrm_wire,
    tryton_rpc,
    zoho_wire,
)
from crm_adapter.http.replies import Classify, Reply
from crm_adapter.rest.classify import classify_by
from crm_adapter.rest.readings import Reading
from crm_adapter.rest.shapes import ErrorsPart

pytestmark = pytest.mark.unit

SAID = "You are not allowed to \x1b[31m[red]call +44 20 7946 0018, ann@example.com[/red]\r\nERROR x"
_ODOO = {"name": "odoo.exceptions.AccessError", "message": SAID}
_REST = classify_by(ErrorsPart(message=Reading("why")))
_ZOHO = {"code": "NO_PERMISSION", "message": SAID, "status": "error"}

REFUSALS: dict[str, tuple[Classify, int, Any]] = {
    "dynamics": (dynamics_wire.classify, 403, {"error": {"code": "0x1", "message": SAID}}),
    "hubspot": (hubspot_wire.classify, 403, {"message": SAID, "category": "MISSING_SCOPES"}),
    "odoo json-2": (odoo_wire.classify, 403, _ODOO),
    "odoo json-rpc": (odoo_wire.classify, 200, {"error": {"data": _ODOO}}),
    "pipedrive": (pipedrive_wire.classify, 200, {"success": False, "error": SAID}),
    "pipedrive 403": (pipedrive_wire.classify, 403, {"success": False, "error": SAID}),
    "rest": (_REST, 403, {"why": SAID}),
    "rest, several": (_REST, 400, {"why": ["phone", SAID]}),
    "salesforce": (
        salesforce_wire.classify,
        403,
        [{"errorCode": "INSUFFICIENT_ACCESS", "message": SAID}],
    ),
    "suitecrm": (suitecrm_wire.classify, 400, {"errors": {"detail": SAID}}),
    "tryton": (tryton_rpc.classify, 200, {"id": 0, "error": ["UserError", [SAID, ""]]}),
    "zoho": (zoho_wire.classify, 403, _ZOHO),
    "zoho, of one record": (zoho_wire.classify, 202, {"data": [_ZOHO]}),
}


@pytest.mark.parametrize("where", sorted(REFUSALS))
@pytest.mark.parametrize("is_write", [False, True])
def test_a_hostile_sentence_is_made_harmless(where: str, is_write: bool) -> None:
    classify, status, told = REFUSALS[where]
    error = classify(Reply("acme", status, {}, json.dumps(told).encode()), is_write)
    said = str(error)
    assert "You are not allowed to" in said
    assert said.isprintable()
    assert not [one for one in ("7946", "ann", "@", "[", "]", "\x1b") if one in said]


def test_so_is_the_reason_that_espocrm_puts_into_a_header() -> None:
    headers = {"x-status-reason": SAID.replace("\r\n", " ")}
    said = str(espocrm_wire.classify(Reply("espocrm", 403, headers, b""), False))
    assert "You are not allowed to" in said
    assert said.isprintable()
    assert not [one for one in ("7946", "ann", "@", "[", "]", "\x1b") if one in said]


def test_the_id_of_a_twin_is_read_before_numbers_are_masked() -> None:
    told = [{"errorCode": "DUPLICATE_VALUE", "message": "value on record with id: 00Q123456789012"}]
    error: Any = salesforce_wire.classify(Reply("s", 400, {}, json.dumps(told).encode()), True)
    assert error.existing == "00Q123456789012"
