"""The presets on the tables that they were written for."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

from calls.caller import ContactRef
from calls.deadlines import Deadline
from config.crm_settings import SqlSettings
from crm_adapter.adapter import HitKind, KeyField
from crm_adapter.mapped.files import presets
from crm_adapter.sql.adapter import SqlCrm
from crm_adapter.sql.mapping import load_sql_mapping
from tests.fakes.product_tables import TABLES
from tests.fakes.shop_database import execute
from tests.servers.odoo.server import OdooServer, SoldLine

pytestmark = pytest.mark.integration

LONDON = "+442079460018"
INDEXES = [
    "CREATE INDEX switchboard_partner ON res_partner (phone_sanitized)",
]


def made(url: str, preset: str) -> SqlCrm:
    settings = SqlSettings(
        mapping=Path(f"preset:{preset}"), url=SecretStr(url), statement_timeout_s=30
    )
    return SqlCrm(settings=settings, region="GB")


def soon() -> Deadline:
    return Deadline.after(30)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/crm.db"
    url: str = request.getfixturevalue("empty_postgres_url")
    return url


def test_all_presets_can_be_read() -> None:
    known = presets("sql")
    assert {"embedded", "odoo-readonly", *TABLES} == set(known)
    for name in known:
        assert load_sql_mapping(f"preset:{name}").warnings == ()


@pytest.mark.parametrize("product", sorted(TABLES))
async def test_a_product_is_read_by_its_preset(empty_url: str, product: str) -> None:
    await execute(empty_url, TABLES[product])
    crm = made(empty_url, product)
    await crm.check()
    [hit] = await crm.find_by_phone(LONDON, limit=5, deadline=soon())
    assert (hit.candidate.name, hit.candidate.company, hit.owner) == ("Ann Lee", "Kiln & Co", "bob")
    assert "020 7946 0018" in hit.numbers
    contact = await crm.get(hit.candidate.ref, deadline=soon())
    [bought] = contact.purchases
    assert bought.at == datetime(2026, 1, 5, tzinfo=UTC)
    assert (bought.product_name, bought.amount) == ("Kettles", Decimal("120.5"))
    [by_mobile] = await crm.find_by_phone("+447700900123", limit=5, deadline=soon())
    assert by_mobile.candidate.ref == hit.candidate.ref
    [lead] = await crm.find_by_phone("+442079460077", limit=5, deadline=soon())
    assert (lead.kind, lead.candidate.name) == (HitKind.LEAD, "New")
    assert (await crm.get(lead.candidate.ref, deadline=soon())).name == "New"
    page = await crm.changes(None, limit=50, deadline=soon())
    assert [one.candidate.ref for one in page.changed] == [hit.candidate.ref]
    await crm.close()


@pytest.mark.parametrize("product", ["suitecrm", "vtiger"])
async def test_a_product_tells_of_open_cases(empty_url: str, product: str) -> None:
    await execute(empty_url, TABLES[product])
    crm = made(empty_url, product)
    [hit] = await crm.find_by_phone(LONDON, limit=5, deadline=soon())
    contact = await crm.get(hit.candidate.ref, deadline=soon())
    assert [(case.subject, case.is_open) for case in contact.cases] == [("Cracked", True)]
    if product == "vtiger":
        assert [(order.number, order.is_open) for order in contact.orders] == [("SO21", True)]
    await crm.close()


@pytest.mark.odoo
async def test_a_real_odoo_is_read_by_its_preset(odoo_server: OdooServer) -> None:
    await odoo_server.clean()
    partner = await odoo_server.add_partner("Ann Lee", phone="020 7946 0018", ref="0042")
    await odoo_server.add_partner("Bystander", phone="020 7946 0019")
    lead = await odoo_server.add_lead(
        "Kettles", phone="020 7946 0077", contact_name="New", type="lead"
    )
    await odoo_server.add_order(partner, [SoldLine("CAM-1", "Camera", "Cameras", 2, 100.0)])
    crm = made(odoo_server.dsn, "odoo-readonly")
    await crm.check()
    # Odoo has an index on leads' numbers and none on partners': the preset says how to make one.
    [warning] = crm.warnings
    assert "reads all of 'res_partner'" in str(warning)
    await execute(odoo_server.dsn, INDEXES)
    await crm.check()
    assert crm.warnings == ()
    await execute(odoo_server.dsn, ["DROP INDEX switchboard_partner"])
    [hit] = await crm.find_by_phone(LONDON, limit=5, deadline=soon())
    assert (hit.candidate.ref, hit.candidate.name) == (ContactRef("sql", str(partner)), "Ann Lee")
    assert LONDON in hit.numbers
    contact = await crm.get(hit.candidate.ref, deadline=soon())
    [bought] = contact.purchases
    assert (bought.product, bought.quantity, bought.currency) == ("CAM-1", 2, "GBP")
    assert bought.amount >= Decimal(200)
    assert [order.is_open for order in contact.orders] == [True]
    [found] = await crm.find_by_key(KeyField.CUSTOMER_ID, "0042", limit=5, deadline=soon())
    assert found.ref == hit.candidate.ref
    [stranger] = await crm.find_by_phone("+442079460077", limit=5, deadline=soon())
    assert (stranger.candidate.ref.id, stranger.candidate.name) == (f"lead:{lead}", "New")
    page = await crm.changes(None, limit=500, deadline=soon())
    assert hit.candidate.ref in [one.candidate.ref for one in page.changed]
    await crm.close()
