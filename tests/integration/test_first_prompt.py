"""How long a caller waits for the first words while the server behind a proxy suffers."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from storage.database import Database
from switchboard.demo.server_process import ServerProcess
from tests.crm_worlds.odoo_world import settings_of
from tests.fakes.asterisk_agi import FakeLine
from tests.fakes.crm_rows import add_contact
from tests.faults.proxy import FaultProxy
from tests.integration.test_run_without_peers import asterisk, settings
from tests.servers.odoo.server import OdooServer

pytestmark = pytest.mark.integration

MARIA, STRANGER = "+12025550101", "+12025550150"
#: The caller's whole wait, Asterisk's own ANSWER aside.
WITHIN_S = 0.8
#: Where a call cannot even be written down, the dialplan has the caller back.
LEFT_TO_THE_DIALPLAN_S = 2.3
FAULTS: dict[str, Callable[[FaultProxy], None]] = {
    "silence": FaultProxy.blackhole,
    "30 s latency": lambda proxy: proxy.delay(30.0),
    "reset": FaultProxy.reset,
}


@pytest.fixture
async def proxy() -> AsyncIterator[FaultProxy]:
    async with FaultProxy() as proxy:
        yield proxy


def through(proxy: FaultProxy, url: str) -> str:
    place = urlsplit(url)
    proxy.target = (place.hostname or "", place.port or 0)
    user, at, _ = place.netloc.rpartition("@")
    return place._replace(netloc=f"{user}{at}127.0.0.1:{proxy.port}").geturl()


async def with_maria(url: str) -> None:
    async with Database(url) as database:
        await add_contact(database, "maria", MARIA, first_name="Maria")


async def started(folder: Path, **sections: Any) -> ServerProcess:
    server = ServerProcess(folder, settings(folder, **sections))
    await server.start(wait_for=("agi", "storage", "crm"))
    return server


async def first_sound(server: ServerProcess, number: str) -> tuple[float, bool]:
    """Seconds until the server plays the caller something, or leaves them to the dialplan; and
    whether it played."""
    began = time.perf_counter()
    line = await asterisk(server).dial(number=number)
    async with asyncio.timeout(10):
        played = await _until_a_sound(line)
        seconds = time.perf_counter() - began
        if played:  # and the caller has heard enough
            await line.reply("200 result=-1 endpos=0")
            await line.hang_up()
        await line.until_closed()
    return seconds, played


async def _until_a_sound(line: FakeLine) -> bool:
    while (command := await line.command()) is not None:
        if "http://" in command:
            return True
        await line.reply("200 result=1" if command.startswith("SET") else "200 result=0")
    return False


async def assert_in_time(
    server: ServerProcess, proxy: FaultProxy, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With every fault between the server and its CRM: one caller it knows, and one it does not."""
    try:
        for number in (MARIA, STRANGER):
            assert (await first_sound(server, number))[1]
        for name, fault in FAULTS.items():
            fault(proxy)
            waits = [await first_sound(server, number) for number in (MARIA, STRANGER)]
            with capsys.disabled():
                told = " and ".join(f"{seconds:.2f}" for seconds, _ in waits)
                sys.stdout.write(f"\nfirst words with {name} before {what}: {told} s\n")
            assert all(played and seconds <= WITHIN_S for seconds, played in waits)
            proxy.let_pass()
        assert (await server.metrics())["agi_failed_total"] == 0
    finally:
        proxy.let_pass()
        await server.stop()


@pytest.mark.long
async def test_the_first_words_are_in_time_whatever_the_customers_database_does(
    proxy: FaultProxy, postgres_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await with_maria(postgres_url)
    server = await started(
        tmp_path,
        crm={"adapter": "sql", "cache_s": 0, "index": False},
        sql={"mapping": "preset:embedded", "url": through(proxy, postgres_url)},
    )
    await assert_in_time(server, proxy, "PostgreSQL", capsys)


@pytest.mark.odoo
async def test_the_first_words_are_in_time_whatever_odoo_does(
    proxy: FaultProxy,
    odoo_server: OdooServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await odoo_server.clean()
    odoo = settings_of(odoo_server, api="auto", url=through(proxy, odoo_server.url))
    server = await started(
        tmp_path,
        crm={"adapter": "odoo", "cache_s": 0, "index": False},
        odoo={
            "url": odoo.url,
            "database": odoo.database,
            "username": odoo.username,
            "key": odoo.key.get_secret_value(),
        },
    )
    await assert_in_time(server, proxy, "Odoo", capsys)


async def test_who_cannot_be_written_down_is_soon_back_with_the_dialplan(
    proxy: FaultProxy, empty_postgres_url: str, tmp_path: Path
) -> None:
    """The embedded CRM is in our own database, and so is the journal."""
    server = await started(tmp_path, storage={"url": through(proxy, empty_postgres_url)})
    try:
        await with_maria(empty_postgres_url)
        assert (await first_sound(server, MARIA))[1]
        proxy.blackhole()
        seconds, played = await first_sound(server, MARIA)
        assert (played, seconds <= LEFT_TO_THE_DIALPLAN_S) == (False, True), seconds
        proxy.let_pass()
        async with asyncio.timeout(20):
            while not (await first_sound(server, MARIA))[1]:
                await asyncio.sleep(0.1)
    finally:
        proxy.let_pass()
        await server.stop()
