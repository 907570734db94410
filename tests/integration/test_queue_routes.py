"""What Asterisk is told of a queue of one member, as it asks for it (res_config_curl.c)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from ami_bridge import queue_routes
from ami_bridge.ami_events import MemberSeen
from ami_bridge.queue_members import QueueMembers
from tests.fakes.kept_app import kept_app

pytestmark = pytest.mark.integration

ANNA = "PJSIP/agent1"
Asterisk = TestClient[web.Request, web.Application]


class Roster:
    def login_of(self, interface: str) -> str | None:
        return None

    def interface_of(self, login: str) -> str | None:
        return {"anna": ANNA}.get(login)


@pytest.fixture
def members() -> QueueMembers:
    return QueueMembers()


@pytest.fixture
async def asterisk(members: QueueMembers) -> AsyncIterator[Asterisk]:
    app = kept_app()
    queue_routes.add_routes(app, roster=Roster(), members=members)
    async with TestClient(TestServer(app)) as client:
        yield client


async def row(asterisk: Asterisk, path: str, **form: str) -> dict[str, str]:
    async with asterisk.post(path, data=form) as response:
        assert response.status == 200
        text = await response.text()
    assert text.count("\n") == (1 if text else 0)
    return {key: values[0] for key, values in parse_qs(text.strip()).items()}


def seen(queue: str, *, paused: bool = False) -> MemberSeen:
    return MemberSeen("", "", ANNA, "hint:1@agents", queue, "Anna", paused)


async def test_an_agents_queue_is_there_when_it_is_named(asterisk: Asterisk) -> None:
    queue = await row(asterisk, "/pbx/queues/single", name="sales~anna")
    assert queue["name"] == "sales~anna"
    assert "paused" in queue["joinempty"]
    assert "ringing" not in queue["leavewhenempty"].split(",")
    member = await row(
        asterisk, "/pbx/queue_members/multi", **{"interface LIKE": "%", "queue_name": "sales~anna"}
    )
    assert (member["interface"], member["uniqueid"]) == (ANNA, "sales~anna")


@pytest.mark.parametrize(
    "name", ["", "sales", "sales~", "~anna", "sales~ben", "sales~anna~x", "a b~anna", "%", "é~anna"]
)
async def test_no_other_queue_is_ours(asterisk: Asterisk, name: str) -> None:
    assert await row(asterisk, "/pbx/queues/single", name=name) == {}
    assert await row(asterisk, "/pbx/queue_members/multi", queue_name=name) == {}


async def test_asked_for_all_queues_there_are_none(asterisk: Asterisk) -> None:
    assert await row(asterisk, "/pbx/queues/multi", **{"name LIKE": "%"}) == {}


async def test_who_is_paused_in_the_callers_queue_is_paused_here(
    asterisk: Asterisk, members: QueueMembers
) -> None:
    async def paused(queue: str) -> str:
        path = "/pbx/queue_members/multi"
        member = await row(asterisk, path, queue_name=f"{queue}~anna")
        assert (member["membername"], member["state_interface"]) == ("Anna", "hint:1@agents")
        return member["paused"]

    members.replace([seen("sales"), seen("billing", paused=True)])
    assert (await paused("sales"), await paused("billing"), await paused("other")) == (
        "0",
        "1",
        "1",
    )
    members.apply(seen("billing"))
    members.apply(seen("billing~anna", paused=True))
    assert await paused("billing") == await paused("other") == "0"


async def test_what_asterisk_writes_is_taken_for_done(asterisk: Asterisk) -> None:
    for path, answer in (("queue_members/update", "1"), ("queues/require", "0")):
        async with asterisk.post(f"/pbx/{path}", data={"paused": "1"}) as response:
            assert await response.text() == answer
