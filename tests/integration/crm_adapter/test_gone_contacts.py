"""A record's contact was deleted or merged in the CRM before the record came: over HTTP, through
the outbox, to whoever is meant, and never round in circles."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from aiohttp import web

from calls.call import CallId
from calls.caller import ContactRef
from calls.deadlines import Deadline
from config.crm_settings import RestSettings
from crm_adapter import outbox
from crm_adapter.adapter import NotFound
from crm_adapter.live.breaker import BreakerState
from crm_adapter.live.guarded import GET, GuardedCrm
from crm_adapter.payloads import record_to_json
from crm_adapter.relinking import RelinkingWriter
from crm_adapter.rest.adapter import RestCrm
from storage.database import Database
from tests.crm_worlds.samples import LONDON, RECORD
from tests.fakes.clock import FakeClock
from tests.fakes.outbox_desk import Desk
from tests.fakes.rest_server import ENVIRON, MAPPING, RestServer, started

pytestmark = pytest.mark.integration

#: Calls are written below their contact; those of nobody beside.
BELOW = (
    MAPPING.replace("    path: /calls\n", "    path: /contacts/{contact_id}/calls\n")
    + """
log_stranger:
  find_by_key: {path: /calls, query: {call: "{call_id}"}, items: data}
  request: {method: POST, path: /calls, json: {call: "{call_id}", key: "{idem}"}}
  id: data.id
"""
)


@dataclass
class MergingServer(RestServer):
    """`merged` leads from a contact to the one it was merged into; who is neither there nor merged
    is answered with `gone`."""

    merged: dict[str, str] = field(default_factory=dict)
    gone: int = 404

    def application(self) -> web.Application:
        app = super().application()
        app.router.add_post("/api/contacts/{id}/calls", self._add_below)
        return app

    async def _contact(self, request: web.Request) -> web.Response:
        return self._away(request.match_info["id"], "") or await super()._contact(request)

    async def _add_call(self, request: web.Request) -> web.Response:
        who = (await request.json()).get("who")
        away = None if who is None else self._away(who, "/calls")
        return away or await super()._add_call(request)

    async def _add_below(self, request: web.Request) -> web.Response:
        who = request.match_info["id"]
        away = self._away(who, "/calls")
        if away is None:
            answer = await super()._add_call(request)
            self.calls[-1]["who"] = who
            return answer
        return away

    def _away(self, who: str, below: str) -> web.Response | None:
        if who in self.merged:
            to = f"/api/contacts/{self.merged[who]}{below}"
            return web.Response(status=301, headers={"Location": to})
        if who not in self.contacts:
            return web.json_response({"error": {"message": "no such contact"}}, status=self.gone)
        return None

    def writes(self) -> list[str]:
        return [path for method, path, _ in self.asked if method == "POST" and "calls" in path]


@dataclass
class House:
    server: MergingServer
    crm: RestCrm
    writer: RelinkingWriter
    desk: Desk
    forgotten: list[ContactRef]

    async def owes(self, contact_id: str) -> None:
        record = replace(
            RECORD,
            call_id=CallId("pbx", "17.1"),
            number=LONDON,
            contact=ContactRef("rest", contact_id),
            identity_outcome="unique",
        )
        entry = outbox.NewEntry("key-1", outbox.LOG_CALL, "call/1", record_to_json(record))
        await self.desk.owe(entry)
        await self.desk.worker.deliver_due()


@pytest.fixture(params=[MAPPING], ids=["beside"])
async def house(
    request: pytest.FixtureRequest, database: Database, clock: FakeClock, tmp_path: Path
) -> AsyncIterator[House]:
    server = MergingServer()
    listening = await started(server)
    file = tmp_path / "shop.yaml"
    file.write_text(request.param)
    crm = RestCrm(
        settings=RestSettings(mapping=file),
        region="GB",
        environ={**ENVIRON, "SHOP_URL": f"http://127.0.0.1:{listening.port}"},
    )
    await crm.open()
    forgotten: list[ContactRef] = []

    async def forget(ref: ContactRef) -> None:
        forgotten.append(ref)

    writer = RelinkingWriter(crm=crm, region="GB", gone=forget)
    yield House(server, crm, writer, Desk(database, writer, clock), forgotten)
    await crm.close()
    await listening.close()


below = pytest.mark.parametrize("house", [BELOW], ids=["below"], indirect=True)


def contacts(*ids: str) -> dict[str, dict[str, object]]:
    about = {"first": "Ann", "last": "Ng", "phone": "020 7946 0018", "mobile": "", "v": "1"}
    return {one: {"id": one, **about} for one in ids}


@pytest.mark.parametrize("status", [404, 410])
@pytest.mark.parametrize(
    ("holders", "linked"),
    [((), None), (("9",), "9"), (("8", "9"), None)],
    ids=["nobody", "one", "several"],
)
async def test_a_deleted_contact_s_record_goes_to_the_one_holder_of_the_number(
    house: House,
    caplog: pytest.LogCaptureFixture,
    status: int,
    holders: Iterable[str],
    linked: str | None,
) -> None:
    house.server.gone, house.server.contacts = status, contacts(*holders)
    await house.owes("7")
    assert await house.desk.states() == {"key-1": "done"}
    [call] = house.server.calls
    assert call.get("who") == linked
    assert len(house.server.writes()) == 2
    assert (house.writer.relinked, house.writer.unlinked) == ((1, 0) if linked else (0, 1))
    assert house.forgotten == [ContactRef("rest", "7")]
    assert "rest:7 is gone from the CRM; its record goes to" in caplog.text


@below
async def test_a_merged_contact_s_record_goes_where_the_crm_says(house: House) -> None:
    house.server.contacts, house.server.merged = contacts("8", "9"), {"7": "9"}
    await house.owes("7")
    assert await house.desk.states() == {"key-1": "done"}
    assert [call["who"] for call in house.server.calls] == ["9"]
    assert house.writer.relinked == 1


@below
async def test_a_merge_in_a_circle_ends_with_nobody(house: House) -> None:
    house.server.merged = {"7": "9", "9": "7"}
    await house.owes("7")
    assert await house.desk.states() == {"key-1": "done"}
    assert [call.get("who") for call in house.server.calls] == [None]
    assert house.server.writes() == [
        "/api/contacts/7/calls",
        "/api/contacts/9/calls",
        "/api/calls",
    ]


async def test_a_redirect_that_is_no_merge_waits_for_a_person(house: House) -> None:
    house.server.instead = [(301, "", {"Location": "https://elsewhere.example/api/calls"})] * 20
    await house.owes("7")
    assert await house.desk.states() == {"key-1": "pending"}
    assert (house.server.calls, house.forgotten) == ([], [])


async def test_who_was_merged_is_gone_for_look_ups_and_no_outage(house: House) -> None:
    house.server.contacts, house.server.merged = contacts("9"), {"7": "9"}
    guarded = GuardedCrm(crm=house.crm)
    for _ in range(6):
        with pytest.raises(NotFound, match="merged"):
            await guarded.get(ContactRef("rest", "7"), deadline=Deadline.after(30))
    assert guarded.breakers[GET].state(0.0) is BreakerState.CLOSED
