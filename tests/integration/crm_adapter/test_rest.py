"""The REST adapter over real sockets, by the mapping of a small shop."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer

from calls.call import CallId, CallOutcome
from calls.caller import ContactRef
from calls.deadlines import Deadline
from calls.money import Money
from calls.records import CallRecord, NewLead, NewTask
from config.crm_settings import RestSettings
from crm_adapter.adapter import (
    AmbiguousWrite,
    AuthFailed,
    Conflict,
    Forbidden,
    HitKind,
    Invalid,
    KeyField,
    NotFound,
    RateLimited,
    Timeout,
    Unavailable,
    Unsupported,
)
from crm_adapter.http.traces import Exchange
from crm_adapter.rest.adapter import RestCrm
from tests.fakes.rest_server import ENVIRON, MAPPING, RestServer, started

pytestmark = pytest.mark.integration

LONDON = "+442079460018"
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ANN = {
    "id": "7",
    "first": "Ann",
    "last": "O'Hara",
    "phone": "020 7946 0018",
    "mobile": "",
    "company": {"name": "Kiln & Co"},
    "v": "3",
    "owner": {"login": "bob"},
    "lang": "en_GB",
    "account": {"balance": -12.5, "currency": "GBP"},
    "updated": "2026-03-01 08:00:00",
}
ANN_REF = ContactRef("rest", "7")
LEAD = NewLead(
    number="+12025550150",
    call_id=CallId("pbx", "17.1"),
    dialled="+18005550100",
    network_name='Eve"}, {"admin": true',
    created_at=AT,
)
RECORD = CallRecord(
    call_id=CallId("pbx", "17.1"),
    arrived_at=AT,
    number=LONDON,
    dialled="+18005550100",
    contact=ANN_REF,
    identity_outcome="unique",
    outcome=CallOutcome.ANSWERED,
    answered_at=AT + timedelta(seconds=20),
    ended_at=AT + timedelta(seconds=83),
)


@dataclass
class Shop:
    server: RestServer
    crm: RestCrm
    traced: list[Exchange]
    listening: TestServer


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    server = RestServer(contacts={"7": dict(ANN)})
    listening = await started(server)
    file = tmp_path / "shop.yaml"
    file.write_text(MAPPING)
    traced: list[Exchange] = []
    crm = RestCrm(
        settings=RestSettings(mapping=file),
        region="GB",
        trace=traced.append,
        now=lambda: AT,
        environ={**ENVIRON, "SHOP_URL": f"http://127.0.0.1:{listening.port}"},
    )
    await crm.open()
    yield Shop(server, crm, traced, listening)
    await crm.close()
    await listening.close()


def soon() -> Deadline:
    return Deadline.after(30)


async def test_a_number_is_asked_for_in_each_spelling_and_found_once(shop: Shop) -> None:
    [hit] = await shop.crm.find_by_phone(LONDON, limit=5, deadline=soon())
    assert (hit.candidate.ref, hit.candidate.name) == (ANN_REF, "Ann O'Hara")
    assert hit.numbers == ("020 7946 0018",)
    assert (hit.kind, hit.version, hit.owner) == (HitKind.CONTACT, "3", "bob")
    assert hit.candidate.url == "https://shop.example/c/7"
    asked = {path for _, path, _ in shop.server.asked if path.startswith("/api/contacts")}
    assert asked == {
        "/api/contacts?phone=%2B442079460018&limit=5",
        "/api/contacts?phone=020+7946+0018&limit=5",
    }


async def test_a_contact_comes_with_its_history(shop: Shop) -> None:
    shop.server.orders["7"] = [
        {"no": "1", "at": "2026-01-05T10:00:00+01:00", "total": "10.50", "cur": "GBP", "n": 2,
         "sku": "TEA", "what": "Tea", "state": "sent"},
        {"no": 2, "at": 1767225600, "total": 7, "cur": "GBP", "sku": "CUP", "state": "open"},
        {"no": 3, "at": "yesterday", "total": 7, "cur": "GBP", "state": "open"},
        {"no": 4, "at": "2026-01-05", "total": True, "cur": "pounds", "state": "cancelled"},
    ]  # fmt: skip
    contact = await shop.crm.get(ANN_REF, deadline=soon())
    assert (contact.first_name, contact.last_name, contact.company) == (
        "Ann",
        "O'Hara",
        "Kiln & Co",
    )
    assert (contact.language, contact.owner) == ("en", "bob")
    assert contact.balance == Money(Decimal("-12.5"), "GBP")
    assert [(one.product, one.amount, one.quantity) for one in contact.purchases] == [
        ("TEA", Decimal("10.50"), 2),
        ("CUP", Decimal(7), 1),
    ]
    assert contact.purchases[0].at == datetime(2026, 1, 5, 9, tzinfo=UTC)
    assert contact.owns == {"TEA", "CUP"}
    assert [(order.id, order.is_open) for order in contact.orders] == [
        ("2", True),
        ("1", False),
        ("4", False),
    ]
    bought = await shop.crm.get_purchase_history(ANN_REF, limit=1, deadline=soon())
    assert [one.product for one in bought] == ["TEA"]


async def test_a_history_that_fails_loses_nobody(shop: Shop) -> None:
    await shop.crm.check()
    shop.server.instead = [
        (200, json.dumps({"data": ANN}), {}),
        (500, "<html>", {}),
        (200, "[1, 2]", {}),
    ]
    contact = await shop.crm.get(ANN_REF, deadline=soon())
    assert (contact.last_name, contact.purchases, contact.orders) == ("O'Hara", (), ())


async def test_who_is_gone_is_not_found(shop: Shop) -> None:
    for record in ("8", "..", "7/orders", "lead:7"):
        with pytest.raises((NotFound, Invalid)):
            await shop.crm.get(ContactRef("rest", record), deadline=soon())
    with pytest.raises(NotFound):
        await shop.crm.get(ContactRef("odoo", "7"), deadline=soon())
    assert not any("/orders" in path for _, path, _ in shop.server.asked)


@pytest.mark.parametrize("key", ["", "%", "+1' OR 1=1", "+1" * 5000, "0207946"])
async def test_a_hostile_number_is_not_even_asked_for(shop: Shop, key: str) -> None:
    assert await shop.crm.find_by_phone(key, limit=5, deadline=soon()) == []
    assert shop.server.asked == []


async def test_a_typed_key_finds_its_contact(shop: Shop) -> None:
    shop.server.contacts["7"]["number"] = "0042"
    field = KeyField.CUSTOMER_ID
    [found] = await shop.crm.find_by_key(field, "0042", limit=5, deadline=soon())
    assert found.ref == ANN_REF
    assert await shop.crm.find_by_key(field, "42", limit=5, deadline=soon()) == []
    with pytest.raises(Unsupported):
        await shop.crm.find_by_key(KeyField.ORDER_NUMBER, "1", limit=5, deadline=soon())


async def test_one_key_makes_one_lead_with_its_values_as_they_are(shop: Shop) -> None:
    first = await shop.crm.create_lead(LEAD, "key-1")
    assert await shop.crm.create_lead(LEAD, "key-1") == first == "1"
    [lead] = shop.server.leads
    assert (lead["name"], lead["phone"], lead["source"]) == (
        LEAD.network_name,
        LEAD.number,
        "Telephone",
    )
    assert lead["at"] == int(AT.timestamp())
    assert "pbx" in lead["note"]
    assert shop.server.headers[-2]["idempotency-key"] == "key-1"
    assert await shop.crm.withdraw_lead("1", "key-9")
    assert shop.server.leads == []
    assert not await shop.crm.withdraw_lead("1", "key-9")


async def test_a_refused_twin_is_the_record_that_is_there(shop: Shop) -> None:
    shop.server.hides_leads = True
    first = await shop.crm.create_lead(LEAD, "key-1")
    assert await shop.crm.create_lead(LEAD, "key-1") == first
    both = await asyncio.gather(*(shop.crm.create_lead(LEAD, "key-2") for _ in range(4)))
    assert set(both) == {"2"}
    assert len(shop.server.leads) == 2


async def test_an_error_with_200_is_one(shop: Shop) -> None:
    with pytest.raises(Invalid, match="no such name"):
        await shop.crm.create_lead(replace(LEAD, network_name="refused"), "key-1")


async def test_a_later_record_replaces_the_earlier(shop: Shop) -> None:
    live = replace(RECORD, ended_at=None)
    first = await shop.crm.log_call(live, "revision-1")
    assert "to" not in shop.server.calls[0]
    assert await shop.crm.log_call(RECORD, "revision-2") == first
    [call] = shop.server.calls
    assert (call["key"], call["seconds"], call["who"]) == ("revision-2", 63, "7")
    assert (call["from"], call["to"]) == ("2026-03-02T09:30:20Z", "2026-03-02T09:31:23Z")


async def test_what_the_mapping_does_not_say_is_unsupported(shop: Shop) -> None:
    task = NewTask("callback", CallId("pbx", "1"), AT, LONDON)
    for asked in (shop.crm.create_task(task, "k"), shop.crm.close_task("1", "k")):
        with pytest.raises(Unsupported):
            await asked
    assert shop.crm.capabilities.tasks is False
    assert shop.crm.capabilities.updates == {"email", "last_name"}


async def test_fields_change_only_as_allowed_and_as_expected(shop: Shop) -> None:
    change = shop.crm.update_fields
    await change(ANN_REF, {"email": "a@example.com"}, expect_version="3", idem="1")
    assert shop.server.contacts["7"]["mail"] == "a@example.com"
    with pytest.raises(Conflict):
        await change(ANN_REF, {"email": "b@example.com"}, expect_version="2", idem="2")
    with pytest.raises(Invalid):
        await change(ANN_REF, {"v": "9"}, expect_version=None, idem="3")
    assert shop.server.contacts["7"]["mail"] == "a@example.com"


async def test_all_that_changed_is_told_page_after_page(shop: Shop) -> None:
    for number in range(1, 12):
        shop.server.contacts[str(number)] = {**ANN, "id": str(number)}
    told: list[str] = []
    cursor: str | None = None
    while True:
        page = await shop.crm.changes(cursor, limit=4, deadline=soon())
        told += [hit.candidate.ref.id for hit in page.changed]
        cursor = page.cursor
        if not page.more:
            break
    assert told == [str(number) for number in range(1, 12)]
    assert (await shop.crm.changes(cursor, limit=4, deadline=soon())).changed == ()
    shop.server.contacts["3"]["updated"] = "2999-01-01 00:00:00"
    [again] = (await shop.crm.changes(cursor, limit=4, deadline=soon())).changed
    assert again.candidate.ref.id == "3"
    with pytest.raises(Invalid):
        await shop.crm.changes("yesterday", limit=4, deadline=soon())


async def test_a_token_is_had_once_and_again_after_it_ended(shop: Shop) -> None:
    await asyncio.gather(*(shop.crm.check() for _ in range(5)))
    assert shop.server.tokens_given == 1
    shop.server.token = "another"
    await shop.crm.check()
    assert shop.server.tokens_given == 2


async def test_no_secret_is_in_a_trace(shop: Shop) -> None:
    await shop.crm.find_by_phone(LONDON, limit=5, deadline=soon())
    shown = repr(shop.traced)
    assert "Kiln & Co" in shown
    for secret in ("the-client-secret", "the-hook-secret", "token-0001"):
        assert secret not in shown


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((429, "{}", {"Retry-After": "7"}), RateLimited),
        ((200, '{"error": {"code": "LIMIT"}}', {}), RateLimited),
        ((200, '{"error": {"message": "broken"}}', {}), Invalid),
        ((200, "<html>log in</html>", {}), Unavailable),
        ((200, '{"data": "many"}', {}), Unavailable),
        ((200, '{"data": [{"first": "no id"}]}', {}), Unavailable),
        ((503, "", {}), Unavailable),
        ((500, "Traceback", {}), Unavailable),
        ((302, "", {"Location": "http://169.254.169.254/"}), Unavailable),
        ((403, "{}", {}), Forbidden),
        ((200, '{"data": "' + "x" * 2_000_000 + '"}', {}), Unavailable),
    ],
)
async def test_a_wrong_answer_is_a_typed_error(
    shop: Shop, answer: tuple[int, str, dict[str, str]], error: type[Exception]
) -> None:
    await shop.crm.check()
    shop.server.instead = [answer, answer]
    with pytest.raises(error):
        await shop.crm.find_by_phone(LONDON, limit=5, deadline=soon())


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_write_that_failed_there_is_in_doubt(shop: Shop, status: int) -> None:
    await shop.crm.check()
    shop.server.instead = [(200, '{"data": []}', {}), (status, "", {})]
    with pytest.raises(AmbiguousWrite):
        await shop.crm.create_lead(LEAD, "key-1")


async def test_a_question_ends_at_its_deadline(shop: Shop) -> None:
    with pytest.raises(Timeout):
        await shop.crm.find_by_phone(LONDON, limit=5, deadline=Deadline.after(0))


async def test_a_wrong_secret_is_told(tmp_path: Path, shop: Shop) -> None:
    crm = RestCrm(
        settings=RestSettings(mapping=tmp_path / "shop.yaml"),
        region="GB",
        environ={
            **ENVIRON,
            "SHOP_SECRET": "wrong",
            "SHOP_URL": f"http://127.0.0.1:{shop.listening.port}",
        },
    )
    await crm.open()
    with pytest.raises(AuthFailed):
        await crm.check()
    await crm.close()


def test_a_webhook_needs_its_signature(shop: Shop) -> None:
    body = json.dumps({"records": [{"id": 7}, {"id": "9"}, {"id": 7}]}).encode()
    made = hmac.new(b"the-hook-secret", body, hashlib.sha256).hexdigest()
    found = shop.crm.parse_webhook({"x-sig": f"sha256={made}"}, body)
    assert list(found) == [ANN_REF, ContactRef("rest", "9")]
    for headers in ({}, {"x-sig": made}, {"x-sig": "sha256="}, {"x-sig": f"sha256={made}0"}):
        with pytest.raises(Forbidden):
            shop.crm.parse_webhook(headers, body)
    for rotten in (b"[" * 100_000, b"{}", b'{"records": [1, null]}', b"\xff"):
        made = hmac.new(b"the-hook-secret", rotten, hashlib.sha256).hexdigest()
        with pytest.raises(Invalid):
            shop.crm.parse_webhook({"x-sig": f"sha256={made}"}, rotten)
