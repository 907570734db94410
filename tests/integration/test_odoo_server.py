"""The real Odoo that other tests stand on: it answers, sells, forgets, and our user sees enough."""

from __future__ import annotations

import aiohttp
import pytest

from tests.servers.odoo.program import needed_modules
from tests.servers.odoo.server import OdooServer, SoldLine

pytestmark = [pytest.mark.integration, pytest.mark.odoo]


async def test_what_was_made_is_found_and_then_forgotten(odoo_server: OdooServer) -> None:
    await odoo_server.clean()
    partner = await odoo_server.add_partner("Ann Lee", phone="020 7946 0018")
    line = SoldLine("CAM-1", "Camera", "Cameras", 2, 100.0, delivered=2)
    order = await odoo_server.add_order(partner, [line])
    [found] = await odoo_server.find("res.partner", [("id", "=", partner)], ["phone_sanitized"])
    assert found["phone_sanitized"] == "+442079460018"
    [sold] = await odoo_server.find("sale.order", [("id", "=", order)])
    assert (sold["state"], sold["amount_untaxed"]) == ("sale", 200.0)
    await odoo_server.clean()
    assert await odoo_server.find("res.partner", [("name", "=", "Ann Lee")]) == []
    assert await odoo_server.find("sale.order") == []


async def test_our_user_is_an_ordinary_one(odoo_server: OdooServer) -> None:
    headers = {
        "Authorization": f"bearer {odoo_server.key}",
        "X-Odoo-Database": odoo_server.database,
    }
    async with aiohttp.ClientSession(headers=headers) as session:

        async def status(model: str, method: str) -> int:
            address = f"{odoo_server.url}/json/2/{model}/{method}"
            async with session.post(address, json={"domain": []}) as response:
                return response.status

        assert await status("res.partner", "search_count") == 200
        assert await status("crm.lead", "search_count") == 200
        assert await status("ir.config_parameter", "search_count") == 403


def test_what_installs_itself_is_needed_too() -> None:
    base: dict[str, object] = {"depends": ["base"]}
    manifests: dict[str, dict[str, object]] = {
        "base": {"depends": []},
        "web": base,
        "crm": {"depends": ["mail"]},
        "mail": base,
        "sale_management": base,
        "phone_validation": base,
        "contacts": base,
        "crm_mail": {"depends": ["crm", "mail"], "auto_install": True},
        "crm_abroad": {"depends": ["crm"], "auto_install": True, "countries": ["xx"]},
        "sale_stock": {"depends": ["sale", "stock"], "auto_install": True},
        "stock": base,
    }
    needed = needed_modules(manifests)
    assert "crm_mail" in needed
    assert not needed & {"crm_abroad", "sale_stock", "stock"}
