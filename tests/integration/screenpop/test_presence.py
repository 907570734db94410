"""Agents who look at their colleagues see what they do, as it changes; nobody else is told."""

from __future__ import annotations

from typing import Any

import pytest

from calls.agents import Agent
from screenpop.desk.presence import Presences
from screenpop.desk.protocol import ServerMessage
from storage.database import Database
from switchboard.demo.desktop_client import DesktopClient
from tests.fakes.desk_server import ANNA, BEN, CHEN, add_agents, desk_server
from tests.fakes.ringing_call import RingingCall
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

NO_PHONE = Agent("eve", "Eve Vale", (), ("back_office",))


def told(client: DesktopClient) -> list[dict[str, Any]]:
    return [frame for frame in client.frames if frame["kind"] == "presence"]


async def test_who_watches_is_told_of_everybody_and_then_of_changes(database: Database) -> None:
    await add_agents(database, ANNA, BEN, CHEN, NO_PHONE)
    async with (
        desk_server(database) as server,
        server.client(ANNA) as anna,
        server.client(BEN) as ben,
    ):
        await ben.send({"kind": "state.set", "state": "available"})
        await wait_until(lambda: ben.status.get("state") == "available")
        assert not told(anna), "nobody asked"
        await anna.send({"kind": "presence.watch"})
        await wait_until(lambda: told(anna))
        [whole] = told(anna)
        assert whole["whole"]
        assert [(a["login"], a["name"], a["state"], a["activity"]) for a in whole["agents"]] == [
            ("anna", ANNA.name, None, "idle"),
            ("ben", BEN.name, "available", "idle"),
            ("chen", CHEN.name, None, "idle"),
        ]
        assert whole["queues"] == ["back_office", "sales", "support"]
        await server.publish(RingingCall().ringing(BEN.interfaces[0]))
        await wait_until(lambda: len(told(anna)) == 2)
        news = told(anna)[-1]
        assert not news["whole"]
        assert [(a["login"], a["activity"]) for a in news["agents"]] == [("ben", "ringing")]
        assert not told(ben)


async def test_a_wish_to_know_ends_by_itself(database: Database) -> None:
    await add_agents(database)
    told: list[tuple[str, ServerMessage]] = []
    async with desk_server(database) as server:
        presences = Presences(
            agents=server.desk.agents,
            status_of=server.desk.duties.status_of,
            tell=lambda login, frame: told.append((login, frame)),
            watched_s=0,
        )
        presences.watch("anna")
        await wait_until(lambda: told)
        presences.changed("chen")
        presences.watch("ben")
        await wait_until(lambda: len(told) == 2)
        assert [login for login, _ in told] == ["anna", "ben"]
        presences.close()
