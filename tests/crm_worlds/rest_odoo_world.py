"""A real Odoo 19 through YAML alone: the mapping that we ship."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from calls.caller import ContactRef
from config.crm_settings import RestSettings
from crm_adapter.rest.adapter import RestCrm
from tests.crm_worlds.odoo_world import OdooWorld
from tests.crm_worlds.presets import unhurried
from tests.crm_worlds.world import WorldKind
from tests.servers.odoo.server import OdooServer

FIELDS = {"last_name": "name", "email": "email"}


def made(server: OdooServer, mapping: Path, url: str | None = None) -> RestCrm:
    return RestCrm(
        settings=RestSettings(mapping=mapping),
        region="GB",
        environ={
            "ODOO_URL": url or server.url,
            "ODOO_KEY": server.key,
            "ODOO_DATABASE": server.database,
            "ODOO_LOGIN": server.username,
        },
    )


@dataclass
class RestOdooWorld(OdooWorld):
    """Implements `tests.crm_worlds.world.HttpCrmWorld`. The mapping asks for what changed by the
    server's own clock: the last two changes are as if three seconds old, since Odoo tells times to
    the second, and the others a minute."""

    _changed: list[int] = field(default_factory=list)
    mapping: Path = Path()

    async def _written(self, *partners: int) -> None:
        old, self._changed = self._changed[:-1], [*self._changed[-1:], *partners]
        connection = await asyncpg.connect(self.server.dsn, timeout=60)
        try:
            for ids, seconds in ((old, 60), (list(partners), 3)):
                await connection.execute(
                    "UPDATE res_partner SET write_date = now() at time zone 'utc' "
                    "- make_interval(secs => $2) WHERE id = ANY($1::int[])",
                    ids,
                    seconds,
                )
        finally:
            await connection.close()

    def through(self, url: str) -> RestCrm:
        return made(self.server, self.mapping, url)

    @property
    def secrets(self) -> Sequence[str]:
        return (self.server.key,)

    async def add_contact(self, *numbers: str, **given: Any) -> ContactRef:
        ref = await super().add_contact(*numbers, **given)
        return ContactRef("rest", ref.id)

    async def contact_field(self, contact: ContactRef, field: str) -> str | None:
        name = FIELDS[field]
        [row] = await self.server.find("res.partner", [("id", "=", int(contact.id))], [name])
        return row[name] or None

    def webhook(self, contact: ContactRef) -> tuple[Mapping[str, str], bytes]:
        raise AssertionError("the mapping describes none")


@asynccontextmanager
async def _opened(server: OdooServer, folder: Path) -> AsyncIterator[RestOdooWorld]:
    await server.clean()
    mapping = unhurried(folder, "odoo")
    crm, other = made(server, mapping), made(server, mapping)
    await crm.open()
    await other.open()
    try:
        yield RestOdooWorld(server, "json2", crm, other, mapping=mapping)
    finally:
        await crm.close()
        await other.close()


GAPS = {
    "test_a_second_number_leads_to_the_same_contact": (
        "Odoo 19 keeps one number for a card: a second one is on another card of the same person"
    ),
    "test_an_earlier_record_that_comes_late_undoes_nothing": (
        "a note's revision is in its text, where JMESPath cannot look"
    ),
    "test_one_of_two_changes_at_once_from_one_version_is_refused": (
        "Odoo has no conditional write: we look at the version, then write"
    ),
}
WORLDS = (
    WorldKind(
        name="rest-odoo",
        opened=_opened,
        needs=("odoo_server", "tmp_path"),
        proven_by="real server",
        is_http=True,
        gaps=GAPS,
        limit_s=900,
        marks=(pytest.mark.odoo,),
    ),
)
