"""A running Odoo 19 with a database of its own.

In a test, ask for the fixture `odoo_server` (one per run) and mark the test `odoo`:

    pytestmark = [pytest.mark.contract, pytest.mark.odoo]

    async def test_something(odoo_server: OdooServer) -> None:
        await odoo_server.clean()                       # no contact, order, lead ... is left
        partner = await odoo_server.add_partner("Ann Lee", phone="020 7946 0018")
        await odoo_server.add_order(partner, [SoldLine("CAM-1", "Camera", "Cameras", 2, 100.0)])

`url`, `database`, `username` and `key` are what an adapter is set up with: JSON-2 with
`Authorization: bearer KEY` and `X-Odoo-Database: DATABASE`, or JSON-RPC at `/jsonrpc`. The user has
the rights that docs/crm/odoo.md grants and no others. `call` and everything below it act as the
administrator. By hand: `python -m tests.servers.odoo --serve`.
"""

from __future__ import annotations

import asyncio
import http.client
import signal
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg

from switchboard.demo import free_ports
from switchboard.demo.private_servers import serving, wait_until
from tests.servers.odoo.program import cache_folder, locked, odoo_program
from tests.servers.odoo.template import kept_template, make_template, write_config

#: What tests fill, in an order that foreign keys allow. Of the last ones only rows newer than the
#: template's are deleted.
_EMPTIED = ("mail_activity", "sale_order_line", "sale_order", "crm_lead")
_CUT_BACK = ("mail_message", "product_product", "product_template", "product_category",
             "ir_model_data", "res_partner")  # fmt: skip


@dataclass(frozen=True, slots=True)
class SoldLine:
    """One line of an order; `price` of one."""

    code: str
    product: str
    category: str
    quantity: float
    price: float
    delivered: float = 0.0


@dataclass(frozen=True, slots=True)
class OdooServer:
    """See the module. `keys` and `ids` are of all users by login: switchboard, anna (a
    salesperson), nobody (no rights but to log in) and admin."""

    url: str
    database: str
    #: `postgresql://...` of the database itself.
    dsn: str
    keys: Mapping[str, str] = field(repr=False)
    ids: Mapping[str, int]
    newest: Mapping[str, int]
    username: str = "switchboard"

    @property
    def key(self) -> str:
        return self.keys[self.username]

    async def call(self, model: str, method: str, **arguments: Any) -> Any:
        """As the administrator."""
        headers = {
            "Authorization": f"bearer {self.keys['admin']}",
            "X-Odoo-Database": self.database,
        }
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(f"{self.url}/json/2/{model}/{method}", json=arguments) as response,
        ):
            answer = await response.json()
            if response.status != 200:
                raise RuntimeError(f"{model}.{method}: {answer.get('debug', answer)}")
            return answer

    async def create(self, model: str, **values: Any) -> int:
        [created] = await self.call(model, "create", vals_list=[values])
        return int(created)

    async def write(self, model: str, record: int, **values: Any) -> None:
        await self.call(model, "write", ids=[record], vals=values)

    async def delete(self, model: str, record: int) -> None:
        await self.call(model, "unlink", ids=[record])

    async def find(
        self, model: str, domain: Sequence[Any] = (), fields: Sequence[str] = ()
    ) -> list[dict[str, Any]]:
        """Archived ones too."""
        found: list[dict[str, Any]] = await self.call(
            model,
            "search_read",
            domain=list(domain),
            fields=list(fields),
            context={"active_test": False},
        )
        return found

    async def add_partner(self, name: str, *, phone: str | None = None, **values: Any) -> int:
        return await self.create("res.partner", name=name, phone=phone or False, **values)

    async def add_lead(self, name: str, *, phone: str, **values: Any) -> int:
        return await self.create("crm.lead", name=name, phone=phone, **values)

    async def add_order(
        self,
        partner: int,
        lines: Sequence[SoldLine],
        *,
        at: datetime | None = None,
        state: str = "sale",
        **values: Any,
    ) -> int:
        """Ordered `at` (now); `state` draft, sent, sale or cancel."""
        when = (at or datetime.now(UTC)).astimezone(UTC)
        order = await self.create(
            "sale.order",
            partner_id=partner,
            order_line=[(0, 0, await self._line(line)) for line in lines],
            **values,
        )
        # Confirming by button would set the date to now.
        await self.write("sale.order", order, state=state, date_order=f"{when:%Y-%m-%d %H:%M:%S}")
        for sold in await self.find(
            "sale.order.line", [("order_id", "=", order)], ["name", "sequence"]
        ):
            wanted = next(line for line in lines if line.product in sold["name"])
            if wanted.delivered:
                await self.write("sale.order.line", sold["id"], qty_delivered=wanted.delivered)
        return order

    async def _line(self, line: SoldLine) -> dict[str, Any]:
        category = await self._named("product.category", name=line.category)
        product = await self.find("product.product", [("default_code", "=", line.code)], ["id"])
        product_id = (
            product[0]["id"]
            if product
            else await self.create(
                "product.product",
                name=line.product,
                default_code=line.code,
                categ_id=category,
                taxes_id=[(5, 0, 0)],
            )
        )
        return {
            "product_id": product_id,
            "product_uom_qty": line.quantity,
            "price_unit": line.price,
        }

    async def _named(self, model: str, *, name: str) -> int:
        found = await self.find(model, [("name", "=", name)], ["id"])
        return int(found[0]["id"]) if found else await self.create(model, name=name)

    async def clean(self) -> None:
        """Everything that tests made is gone, quicker than Odoo itself could."""
        connection = await asyncpg.connect(self.dsn, timeout=60)
        try:
            async with connection.transaction():
                await connection.execute("SET LOCAL session_replication_role = replica")
                for table in _EMPTIED:
                    await connection.execute(f"DELETE FROM {table}")
                for table in _CUT_BACK:
                    await connection.execute(
                        f"DELETE FROM {table} WHERE id > $1", self.newest[table]
                    )
                # What is left has not been touched for long.
                await connection.execute("UPDATE res_partner SET write_date = '2020-01-01'")
        finally:
            await connection.close()


@contextmanager
def running_odoo(cluster: str) -> Iterator[OdooServer]:
    """`cluster` is `postgresql://USER@HOST:PORT` of a private PostgreSQL. Raises OdooMissing."""
    cache, name = cache_folder(), "odoo"
    with locked(cache):
        program = odoo_program(cache)
        template = kept_template(program, cache) or make_template(program, cache, cluster)
        template.restore(cluster, name)
    with tempfile.TemporaryDirectory(prefix="switchboard-odoo-") as folder:
        home, port = Path(folder), free_ports.tcp()
        config = write_config(home / "odoo.conf", cluster=cluster, data=home / "data", port=port)
        command = program.command("-c", str(config), "-d", name, f"--db-filter=^{name}$")
        url = f"http://127.0.0.1:{port}"
        with serving(command, home, signal.SIGTERM, program.environment()) as process:
            wait_until(lambda: _answers(url), process, home)
            dsn = f"{cluster}/{name}"
            yield OdooServer(url, name, dsn, template.keys, template.ids, _newest(dsn))


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/web/health", timeout=5) as response:
            return bool(response.status == 200)
    except (OSError, http.client.HTTPException):
        return False


def _newest(dsn: str) -> dict[str, int]:
    async def ask() -> dict[str, int]:
        connection = await asyncpg.connect(dsn, timeout=60)
        try:
            return {
                table: await connection.fetchval(f"SELECT coalesce(max(id), 0) FROM {table}")
                for table in _CUT_BACK
            }
        finally:
            await connection.close()

    return asyncio.run(ask())
