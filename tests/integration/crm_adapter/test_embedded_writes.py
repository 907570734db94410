"""What the embedded CRM keeps beyond what every CRM does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Table, select

from calls.offers import OfferAnswer, OfferPlace
from calls.records import LegVia, OfferGiven
from crm_adapter.embedded import tables
from crm_adapter.embedded.adapter import EmbeddedCrm
from storage.database import Database
from tests.crm_worlds.samples import LEAD, RECORD, TASK

pytestmark = pytest.mark.integration


async def _only_row(database: Database, table: Table) -> Any:
    async with database.read() as connection:
        return (await connection.execute(select(table))).one()


async def test_a_lead_is_unverified_and_says_which_keys_were_pressed(
    any_database: Database,
) -> None:
    await EmbeddedCrm(database=any_database).create_lead(LEAD, "key-1")
    row = await _only_row(any_database, tables.leads)
    assert row.unverified
    assert row.status == "open"
    assert row.network_name == LEAD.network_name
    assert row.menu_path[0]["intent"] == "sales"


async def test_text_from_the_network_is_cut_and_cleaned(any_database: Database) -> None:
    lead = replace(LEAD, network_name="N\0" * 5_000)
    await EmbeddedCrm(database=any_database).create_lead(lead, "key-1")
    assert (await _only_row(any_database, tables.leads)).network_name == "N" * 200


async def test_what_the_caller_was_offered_and_how_each_agent_came_is_kept(
    any_database: Database,
) -> None:
    leg = replace(RECORD.legs[0], via=LegVia.PICKUP)
    offer = OfferGiven("descaler", OfferPlace.HOLD, OfferAnswer.ACCEPTED)
    record = replace(
        RECORD, offers=(offer,), arm="control", wait_s=20, caller_name="Ann", legs=(leg,)
    )
    await EmbeddedCrm(database=any_database).log_call(record, "key-1")
    row = await _only_row(any_database, tables.call_records)
    assert row.offers == [{"offer": "descaler", "place": "hold", "answer": "accepted"}]
    assert (row.arm, row.wait_s, row.direction) == ("control", 20, "inbound")
    assert row.title == "Call from Ann (+12025550150)"
    assert row.legs[0]["via"] == "pickup"


async def test_a_task_says_what_and_where_from(any_database: Database) -> None:
    await EmbeddedCrm(database=any_database).create_task(TASK, "key-1")
    row = await _only_row(any_database, tables.tasks)
    assert (row.kind, row.status, row.queue) == ("callback", "open", "sales")
    assert (row.number, row.linkedid) == (TASK.number, "1700000000.1")
