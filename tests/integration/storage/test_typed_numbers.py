"""The second revision numbers the orders that were there before callers could type them."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, text

from storage.database import Database
from storage.revisions import alembic_config

pytestmark = pytest.mark.integration

_CONTACT = (
    "INSERT INTO crm_contacts (id, first_name, last_name, version, updated_at) "
    "VALUES ('C-1', '', '', 1, '2026-03-02 09:30:00+00:00')"
)
_ORDER = (
    "INSERT INTO crm_orders (id, contact_id, status, placed_at, is_open) "
    "VALUES (:id, 'C-1', 'packed', '2026-03-02 09:30:00+00:00', :open)"
)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/empty.db"
    url: str = request.getfixturevalue("empty_postgres_url")
    return url


def upgrade_to(connection: Connection, revision: str) -> None:
    command.upgrade(alembic_config(connection), revision)


async def test_orders_get_the_digits_of_their_id(empty_url: str) -> None:
    ids = ["O-004711", "2026/17-3", "WEB", "7" * 33]
    async with Database(empty_url) as database:
        async with database.engine.begin() as connection:
            await connection.run_sync(upgrade_to, "0001")
            await connection.execute(text(_CONTACT))
            for order in ids:
                await connection.execute(text(_ORDER), {"id": order, "open": True})
            await connection.run_sync(upgrade_to, "0002")
        async with database.read() as connection:
            rows = await connection.execute(text("SELECT id, number FROM crm_orders"))
            numbers = {row.id: row.number for row in rows}
    assert numbers == dict(zip(ids, ["004711", "2026173", None, None], strict=True))
