"""What is older than the settings say goes; what somebody still needs stays."""

from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import func, insert, select

from config.privacy_settings import PrivacySettings
from config.settings import AmiSettings, RedisSettings, Settings
from crm_adapter.call_tables import calls, leads
from crm_adapter.call_tables import outbox as entries
from scoring.memory_tables import menu_choices
from screenpop.pops.pop_tables import pop_deliveries, pop_words, pops
from storage.database import Database
from switchboard.nodes.event_stream import connected, stream_of
from switchboard.nodes.news_stream import news_of
from switchboard.privacy.retention import AGAIN_S, EVERY_S, Retention

pytestmark = pytest.mark.integration

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
OLD, YOUNG = NOW - timedelta(days=400), NOW - timedelta(days=1)


def a_call(name: str, at: datetime, *, ended: bool = True, **more: Any) -> dict[str, Any]:
    return {
        "system": "pbx", "linkedid": name, "channel": "", "from_raw": "", "from_name": "",
        "withheld": False, "dialled": "", "language": "en", "arrived_at": at, "fallback": False,
        "end_estimated": False, "ended_at": at if ended else None, **more,
    }  # fmt: skip


def an_entry(key: str, state: str, at: datetime) -> dict[str, Any]:
    return {
        "key": key, "operation": "create_lead", "entity": f"lead/{key}", "payload": {},
        "state": state, "attempts": 1, "created_at": at, "not_before": at,
        "finished_at": at if state in ("done", "dead") else None,
    }  # fmt: skip


def a_pop(name: str, state: str, at: datetime) -> dict[str, Any]:
    return {
        "pop_id": name, "agent": "anna", "call_id": f"pbx/{name}", "interface": "x", "state": state,
        "seq": 1, "payload": {}, "offered_at": at,
    }  # fmt: skip


def a_frame(seq: int, pop: str, at: datetime) -> dict[str, Any]:
    return {
        "agent": "anna", "seq": seq, "pop_id": pop, "call_id": f"pbx/{pop}", "kind": "pop.offer",
        "payload": {}, "event_at": at, "sent_at": at, "sockets": 1,
    }  # fmt: skip


def a_lead(key: str, *, closed: datetime | None) -> dict[str, Any]:
    return {
        "key": key, "tenant": "default", "number": f"+1202555{key:0>4}", "system": "pbx",
        "linkedid": key, "created_at": OLD, "closed_at": closed,
    }  # fmt: skip


async def fill(database: Database, table: Any, *rows: dict[str, Any]) -> None:
    await database.writer.write(lambda link: link.execute(insert(table), list(rows)))


async def left(database: Database, column: Any) -> set[Any]:
    async with database.read() as link:
        return set(await link.scalars(select(column)))


def retention(database: Database, privacy: PrivacySettings | None = None, **more: Any) -> Retention:
    settings = Settings(privacy=privacy or PrivacySettings())
    return Retention(database=database, settings=settings, now=lambda: NOW, **more)


async def test_what_is_old_goes_and_what_is_needed_stays(any_database: Database) -> None:
    arrived = (a_call("old", OLD), a_call("live", OLD, ended=False), a_call("young", YOUNG))
    await fill(any_database, calls, *arrived)
    await fill(any_database, leads, a_lead("1", closed=None), a_lead("2", closed=OLD))
    await fill(
        any_database,
        entries,
        *(an_entry(state, state, OLD) for state in ("done", "dead", "pending", "claimed")),
        # Of a lead that is open, and of one that is closed.
        an_entry("1", "done", OLD),
        an_entry("2", "done", OLD),
        # Of something of which more is still to be told.
        an_entry("of", "done", OLD),
        an_entry("more", "pending", OLD) | {"entity": "lead/of"},
        an_entry("young", "done", YOUNG),
    )
    await fill(any_database, pops, a_pop("old", "closed", OLD), a_pop("open", "wrapup", OLD))
    words = [
        {"agent": "anna", "offered_at": OLD, "pop_id": pop, "words": ""} for pop in ("old", "open")
    ]
    await fill(any_database, pop_words, *words)
    await fill(
        any_database,
        pop_deliveries,
        a_frame(1, "old", OLD),
        a_frame(2, "open", OLD),
        a_frame(3, "old", OLD),
        a_frame(4, "old", OLD),
    )
    choice = {
        "menu": "main",
        "intent": "x",
        "digit": "1",
        "weight": 1.0,
        "last_at": NOW - timedelta(days=900),
    }
    await fill(
        any_database,
        menu_choices,
        choice | {"contact_crm": "", "contact_id": ""},
        choice | {"contact_crm": "embedded", "contact_id": "C-1"},
    )
    metrics = CollectorRegistry()
    working = retention(any_database, metrics=metrics, at_once=2)
    counted = await working.run(only_count=True)
    assert await left(any_database, calls.c.linkedid) == {"old", "live", "young"}
    removed = await working.run()
    # A lead that goes sets free what was kept for it.
    assert {**counted, "outbox": removed["outbox"]} == dict(removed)
    assert await left(any_database, calls.c.linkedid) == {"live", "young"}
    assert await left(any_database, leads.c.key) == {"1"}
    assert await left(any_database, entries.c.key) == {
        "dead", "pending", "claimed", "1", "of", "more", "young",
    }  # fmt: skip
    assert await left(any_database, pops.c.pop_id) == {"open"}
    assert await left(any_database, pop_words.c.pop_id) == {"open"}
    # Of the agent the newest frame, whose number goes on.
    assert await left(any_database, pop_deliveries.c.seq) == {2, 4}
    assert await left(any_database, menu_choices.c.contact_id) == {""}
    told = metrics.get_sample_value("switchboard_privacy_pruned_total", {"kind": "outbox"})
    assert told == removed["outbox"] == 2
    assert (
        metrics.get_sample_value("switchboard_privacy_pruned_timestamp_seconds") == NOW.timestamp()
    )
    assert sum((await working.run()).values()) == 0


