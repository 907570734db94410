"""The CRM as the settings name it, with everything that stands before it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from calls.bus import EventBus
from calls.call import CallId
from calls.caller import Candidate, ContactRef
from calls.errors import Misconfigured
from calls.events import CandidateChosen, LeadCreated
from config.crm_settings import EspoCrmSettings, HubSpotSettings, SqlSettings
from config.settings import CrmSettings, Settings
from crm_adapter.adapter import Forbidden, PhoneHit
from crm_adapter.adapters.chain import ChainCrm
from crm_adapter.adapters.choice import source_of
from crm_adapter.connection import CrmConnection
from crm_adapter.live.answers import Answer
from crm_adapter.live.news import News
from storage.database import Database

pytestmark = pytest.mark.integration

ESPO = EspoCrmSettings(
    url="http://127.0.0.1:1", key=SecretStr("key"), webhook_secret=SecretStr("hush")
)
REMOTE = (
    *("sql", "rest", "odoo", "tryton", "espocrm", "suitecrm"),
    *("hubspot", "salesforce", "zoho", "dynamics", "pipedrive"),
)


@pytest.mark.parametrize("name", REMOTE)
async def test_an_adapter_that_is_not_set_up_says_which_setting_it_misses(
    name: str, database: Database
) -> None:
    settings = Settings(crm=CrmSettings(adapter=name))  # type: ignore[arg-type]
    with pytest.raises(Misconfigured) as told:
        CrmConnection(settings=settings, database=database)
    assert f"{name}." in str(told.value)


@pytest.mark.parametrize("chain", [(), ("embedded", "embedded")])
async def test_a_chain_is_of_different_crms(chain: tuple[str, ...], database: Database) -> None:
    settings = Settings(crm=CrmSettings(adapter="chain", chain=chain))  # type: ignore[arg-type]
    with pytest.raises(Misconfigured, match="chain"):
        CrmConnection(settings=settings, database=database)


async def test_a_chain_is_copied_whole(database: Database) -> None:
    settings = Settings(
        crm=CrmSettings(adapter="chain", chain=("embedded", "espocrm")), espocrm=ESPO
    )
    async with CrmConnection(settings=settings, database=database) as connection:
        assert isinstance(connection.adapter, ChainCrm)
        assert [keeper.crm for keeper in connection.keepers] == ["embedded", "espocrm"]
        assert {name for name, _ in _closed(connection)} == {
            "crm:probe:embedded",
            "crm:probe:espocrm",
            "crm:index:embedded",
            "crm:index:espocrm",
            "crm:imports",
        }


def _closed(connection: CrmConnection) -> list[tuple[str, object]]:
    work = connection.side_tasks()
    for _, coroutine in work:
        coroutine.close()
    return list(work)


async def test_our_own_tables_are_neither_copied_nor_cached(database: Database) -> None:
    async with CrmConnection(settings=Settings(), database=database) as connection:
        assert connection.keepers == ()
        assert not connection.checks_itself("embedded")
        assert connection.counters()["crm_breakers_open"] == 0


async def test_a_webhook_of_the_crm_itself_is_checked_by_its_adapter(database: Database) -> None:
    settings = Settings(
        crm=CrmSettings(adapter="espocrm"),
        espocrm=ESPO,
        hubspot=HubSpotSettings(token=SecretStr("t")),
    )
    async with CrmConnection(settings=settings, database=database) as connection:
        assert connection.checks_itself("espocrm")
        assert not connection.checks_itself("hubspot")
        with pytest.raises(Forbidden):
            await connection.changed("espocrm", {"signature": "AAAA"}, b"[]")
        # Another system's word for it is a hint to everybody.
        await connection.changed("warehouse", {}, b"whatever")


async def test_what_one_process_learns_another_forgets(database: Database) -> None:
    settings = Settings(
        crm=CrmSettings(adapter="hubspot", index=False),
        hubspot=HubSpotSettings(token=SecretStr("t")),
    )
    numbers = [f"+1202555015{n}" for n in range(5)]
    maria = Candidate(ContactRef("hubspot", "7"), "Maria")

    async with (
        CrmConnection(settings=settings, database=database) as desk,
        CrmConnection(settings=settings, database=database) as calls,
        EventBus() as bus,
    ):
        desk.subscribe(bus)
        desk.tell = calls.forget
        for number in numbers:
            hits = (PhoneHit(maria, (number,)),) if number == numbers[2] else ()
            calls.cache.keep((number, "US"), Answer(hits))

        def known() -> list[str]:
            return [number for number in numbers if calls.cache.find((number, "US"))]

        call_id, at = CallId("pbx", "1.1"), datetime.now(UTC)
        bus.publish(CandidateChosen(call_id, at, numbers[0], maria.ref, "anna"))
        bus.publish(LeadCreated(call_id, at, "L1", numbers[1]))
        await bus.drain()
        assert known() == numbers[2:]
        calls.forget(News(contact=maria.ref))
        assert known() == numbers[3:]
        await desk.changed("warehouse", {}, b"whatever")
        assert known() == []


async def test_another_installation_is_another_source(database: Database) -> None:
    here = Settings(espocrm=ESPO)
    again = Settings(espocrm=ESPO.model_copy(update={"key": SecretStr("changed")}))
    there = Settings(espocrm=ESPO.model_copy(update={"url": "http://127.0.0.1:2"}))
    assert source_of("espocrm", here) == source_of("espocrm", again)
    assert source_of("espocrm", here) != source_of("espocrm", there)
    one = Settings(sql=SqlSettings(url=SecretStr("postgresql://me:a@db/shop")))
    other = Settings(sql=SqlSettings(url=SecretStr("postgresql://me:b@db/shop")))
    elsewhere = Settings(sql=SqlSettings(url=SecretStr("postgresql://me:a@db/test")))
    assert source_of("sql", one) == source_of("sql", other)
    assert source_of("sql", one) != source_of("sql", elsewhere)
