"""`switchboard outbox` and `switchboard leads` as people use them, beside a server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from typer.testing import CliRunner, Result

from calls.call import CallId
from calls.records import NewLead
from crm_adapter import outbox, outbox_status
from crm_adapter.call_tables import leads
from crm_adapter.call_tables import outbox as outbox_table
from crm_adapter.outbox_gauge import OutboxGauge
from crm_adapter.payloads import lead_to_json
from storage import migrate
from storage.database import Database
from switchboard import cli

pytestmark = pytest.mark.integration

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NUMBER = "+12025550150"


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database as `switchboard run` leaves it."""
    url = f"sqlite:///{tmp_path}/switchboard.db"

    async def work() -> None:
        async with Database(url) as database:
            await migrate.upgrade(database)

    asyncio.run(work())
    return url


def call(url: str, *words: str, given: str = "") -> Result:
    environment = {"SWITCHBOARD_STORAGE__URL": url, "COLUMNS": "200", "NO_COLOR": "1"}
    return CliRunner().invoke(cli.app, list(words), env=environment, input=given)


def keep(url: str, count: int = 1, *, confirmed: Sequence[int] = ()) -> list[str]:
    """Leads of the rule `campaign` whose creation the CRM refused, with their keys."""

    async def work() -> list[str]:
        async with Database(url) as database:
            keys = [f"key-{n}" for n in range(count)]
            lead = NewLead(NUMBER, CallId("pbx", "1"), "+18005550100", "V STONE", NOW)
            entries = [
                outbox.NewEntry(key, outbox.CREATE_LEAD, f"lead/{key}", lead_to_json(lead))
                for key in keys
            ]
            await database.writer.write(lambda link: outbox.enqueue(link, entries, at=NOW))
            async with database.engine.begin() as connection:
                error = f"Invalid: {NUMBER} is no number"
                await connection.execute(
                    update(outbox_table).values(state="dead", last_error=error, finished_at=NOW)
                )
                for n, key in enumerate(keys):
                    row = {
                        "key": key,
                        "tenant": "default",
                        "number": f"+1202555{n:04}",
                        "system": "pbx",
                        "linkedid": str(n),
                        "rule": "campaign",
                        "created_at": NOW,
                    }
                    if n in confirmed:
                        row |= {"confirmed_at": NOW, "confirmed_by": "anna"}
                    await connection.execute(leads.insert().values(row))
            return keys

    return asyncio.run(work())


def states(url: str) -> dict[str, str]:
    async def work() -> dict[str, str]:
        async with Database(url) as database, database.read() as connection:
            found = await connection.execute(select(outbox_table.c.key, outbox_table.c.state))
            return {row.key: row.state for row in found}

    return asyncio.run(work())


def test_what_was_given_up_is_told_with_what_to_do(url: str) -> None:
    assert call(url, "outbox", "status").exit_code == 0
    [key] = keep(url)
    told = call(url, "outbox", "status")
    assert told.exit_code == 1
    assert "crm" in told.stdout
    assert "Invalid: …50 is no number" in told.stdout
    assert f"mend its rules or the record there, then retry: switchboard outbox retry {key}" in (
        " ".join(told.stdout.split())
    )
    as_json = json.loads(call(url, "outbox", "status", "--json").stdout)
    [entry] = as_json["entries"]
    assert (entry["operation"], entry["state"], entry["count"]) == ("create_lead", "dead", 1)
    full = call(url, "outbox", "status", "--show-numbers")
    assert NUMBER in full.stdout


def test_an_entry_is_shown_without_what_is_private(url: str) -> None:
    [key] = keep(url)
    shown = call(url, "outbox", "show", key)
    assert shown.exit_code == 0
    assert NUMBER not in shown.stdout
    assert "STONE" not in shown.stdout
    assert "what to do:" in shown.stdout
    payload = {"caller_name": "V STONE", "number": NUMBER, "queue": "sales"}
    assert outbox_status.without_personal_values(payload) == {
        "caller_name": "…",
        "number": "…50",
        "queue": "sales",
    }
    full = json.loads(call(url, "outbox", "show", key, "--show-numbers", "--json").stdout)
    assert full["payload"]["network_name"] == "V STONE"
    assert call(url, "outbox", "show", "nothing").exit_code == 1


def test_what_was_given_up_is_delivered_again(url: str) -> None:
    keys = keep(url, 3)
    assert call(url, "outbox", "retry").exit_code == 2
    assert call(url, "outbox", "retry", keys[0], "--dead").exit_code == 2
    assert call(url, "outbox", "retry", keys[0]).exit_code == 0
    assert states(url) == {"key-0": "pending", "key-1": "dead", "key-2": "dead"}
    again = call(url, "outbox", "retry", keys[0])
    assert (again.exit_code, again.stderr.strip()) == (
        1,
        "key-0 was not given up: it is pending",
    )
    assert "no entry xyz in the outbox" in call(url, "outbox", "retry", "xyz").stderr
    told = call(url, "outbox", "retry", "--dead", "--json")
    assert json.loads(told.stdout) == {"retried": 2}
    assert set(states(url).values()) == {"pending"}


def test_leads_are_listed_and_taken_back(url: str) -> None:
    keep(url, 450, confirmed=(0, 7))
    undo = ("leads", "undo", "--rule", "campaign", "--since", "2026-11-01")
    slip = call(url, "leads", "undo", "--rule", "campain", "--since", "2026-11-01", "--yes")
    assert slip.exit_code == 1
    assert "no lead was ever made by 'campain'; rules that did: campaign" in slip.stderr
    dry = call(url, *undo, "--dry-run")
    assert dry.stdout == "448 leads would be withdrawn; 2 that agents confirmed stay\n"
    refused = call(url, *undo, given="n\n")
    assert refused.exit_code == 1
    told = call(url, *undo, "--yes", "--json")
    assert json.loads(told.stdout) == {
        "found": 448,
        "withdrawn": 448,
        "confirmed_left": 2,
        "dry_run": False,
    }
    again = call(url, *undo, "--yes")
    assert again.stdout == "0 leads withdrawn; 2 that agents confirmed stay\n"
    assert list(states(url).values()).count("pending") == 448
    listed = json.loads(call(url, "leads", "list", "--limit", "500", "--json").stdout)
    assert [one["state"] for one in listed].count("withdrawn") == 448
    assert all(one["number"].startswith("…") for one in listed)
    none = call(url, "leads", "list", "--rule", "other", "--json")
    assert json.loads(none.stdout) == []
    assert call(url, "leads", "undo", "--rule", "campaign").exit_code == 2


async def test_the_gauge_counts_what_is_owed(any_database: Database) -> None:
    gauge = OutboxGauge(database=any_database, now=lambda: NOW + timedelta(seconds=90))
    await gauge.look()
    assert (gauge.waiting, gauge.dead, gauge.oldest_s) == (0, 0, 0.0)
    entries = [outbox.NewEntry(name, outbox.LOG_CALL, name, {}) for name in "abc"]
    await any_database.writer.write(lambda link: outbox.enqueue(link, entries, at=NOW))
    async with any_database.engine.begin() as connection:
        dead = update(outbox_table).where(outbox_table.c.key == "c").values(state="dead")
        await connection.execute(dead)
    await gauge.look()
    assert gauge.sentence() == (
        "2 to deliver, the oldest for 90 s; 1 given up: see switchboard outbox status"
    )
    samples = [sample for metric in gauge.collect() for sample in metric.samples]
    by_state: dict[Any, float] = {s.labels.get("state"): s.value for s in samples if s.labels}
    assert by_state == {"pending": 2, "dead": 1}
