"""Calls that agents make themselves, on the real Asterisk: one record in the CRM, of whom they
called, with the times that Asterisk's own CEL has."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import Row, insert, select

from ami_bridge.placing import Placing
from calls import events
from config.settings import CrmSettings, Settings
from crm_adapter.call_tables import calls, leads, missed_tasks
from crm_adapter.connection import CrmConnection
from crm_adapter.directory import Directory
from crm_adapter.embedded.tables import call_records, contact_numbers, contacts
from crm_adapter.journal import DatabaseJournal
from crm_adapter.late_identity import LateIdentifier
from crm_adapter.records import Records
from scoring.scorer import Scorer
from storage.database import Database
from switchboard.demo.sip_phones import SipPhones
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape
from tests.acceptance import queue_house
from tests.acceptance.queue_house import House, Roster
from tests.acceptance.scene import AGENTS, Scene
from tests.acceptance.transfer_house import Operator, TransferHouse
from tests.acceptance.waiting import until

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:asterisk.manager"),
]

STAYS = PhoneShape(ring_ms=100)
TALKS = PhoneShape(ring_ms=300, talk_ms=1200)
RINGS_ON = PhoneShape(ring_ms=None)
#: What our clock and Asterisk's log may be apart, the AMI's way included.
NEAR = timedelta(seconds=0.5)
#: As agents dial it: 9 for a line.
NUMBER, DIALLED = "+4930123456", "9004930123456"

Opened = Callable[..., AbstractAsyncContextManager[Scene]]


@pytest.fixture
async def opened(hall: TransferHouse, tmp_path: Path, database: Database) -> Opened:
    """Our side of it; may be opened again, as after a restart."""
    now = datetime.now(UTC)
    async with database.engine.begin() as link:
        customer = {"id": "C1", "first_name": "Maria", "last_name": "Garcia", "updated_at": now}
        await link.execute(insert(contacts).values(customer))
        await link.execute(insert(contact_numbers).values(contact_id="C1", e164=NUMBER))

    @asynccontextmanager
    async def opening(*, internal: bool = False) -> AsyncIterator[Scene]:
        placing = Placing(login_of=Roster(AGENTS).login_of, outbound=True, internal=internal)
        journal = DatabaseJournal(database=database)
        settings = Settings(crm=CrmSettings(region="US"))
        scorer = Scorer(database=database, settings=settings.scoring)
        made: list[Records] = []
        async with CrmConnection(settings=settings, database=database) as connection:
            directory = Directory(
                adapter=connection.adapter,
                segments=scorer,
                settings=settings.crm,
                look_up=connection.look_up,
            )

            async def subscribe(_app: web.Application, house: House) -> None:
                """Before Asterisk tells of calls that go on already."""
                crm = settings.crm
                LateIdentifier(bus=house.bus, directory=directory, settings=crm).subscribe()
                made.append(
                    Records(
                        database=database,
                        bus=house.bus,
                        crm=connection.writer,
                        roster=Roster(AGENTS),
                    )
                )

            async with queue_house.opened(
                hall.pbx, tmp_path, more=subscribe, journal=journal, placing=placing
            ) as house:
                operator = Operator(hall.pbx)
                scene = Scene(house, hall, operator, made[0], database, tmp_path)
                try:
                    async with made[0]:
                        yield scene
                finally:
                    operator.close()
                    await scorer.close()
                    for one in scene.playing:
                        await one.stop()

    return opening


async def check(scene: Scene, record: Row[Any], *, calls_there: int = 1) -> None:
    """With CEL, and that nothing came of it but the record."""

    async def ended() -> list[datetime]:
        return cel(scene, "LINKEDID_END", record.linkedid)

    [end] = await until(ended, "the end in CEL")
    assert abs(end - record.ended_at) < NEAR
    assert not record.end_estimated
    if record.answered_at is not None:
        answers = cel(scene, "ANSWER", record.linkedid)
        assert min(abs(at - record.answered_at) for at in answers) < NEAR
        assert record.talk_s == round((record.ended_at - record.answered_at).total_seconds())
    async with scene.database.read() as link:
        for table in (leads, missed_tasks):
            assert (await link.execute(select(table))).all() == []
        assert len((await link.execute(select(calls))).all()) == calls_there


def cel(scene: Scene, event: str, linkedid: str) -> list[datetime]:
    return [
        datetime.fromisoformat(row[1]).astimezone(UTC)
        for row in scene.hall.pbx.cel()
        if row[0] == event and row[2] == linkedid
    ]


def legs(record: Row[Any]) -> list[tuple[str, str, bool]]:
    return [(leg["agent"], leg["via"], leg["answered_at"] is not None) for leg in record.legs]


@pytest.mark.parametrize("dialled", [DIALLED, "*9004930123456", "*8004930123456"])
async def test_an_answered_call_to_a_customer(opened: Opened, dialled: str) -> None:
    """Straight to the trunk, and through Local channels, as FreePBX has it, and optimised away."""
    async with opened() as scene, scene.phones(outside=TALKS):
        scene.dial("agent1", dialled, talk_ms=20_000)
        await scene.answered()
        record = await scene.record()
    assert (record.direction, record.outcome) == ("outbound", "answered")
    assert (record.number, record.contact_id, record.dialled) == (NUMBER, "C1", dialled)
    assert record.title == f"Call to Maria Garcia ({NUMBER})"
    assert legs(record) == [("anna", "dial", True)]
    assert record.talk_s in (1, 2)
    assert record.revision == 2
    await check(scene, record)


@pytest.mark.parametrize(
    ("outside", "patience_ms", "outcome"),
    [
        (RINGS_ON, None, "not_answered"),
        (RINGS_ON, 700, "cancelled"),
        (PhoneShape(busy=True), None, "busy"),
    ],
)
async def test_a_call_nobody_answers(
    opened: Opened, outside: PhoneShape, patience_ms: int | None, outcome: str
) -> None:
    async with opened() as scene, scene.phones(outside=outside):
        shape = CallerShape(patience_ms=patience_ms)
        scene.playing.append(scene.hall.dial("agent1", DIALLED, folder=scene.folder, shape=shape))
        record = await scene.record()
    assert (record.direction, record.outcome) == ("outbound", outcome)
    assert (record.number, record.contact_id) == (NUMBER, "C1")
    assert legs(record) == [("anna", "dial", False)]
    assert (record.answered_at, record.talk_s) == (None, 0)
    await check(scene, record)


@pytest.mark.parametrize("way", ["blind", "attended"])
async def test_a_customer_who_was_called_is_transferred(opened: Opened, way: str) -> None:
    async with opened() as scene, scene.phones(outside=STAYS, agent2=STAYS):
        scene.dial("agent1", DIALLED, talk_ms=20_000)
        await scene.answered()
        if way == "blind":
            await scene.transfer("102")
            await scene.answered(2)
        else:
            anna = await scene.operator.channel("agent1")
            await scene.operator.act("Atxfer", Channel=anna, Context="from-agents", Exten="102")
            await scene.answered(2)
            await scene.hang_up("agent1")
            await scene.house.some(events.CallTransferred)
        await scene.hang_up("agent2")
        record = await scene.record()
    assert legs(record) == [("anna", "dial", True), ("ben", f"{way}_transfer", True)]
    assert (record.direction, record.contact_id) == ("outbound", "C1")
    await check(scene, record)


@pytest.mark.parametrize(
    "channel", ["PJSIP/agent1", "Local/101@from-queue", "Local/101@from-queue/n"]
)
async def test_a_call_that_a_program_makes_for_an_agent_is_one(
    opened: Opened, channel: str
) -> None:
    """As click-to-dial does: the agent's phone rings, then the customer's."""
    async with opened() as scene, scene.phones(agent1=STAYS, outside=TALKS):
        await scene.operator.act(
            "Originate",
            Channel=channel,
            Context="from-agents",
            Exten=DIALLED,
            Priority="1",
            Async="true",
        )
        record = await scene.record()
    assert (record.direction, record.number, record.contact_id) == ("outbound", NUMBER, "C1")
    assert (record.dialled, legs(record)) == (DIALLED, [("anna", "dial", True)])
    await check(scene, record)


@pytest.mark.parametrize("extension", ["102", "602"])
async def test_a_call_in_the_house(opened: Opened, extension: str) -> None:
    async with opened(internal=True) as scene, scene.phones(agent2=TALKS):
        scene.dial("agent1", extension, talk_ms=20_000)
        record = await scene.record()
    assert (record.direction, record.outcome) == ("internal", "answered")
    assert (record.dialled, record.number, record.contact_id) == (extension, None, None)
    assert record.title == f"Internal call from anna to {extension}"
    assert sorted(legs(record)) == [("anna", "dial", True), ("ben", "dial", True)]
    await check(scene, record)


async def test_calls_in_the_house_are_not_recorded_unasked(opened: Opened) -> None:
    async with opened() as scene, scene.phones(agent2=TALKS):
        call = scene.dial("agent1", "102", talk_ms=20_000)
        await scene.operator.some("DialEnd")
        await call.wait(deadline_s=30)
        assert scene.house.told == []


async def test_a_restart_in_the_middle(opened: Opened, hall: TransferHouse, tmp_path: Path) -> None:
    """Whom Anna calls before it, and Ben while nobody looks, is recorded to the true end after
    it, once."""
    people = (*hall.pbx.agents, hall.outside)
    async with SipPhones(agents=people, shapes={"outside": STAYS}, folder=tmp_path):
        async with opened() as before:
            before.dial("agent1", DIALLED, talk_ms=20_000)
            await before.answered()
            await before.records.settled()
            going, before.playing = before.playing, []
        shape = CallerShape(hang_up_after_ms=20_000)
        going.append(hall.dial("agent2", "90049301234567", folder=tmp_path, shape=shape))
        await until(lambda: talks(hall, "agent2"), "Ben's talk")
        async with opened() as after:
            after.playing = going
            await after.answered(2)
            for agent in ("agent1", "agent2"):
                channel = await talks(hall, agent)
                await after.operator.act("Hangup", Channel=channel)
            await after.house.some(events.CallEnded, 2)

            async def finished() -> list[Row[Any]]:
                async with after.database.read() as link:
                    query = select(call_records).order_by(call_records.c.arrived_at)
                    rows = list(await link.execute(query))
                return rows if len(rows) == 2 and all(row.ended_at for row in rows) else []

            rows = await until(finished, "the finished records")
            told = [(row.number, row.outcome, legs(row)) for row in rows]
            assert told == [
                (NUMBER, "answered", [("anna", "dial", True)]),
                ("+49301234567", "answered", [("ben", "dial", True)]),
            ]
            for row in rows:
                await check(after, row, calls_there=2)


async def talks(hall: TransferHouse, agent: str) -> str:
    """The agent's channel, once it is in a bridge; empty before."""
    lines = (await hall.pbx.rx("core show channels concise")).splitlines()
    fields = (line.split("!") for line in lines if line.startswith(f"PJSIP/{agent}-"))
    return next((line[0] for line in fields if line[4] == "Up" and line[5] == "Dial"), "")
