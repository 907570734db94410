"""F27: something of ours raises in the middle of a call.

That call goes to the default queue: by us while its line works, by the dialplan where it does not.
One line of the log says so, with where it happened and without number or name, and the call's row
says what it was; no other call notices.

Also shown by `tests/unit/ivr/test_inbound.py::
test_whatever_fails_the_caller_reaches_the_default_queue`,
`tests/acceptance/test_agi_dialog.py::test_a_dialog_that_fails_is_served_by_the_fallback`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from calls.bus import EventBus
from calls.events import CallEvent
from calls.ports import CallChannel
from config.rulebook import Rulebook
from config.rulebook_loader import load_rulebook
from crm_adapter.call_tables import calls
from crm_adapter.records import Records
from ivr import deciding
from storage.database import Database
from tests.fakes.asterisk_agi import FakeLine
from tests.fakes.dialog_house import House, dialog_house
from tests.integration.test_agi_server import Dialog, World, serving
from tests.unit.ivr.test_inbound import RULEBOOK

pytestmark = [pytest.mark.integration, pytest.mark.smoke]

BROKEN, OTHERS = "27.0", [f"27.{n}" for n in range(1, 9)]
NUMBER, NAME = "+12025550177", "Maria Garcia"


@pytest.fixture
def rulebook(tmp_path: Path) -> Rulebook:
    folder = tmp_path / "rulebook"
    folder.mkdir()
    (folder / "all.yaml").write_text(RULEBOOK, encoding="utf-8")
    return load_rulebook(folder).or_raise()


@pytest.fixture
async def house(rulebook: Rulebook) -> AsyncIterator[House]:
    async with dialog_house(rulebook) as house:
        yield house


class Calling:
    """Calls that are recorded, whoever tells of them."""

    def __init__(self, records: Records, bus: EventBus, house: House, database: Database) -> None:
        self.house, self._records, self._bus, self._database = house, records, bus, database

    async def failures(self) -> dict[str, str]:
        """By linked id: what raised in it."""
        await self._bus.drain()
        await self._records.settled()
        async with self._database.read() as connection:
            rows = await connection.execute(select(calls.c.linkedid, calls.c.failure))
            return {row.linkedid: row.failure for row in rows if row.failure is not None}

    @asynccontextmanager
    async def serving(self, handler: Dialog) -> AsyncIterator[World]:
        async def told(event: CallEvent) -> None:
            self._bus.publish(event)

        self.house.bus.subscribe("recorded", told, CallEvent)
        async with serving(handler) as world:
            world.bus.subscribe("recorded", told, CallEvent)
            yield world
            await world.bus.drain()
            await self.house.bus.drain()


@pytest.fixture
def calling(records: Records, bus: EventBus, house: House, any_database: Database) -> Calling:
    return Calling(records, bus, house, any_database)


async def called(world: World) -> tuple[FakeLine, list[FakeLine]]:
    """The one that something breaks in, and those who call at the same time."""
    caller = {"number": NUMBER, "name": NAME}
    broken, *others = await asyncio.gather(
        *(world.asterisk.call(keys=["1"], linkedid=each, **caller) for each in (BROKEN, *OTHERS))
    )
    await world.idle()
    return broken, others


def told(caplog: pytest.LogCaptureFixture) -> str:
    [line] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert line.exc_info is not None
    text = caplog.text
    assert BROKEN in text
    assert NUMBER not in text
    assert NAME not in text
    return text


async def test_the_rule_engine_raises_and_the_caller_is_in_the_default_queue(
    calling: Calling, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    decide = deciding.rules.decide

    def sometimes(*args: Any, **kwargs: Any) -> Any:
        if asyncio.current_task().get_name() == f"decide:pbx/{BROKEN}":  # type: ignore[union-attr]
            raise ZeroDivisionError("a mistake of ours")
        return decide(*args, **kwargs)

    monkeypatch.setattr(deciding.rules, "decide", sometimes)
    async with calling.serving(calling.house.calls.serve) as world:
        broken, others = await called(world)
    assert (broken.route, broken.variables["SWB_QUEUE"]) == ("queue", "default")
    assert {(line.route, line.variables["SWB_QUEUE"]) for line in others} == {("queue", "sales")}
    assert "ZeroDivisionError" in told(caplog)
    assert await calling.failures() == {BROKEN: "ZeroDivisionError"}


async def test_the_handler_raises_and_the_dialplan_has_the_caller(
    calling: Calling, caplog: pytest.LogCaptureFixture
) -> None:
    async def sometimes(channel: CallChannel) -> None:
        if channel.call.id.linkedid == BROKEN:
            await channel.answer()
            raise ZeroDivisionError("a mistake of ours")
        await calling.house.calls.serve(channel)

    async with calling.serving(sometimes) as world:
        broken, others = await called(world)
        assert world.server.counters.failed == 1
        # Closed, and without the word that the dialplan waits for.
        assert (broken.route, broken.commands) == ("fallback", ["ANSWER"])
        assert sorted(world.ends) == [(False, True)] * (1 + len(OTHERS))
    assert {line.route for line in others} == {"queue"}
    assert "left to the fallback" in told(caplog)
    assert await calling.failures() == {BROKEN: "ZeroDivisionError"}
