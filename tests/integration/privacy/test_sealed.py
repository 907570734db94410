"""Who takes the database, but not the key, reads nobody's number and name; who has the key loses
nothing by it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from calls.deadlines import Deadline
from calls.errors import Unavailable
from config.settings_file import load_settings
from crm_adapter.call_tables import calls
from crm_adapter.embedded.adapter import EmbeddedCrm
from crm_adapter.embedded.tables import contacts
from screenpop.pops.call_words import sought
from screenpop.pops.past_calls import PastCalls
from storage.database import Database
from storage.sealed import resealing
from storage.sealed.seals import PREFIX, Seals
from switchboard import seal_key
from switchboard.demo.server_process import ServerProcess
from switchboard.privacy import sealing
from tests.fakes.asterisk_agi import FakeAsterisk
from tests.fakes.desk_server import ANNA
from tests.integration.privacy import canary
from tests.integration.privacy.canary import CONTACT, FIRST, NUMBER, STRANGER, House
from tests.integration.test_run_without_peers import settings

pytestmark = pytest.mark.integration

#: An id says nothing without the CRM it is of.
_OPEN = {"7741930", "7741931"}


@pytest.fixture
def house(redis_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> House:
    folder = tmp_path / f"house-{tmp_path.name}"
    url = f"sqlite:///{folder}/switchboard.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("empty_postgres_url")
    return House(folder, url, redis_url)


both = pytest.mark.parametrize("house", ["sqlite", "postgresql"], indirect=True)


def with_key(house: House, name: str = "seal.key") -> Seals:
    file = house.folder.parent / name
    made = seal_key.read(file) if file.exists() else seal_key.make(file)
    settings = house.folder / "switchboard.yaml"
    plain = settings.read_text().partition("  encryption:")[0] if settings.exists() else ""
    if plain:
        settings.write_text(f"{plain}  encryption: {{key_file: {file}}}\n")
    else:
        house.write(f"  encryption: {{key_file: {file}}}\n")
    return made


async def did(house: House, *words: str) -> Any:
    done = await asyncio.to_thread(house.call, *words)
    assert done.exit_code == 0, done.output
    return done


async def read_by_a_thief(house: House) -> dict[str, list[str]]:
    """By table and file."""
    found = await canary.everything(house)
    found = {place: text for place, text in found.items() if not place.startswith("redis ")}
    files = {n: t for n, t in canary.files(house).items() if n.startswith("switchboard.db")}
    told = canary.hits(found | files)
    seen = {place: sorted({*needles} - _OPEN) for place, needles in told.items()}
    return {place: needles for place, needles in seen.items() if needles}


@pytest.mark.long_on("sqlite")
@both
async def test_the_database_tells_nobody(house: House) -> None:
    seals = with_key(house)
    await canary.live_through(house)

    assert await read_by_a_thief(house) == {}
    opened = canary.hits(await canary.everything(house, seals))
    assert {"calls", "crm_contacts", "pops", "outbox", "audit_entries"} <= set(opened)

    async with Database(house.url, seals=seals) as database:
        past = PastCalls(database=database)
        for asked, count in ((FIRST.lower()[:5], 1), ("+1 202 555-0187", 1), ("garcia", 1)):
            page = await past.page(ANNA.login, sought(asked), None, 10)
            assert len(page.calls) == count, asked
        await past.finish()
    told = json.loads((await did(house, "privacy", "export", NUMBER)).stdout)
    assert {"calls", "pops", "outbox", "crm"} <= set(told["kept"])
    assert told["kept"]["crm"]["crm_contacts"][0]["first_name"] == FIRST
    for number in (NUMBER, STRANGER):
        done = await did(house, "privacy", "erase", number, "--yes", "--json")
        assert json.loads(done.stdout)["counts"]["calls"] >= 1
    after = await canary.everything(house, seals)
    assert canary.hits(after) == {}
    assert "asks us to ring (erased), her neighbour" in after["pops"]


@pytest.mark.long_on("postgresql")
@both
async def test_what_was_there_before_is_sealed_and_opened_again(house: House) -> None:
    house.write()
    await canary.live_through(house)
    before = await canary.everything(house)
    seals = with_key(house)
    refused = await asyncio.to_thread(house.call, "privacy", "prune")
    assert refused.exit_code != 0
    assert "switchboard privacy encrypt" in refused.output

    await did(house, "privacy", "encrypt")
    assert await read_by_a_thief(house) == {}
    _same(await canary.everything(house, seals), before)

    new = with_key(house, "new.key")
    refused = await asyncio.to_thread(house.call, "privacy", "prune")
    assert seals.fingerprint in refused.output
    await did(house, "privacy", "rotate-key", "--old", str(house.folder.parent / "seal.key"))
    assert await read_by_a_thief(house) == {}
    _same(await canary.everything(house, new), before)

    await did(house, "privacy", "decrypt")
    after = await canary.everything(house)
    _same(after, before)
    words = [sorted(rows["pop_words"].splitlines()) for rows in (after, before)]
    assert words[0] == words[1]
    assert after["seals"] == ""


@pytest.mark.long_on("postgresql")
@both
async def test_broken_off_it_goes_on_where_it_was(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.write()
    await canary.live_through(house)
    before = await canary.everything(house)
    seals = with_key(house)
    monkeypatch.setattr(resealing, "_AT_ONCE", 1)
    with pytest.raises(_BrokenOffError):
        await sealing.encrypted(load_settings(house.folder / "switchboard.yaml"), _break_off)
    half = await canary.everything(house)
    assert [PREFIX in row for row in sorted(half["crm_contacts"].splitlines())].count(True) == 1
    refused = await asyncio.to_thread(house.call, "privacy", "prune")
    assert "`switchboard privacy encrypt` was broken off" in refused.output
    refused = await asyncio.to_thread(house.call, "privacy", "decrypt")
    assert "run that one to its end first" in refused.output

    await did(house, "privacy", "encrypt")
    assert await read_by_a_thief(house) == {}
    _same(await canary.everything(house, seals), before)


class _BrokenOffError(Exception):
    pass


def _break_off(table: str, _rows: int) -> None:
    if table == "crm_contacts":
        raise _BrokenOffError


@pytest.mark.long_on("postgresql")
@both
async def test_a_damaged_value_is_a_failure_of_the_database(house: House) -> None:
    seals = with_key(house)
    await canary.live_through(house)
    async with Database(house.url) as database:
        damaged = update(contacts).where(contacts.c.id == CONTACT.id).values(first_name=PREFIX)
        await database.writer.write(lambda link: link.execute(damaged))
    async with Database(house.url, seals=seals) as database:
        with pytest.raises(Unavailable, match="cannot be opened with this key"):
            await EmbeddedCrm(database=database).get(CONTACT, deadline=Deadline.after(10))
    refused = await asyncio.to_thread(house.call, "privacy", "export", NUMBER)
    assert refused.exit_code == 1
    assert "storage.url: crm_contacts.first_name: a value cannot be opened" in refused.output


@pytest.mark.long_on("sqlite")
@both
async def test_a_backup_names_its_key_and_comes_back_with_it_alone(house: House) -> None:
    seals = with_key(house)
    await canary.live_through(house)
    before = await canary.everything(house, seals)
    file = str(house.folder / "backup.tar.gz")
    told = json.loads((await did(house, "backup", file, "--json")).stdout)
    assert told["sealed_with"] == seals.fingerprint
    other = with_key(house, "other.key")
    refused = await asyncio.to_thread(house.call, "restore", file, "--force")
    assert refused.exit_code == 1
    assert f"sealed with the key {seals.fingerprint}" in refused.output
    assert other.fingerprint in refused.output

    with_key(house)
    shown = (await did(house, "restore", "--check", file)).output
    assert f"(sealed with the key {seals.fingerprint}: its file is not in it)" in shown
    await did(house, "restore", file, "--force")
    _same(await canary.everything(house, seals), before)


def _same(now: dict[str, str], before: dict[str, str]) -> None:
    """But for the marks of words, and what tells of the sealing."""
    apart = {"pop_words", "seals", "audit_entries", "audit_heads"}
    for name, rows in before.items():
        if name not in apart and not name.startswith("redis "):
            assert sorted(now[name].splitlines()) == sorted(rows.splitlines()), name


async def test_a_server_with_the_key_serves_and_what_it_keeps_is_sealed(tmp_path: Path) -> None:
    seals = seal_key.make(tmp_path / "seal.key")
    encryption = {"key_file": str(tmp_path / "seal.key")}
    server = ServerProcess(tmp_path, settings(tmp_path, privacy={"encryption": encryption}))
    await server.start(wait_for=("agi", "storage", "crm"))
    try:
        asterisk = FakeAsterisk("127.0.0.1", server.settings["agi"]["port"])
        line = await asterisk.call(number=NUMBER, name=FIRST, keys=["0"], deadline_s=60)
    finally:
        assert await server.stop() == 0
    assert line.route == "queue"
    asked = select(calls.c.from_raw, calls.c.from_name)
    url = server.settings["storage"]["url"]
    async with Database(url, seals=seals) as database, database.read() as link:
        assert (await link.execute(asked)).all() == [(NUMBER, FIRST)]
    async with Database(url) as database, database.read() as link:
        [kept] = (await link.execute(asked)).all()
    assert all(value.startswith(PREFIX) for value in kept)
