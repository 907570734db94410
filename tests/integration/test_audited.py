"""What a running server tells the audit log by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import insert

from calls.agents import Agent
from config.dialling_settings import DiallingSettings
from config.settings import AgiSettings, Settings, WebSettings
from crm_adapter import call_tables
from screenpop.agents.agent_admin import add_agent
from screenpop.agents.log_in import LogInRefused, LogIns
from screenpop.agents.notes_of_nobody import MOST
from screenpop.agents.passwords import Passwords
from screenpop.counters import DeskCounters
from screenpop.dialling.guard import DiallingGuard, NotDialled
from storage.audit_chain import AuditKey
from storage.audit_reading import Wanted, newest
from storage.database import Database
from supervisor.console.outbox_desk import OutboxDesk
from switchboard.openings import openings

pytestmark = pytest.mark.integration

CHEAP = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.fixture
async def audited(sqlite_url: str) -> AsyncIterator[Database]:
    async with Database(sqlite_url, audit_key=lambda: AuditKey(b"k" * 32)) as database:
        yield database


async def told(database: Database, action: str) -> list[tuple[str, str, str, str, Any]]:
    """All that was noted so far is written first."""
    await database.audit.stop(limit_s=60)
    database.audit.start()
    async with database.read() as link:
        rows = await newest(link, Wanted(action=action))
    return [
        (row["result"], row["actor"], row["origin"], row["subject"], row["details"]) for row in rows
    ]


async def test_log_ins_and_refused_ones(audited: Database) -> None:
    """What nobody is called stays out: it may be a password in the wrong field."""
    agent = Agent(login="anna", name="Anna", interfaces=("PJSIP/201",))
    await add_agent(audited, agent, "correct horse", passwords=CHEAP)
    log_ins = LogIns(
        database=audited, counters=DeskCounters(), settings=WebSettings(), passwords=CHEAP
    )
    await log_ins.log_in("Anna", "correct horse", "192.0.2.7")
    for login, password in (("anna", "wrong"), ("correct horse", "anna")):
        with pytest.raises(LogInRefused):
            await log_ins.log_in(login, password, "192.0.2.8")
    assert await told(audited, "log_in") == [
        ("done", "anna", "192.0.2.7", "", {}),
        ("refused", "anna", "192.0.2.8", "", {"why": "password"}),
        ("refused", "(nobody)", "192.0.2.8", "", {"why": "password"}),
    ]


async def test_guessed_log_ins_fill_no_database(audited: Database) -> None:
    log_ins = LogIns(
        database=audited, counters=DeskCounters(), settings=WebSettings(), passwords=CHEAP
    )
    for number in range(3 * MOST):
        with pytest.raises(LogInRefused):
            await log_ins.log_in(f"guess{number}", "wrong", f"2001:db8::{number:x}")
    assert len(await told(audited, "log_in")) == MOST


async def test_numbers_that_the_guard_refuses(audited: Database) -> None:
    guard = DiallingGuard(
        settings=DiallingSettings(),
        region="US",
        counters=DeskCounters(),
        audit=audited.audit.note,
    )
    for text in ("+882 16 5550000".replace(" ", ""), "(not) a number 1"):
        with pytest.raises(NotDialled):
            await guard.ask("anna", text, "call 1")
    await guard.ask("anna", "201", "call 2")
    assert await told(audited, "dial") == [
        ("refused", "anna", "", "", {"why": "dial_costly", "number": "+882165550000"}),
        ("refused", "anna", "", "", {"why": "dial_shape", "number": "1"}),
    ]


async def test_entries_of_the_outbox_delivered_once_more(audited: Database) -> None:
    row = {
        "key": "key-1", "entity": "lead/1", "lane": "embedded", "operation": "create_lead",
        "payload": {}, "state": "dead", "attempts": 3, "created_at": NOW, "not_before": NOW,
        "finished_at": NOW,
    }  # fmt: skip
    await audited.writer.write(lambda link: link.execute(insert(call_tables.outbox).values(row)))
    desk = OutboxDesk(database=audited, mask=str, now=lambda: NOW)
    assert await desk.retry("key-1", by="otto", address="192.0.2.9")
    assert not await desk.retry("key-1", by="otto", address="192.0.2.9")
    assert await told(audited, "outbox.retry") == [("done", "otto", "192.0.2.9", "key-1", {})]


def test_settings_that_open_something() -> None:
    assert openings(Settings()) == []
    wide = Settings(
        agi=AgiSettings(host="192.0.2.1"),
        web=WebSettings(
            allowed_origins=("https://crm.example.com",), trusted_proxies=("192.0.2.7",)
        ),
        dialling=DiallingSettings(countries=("FR",)),
    )
    assert openings(wide) == [
        "agi.host: 192.0.2.1",
        "web.allowed_origins: https://crm.example.com",
        "web.trusted_proxies: 192.0.2.7",
        "dialling.countries: FR",
    ]
