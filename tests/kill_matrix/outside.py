"""A CRM that outlives us: how the process that is killed reaches it, and what it holds."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.crm_worlds.tryton_world import TrytonWorld
from tests.fakes.espocrm_server import KEY, EspoCrmServer


@dataclass(frozen=True)
class Held:
    """Leads by number; calls and tasks by key, each call with all that is readable of it."""

    leads: Sequence[str | None]
    calls: Sequence[tuple[str | None, str]]
    tasks: Sequence[str | None]


@dataclass(frozen=True)
class OutsideCrm:
    #: As the settings file has them, with the CRM's own section.
    settings: dict[str, Any]
    held: Callable[[], Awaitable[Held]]

    def as_word(self) -> str:
        """For the driver's command line."""
        return json.dumps(self.settings)


def espocrm(server: EspoCrmServer) -> OutsideCrm:
    async def held() -> Held:
        return Held(
            [one.number for one in server.leads()],
            [(one.key, one.texts) for one in server.calls()],
            [one.key for one in server.tasks()],
        )

    return OutsideCrm(
        {"crm": {"adapter": "espocrm"}, "espocrm": {"url": server.url, "key": KEY}}, held
    )


def tryton(world: TrytonWorld, url: str) -> OutsideCrm:
    """By way of `url`, which may be a proxy's."""
    server = world.server

    async def held() -> Held:
        return Held(
            [row.number for row in await world.leads()],
            [(row.key, row.text) for row in await world.calls()],
            [row.key for row in await world.tasks()],
        )

    section = {
        "url": url,
        "database": server.database,
        "username": server.username,
        "password": server.password,
    }
    return OutsideCrm({"crm": {"adapter": "tryton"}, "tryton": section}, held)