async def test_nought_days_is_for_ever_and_a_run_is_bounded(any_database: Database) -> None:
    await fill(any_database, calls, *(a_call(str(name), OLD) for name in range(7)))
    for_ever = PrivacySettings(keep={"calls": 0})
    assert sum((await retention(any_database, for_ever).run()).values()) == 0
    metrics = CollectorRegistry()
    working = retention(any_database, batches=2, at_once=2, metrics=metrics)
    assert (await working.run())["calls"] == 4
    async with any_database.read() as link:
        assert await link.scalar(select(func.count()).select_from(calls)) == 3
    # What is left does not wait for an hour, and nobody is told that it is gone.
    assert working.next_s == AGAIN_S
    told = metrics.get_sample_value("switchboard_privacy_pruned_timestamp_seconds")
    assert told == 0
    assert [(await working.run())["calls"] for _ in range(2)] == [3, 0]
    assert working.next_s == EVERY_S


async def test_of_a_shared_folder_our_old_recordings_alone_go(
    database: Database, tmp_path: Path
) -> None:
    told = [{"what": "message", "name": "message-pbx-1-1", "seconds": 4.5, "at": "", "queue": None}]
    await fill(
        database,
        calls,
        a_call("old", NOW - timedelta(days=100), recordings=told),
        a_call("young", YOUNG, recordings=told),
    )
    names = (
        "message-pbx-1-1.wav",
        "name-pbx-1-2.wav",
        "queue-1-2.wav",
        "message-pbx.wav",
        "young.wav",
    )
    for name in (*names, "message-pbx-2-1.wav"):
        (tmp_path / name).write_bytes(b"RIFF")
    for name in names:
        os.utime(tmp_path / name, (OLD.timestamp(), OLD.timestamp()))
    os.utime(tmp_path / "message-pbx-2-1.wav", (YOUNG.timestamp(), YOUNG.timestamp()))
    outside = tmp_path / "link"
    outside.mkdir()
    (tmp_path / "message-pbx-3-1.wav").symlink_to(outside)
    working = retention(database, PrivacySettings(recordings_dir=tmp_path))
    assert (await working.run(only_count=True))["messages"] == 2
    assert (await working.run())["messages"] == 2
    assert {path.name for path in tmp_path.iterdir()} >= {
        "queue-1-2.wav", "message-pbx.wav", "young.wav", "message-pbx-2-1.wav",
        "message-pbx-3-1.wav",
    }  # fmt: skip
    assert not (tmp_path / "message-pbx-1-1.wav").exists()
    async with database.read() as link:
        kept = select(calls.c.linkedid).where(calls.c.recordings.is_not(None))
        assert set(await link.scalars(kept)) == {"young"}


async def test_of_all_that_processes_told_each_other_in_redis_the_old_goes(
    database: Database, redis_url: str
) -> None:
    system = f"pbx-{uuid.uuid4().hex}"
    settings = Settings(redis=RedisSettings(url=redis_url), ami=AmiSettings(system=system))
    names = (stream_of(system), news_of(system))
    client = connected(redis_url)
    for name in names:
        for at in (OLD, YOUNG):
            await client.xadd(name, {"n": "1"}, id=f"{int(at.timestamp() * 1000)}-0")
    working = Retention(database=database, settings=settings, now=lambda: NOW)
    assert (await working.run())["traces"] == 2
    assert [await client.xlen(name) for name in names] == [1, 1]
    await client.delete(*names)
    await client.aclose()
