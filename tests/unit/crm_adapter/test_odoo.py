"""Odoo's answers read without believing them: errors by name, records of any shape, cursors."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from calls.caller import ContactRef
from calls.deadlines import Deadline
from calls.errors import Misconfigured
from config.crm_settings import OdooSettings
from crm_adapter.adapter import (
    AmbiguousWrite,
    AuthFailed,
    Conflict,
    CrmError,
    Forbidden,
    Invalid,
    NotFound,
    RateLimited,
    Unavailable,
    Unsupported,
)
from crm_adapter.adapters import odoo_records
from crm_adapter.adapters.odoo import OdooCrm
from crm_adapter.adapters.odoo_changes import OVERLAP_S, OdooChanges, Round
from crm_adapter.adapters.odoo_once import clean, markup
from crm_adapter.adapters.odoo_questions import OdooQuestions
from crm_adapter.adapters.odoo_records import Place, Reader, Shape
from crm_adapter.adapters.odoo_wire import NoJson2, classify
from crm_adapter.http.replies import Reply

pytestmark = pytest.mark.unit

TRACEBACK = "Traceback (most recent call last):\n  File ..."
READER = Reader("https://odoo.example.com", Shape(sanitizes=True, lead_numbers=("phone",)))
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
NONSENSE = [None, False, 7, "x", [], ["x"], {}, {"id": "x"}, {"id": True}, {"id": -1}]


def error(name: str, message: Any = "No, said Odoo.") -> dict[str, Any]:
    return {"name": name, "message": message, "arguments": [], "debug": TRACEBACK}


def json2(status: int, told: Any) -> Reply:
    return Reply("odoo", status, {}, json.dumps(told).encode())


def json_rpc(told: dict[str, Any]) -> Reply:
    body = {"jsonrpc": "2.0", "id": 1, "error": {"code": 0, "message": "!", "data": told}}
    return json2(200, body)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("odoo.exceptions.AccessError", Forbidden),
        ("odoo.exceptions.AccessDenied", AuthFailed),
        ("werkzeug.exceptions.Unauthorized", AuthFailed),
        ("odoo.exceptions.MissingError", NotFound),
        ("werkzeug.exceptions.NotFound", NotFound),
        ("odoo.exceptions.UserError", Invalid),
        ("odoo.exceptions.ValidationError", Invalid),
        ("builtins.ValueError", Invalid),
        ("psycopg2.errors.UniqueViolation", Conflict),
        ("psycopg2.errors.SerializationFailure", Unavailable),
        ("psycopg2.pool.PoolError", Unavailable),
        ("psycopg2.OperationalError", Unavailable),
    ],
)
@pytest.mark.parametrize("is_write", [True, False])
def test_an_error_is_what_odoo_calls_it(name: str, kind: type[CrmError], is_write: bool) -> None:
    for reply in (json2(500, error(name)), json_rpc(error(name))):
        found = classify(reply, is_write)
        assert type(found) is kind
        assert "Traceback" not in str(found)


def test_an_unknown_failure_of_a_write_leaves_it_open() -> None:
    for reply in (json2(500, error("some.Thing")), json_rpc(error("some.Thing"))):
        assert type(classify(reply, True)) is AmbiguousWrite
        assert type(classify(reply, False)) is Unavailable


def test_what_is_not_odoos_own_answer_is_judged_by_its_status() -> None:
    page = b"<!doctype html><title>404</title>"
    assert type(classify(Reply("odoo", 404, {}, page), False)) is NoJson2
    assert type(classify(Reply("odoo", 502, {}, page), True)) is AmbiguousWrite
    assert type(classify(Reply("odoo", 429, {}, page), False)) is RateLimited
    assert classify(Reply("odoo", 200, {}, page), False) is None
    assert classify(json2(200, {"uid": 5}), False) is None


@pytest.mark.parametrize("told", [{"error": {}}, {"error": {"data": 7}}, {"error": {"data": []}}])
def test_an_error_without_a_name_is_one_all_the_same(told: dict[str, Any]) -> None:
    assert type(classify(json2(200, told), False)) is Unavailable


def test_the_database_says_no_word_of_where_it_is() -> None:
    told = error("psycopg2.OperationalError", 'connection to server at "10.0.0.7" failed')
    assert "10.0.0.7" not in str(classify(json_rpc(told), False))


@pytest.mark.parametrize("value", NONSENSE)
def test_a_record_of_another_shape_harms_nobody(value: Any) -> None:
    names = ("name", "phone", "parent_id", "user_id", "lang", "company_name", "write_date",
             "type", "is_company", "partner_id", "product_id", "order_id", "currency_id",
             "date_order", "order_line", "commitment_date", "delivery_status")  # fmt: skip
    row = {"id": 7, **dict.fromkeys(names, value)}
    [hit] = READER.partner_hits([row])
    assert hit.candidate.ref == ContactRef("odoo", "7")
    [lead] = READER.lead_hits([row])
    assert lead.candidate.ref == ContactRef("odoo", "lead:7")
    contact = READER.contact(row, purchases=[], orders=[])
    assert contact.owns == frozenset()
    assert odoo_records.purchase(row) is None
    assert odoo_records.order(row) is None


@pytest.mark.parametrize("answer", [*NONSENSE, {"records": None}, {"records": {}}])
def test_no_list_of_records_is_no_answer(answer: Any) -> None:
    with pytest.raises(Unavailable):
        odoo_records.rows(answer)


def test_records_without_an_id_are_left_out() -> None:
    assert odoo_records.rows({"records": [*NONSENSE, {"id": 3}]}) == [{"id": 3}]


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("Ann Lee", "Ann", "Lee"),
        ("Mary Ann Smith", "Mary Ann", "Smith"),
        ("%", "", "%"),
        ("王小明", "", "王小明"),
        ("王 小明", "", "王 小明"),
        ("", "", ""),
    ],
)
def test_one_name_becomes_two(name: str, first: str, last: str) -> None:
    assert odoo_records.split_name(name) == (first, last)


@pytest.mark.parametrize(
    "ref_id", ["", "0", "-1", "01", "1.5", "9" * 30, "2147483648", "lead:", "lead:0", "x", "١"]
)
def test_what_can_be_no_id_is_nobodys(ref_id: str) -> None:
    assert Place.of(ContactRef("odoo", ref_id)) is None
    assert Place.of(ContactRef("elsewhere", "7")) is None


def test_an_order_is_open_until_all_of_it_is_delivered() -> None:
    def delivered(*amounts: float, **more: Any) -> tuple[bool, str]:
        lines = [{"product_uom_qty": 2.0, "qty_delivered": amount} for amount in amounts]
        section = {"display_type": "line_section", "product_uom_qty": 0.0}
        row = {"id": 1, "date_order": "2026-03-02 09:30:00", "name": "S00042"}
        found = odoo_records.order({**row, "order_line": [section, *lines], **more})
        assert found is not None
        assert found.number == "00042"
        return found.is_open, found.status

    assert delivered(0, 0) == (True, "ordered")
    assert delivered(2, 0) == (True, "partly delivered")
    assert delivered(2, 2) == (False, "delivered")
    assert delivered(0, 0, delivery_status="full") == (False, "full")
    assert delivered(2, 2, delivery_status="pending") == (True, "pending")


def test_a_round_of_changes_overlaps_until_what_was_on_its_way_has_arrived() -> None:
    here = Round().begun("2026-03-02 09:30:00", 1_000.0)
    soon = here.over(1_000.0 + OVERLAP_S - 1)
    assert soon.since == "2026-03-02 09:29:30"
    again = Round.parse(str(soon)).begun("2026-03-02 09:30:00", 2_000.0)
    assert again.over(2_000.0).since == "2026-03-02 09:30:01"
    news = again.begun("2026-03-02 10:00:00", 2_000.0)
    assert news.over(2_000.0).since == "2026-03-02 09:59:30"


@pytest.mark.parametrize("rows", [[{"id": 7}, {"id": 5}], [{"id": 6}, {"id": "x"}]])
async def test_changes_that_lead_nowhere_are_no_page(rows: list[Any]) -> None:
    changes = OdooChanges(questions=Told(rows, "2026-03-02 09:30:00"), now=lambda: NOW)
    cursor = str(Round(after=5))
    with pytest.raises(Unavailable):
        await changes.page(cursor, limit=2, deadline=Deadline.after(30))


@pytest.mark.parametrize("at", ["yesterday", "0001-01-01 00:00:00", "9999-12-31 23:59:59"])
async def test_a_change_at_no_time_is_no_page(at: str) -> None:
    changes = OdooChanges(questions=Told([], at), now=lambda: NOW)
    with pytest.raises(Unavailable):
        await changes.page(None, limit=2, deadline=Deadline.after(30))


class Told(OdooQuestions):
    """Rows of any shape."""

    def __init__(self, rows: list[Any], newest: str) -> None:
        self._rows, self._newest = rows, newest

    async def reader(self, deadline: Deadline) -> Reader:
        return READER

    async def rows(self, model: str, *args: Any, limit: int, **more: Any) -> list[Any]:
        return [{"write_date": self._newest}] if limit == 1 else self._rows

    async def addresses(self, *args: Any) -> list[Any]:
        return []


def test_markup_takes_text_as_text() -> None:
    assert markup(["<b>", "a & b\0"], ["Key: <"]) == (
        "<p>&lt;b&gt;<br/>a &amp; b</p><p>Key: &lt;</p>"
    )
    assert len(markup(["x" * 50_000], [])) < 21_000
    assert clean("a\x1bb\ud800c") == "abc"


def crm(**settings: Any) -> OdooCrm:
    given = {"url": "https://odoo.example.com", "key": SecretStr("k"), **settings}
    return OdooCrm(settings=OdooSettings(**given), region="GB")


def test_without_an_address_or_a_key_it_says_what_to_set() -> None:
    with pytest.raises(Misconfigured, match=r"odoo\.url"):
        crm(url=None)
    with pytest.raises(Misconfigured, match=r"odoo\.key"):
        crm(key=SecretStr(""))


def test_a_webhook_needs_the_token_and_names_a_record() -> None:
    odoo = crm(webhook_secret=SecretStr("let-me-in"))
    headers = {"x-switchboard-token": "let-me-in"}
    told = b'{"_model": "crm.lead", "_id": 7, "_action": "x"}'
    assert odoo.parse_webhook(headers, told) == [ContactRef("odoo", "lead:7")]
    for wrong in ({}, {"x-switchboard-token": "let-me-out"}):
        with pytest.raises(Forbidden):
            odoo.parse_webhook(wrong, told)
    for body in (b"", b"[]", b'{"_model": "res.users", "_id": 7}', b'{"_model": "crm.lead"}'):
        with pytest.raises(Invalid):
            odoo.parse_webhook(headers, body)
    with pytest.raises(Unsupported):
        crm().parse_webhook(headers, told)
