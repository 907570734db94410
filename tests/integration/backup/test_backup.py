"""`switchboard backup` beside a server at work, and `switchboard restore` elsewhere."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import stat
import tarfile
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text

from crm_adapter.call_tables import calls
from crm_adapter.call_tables import outbox as entries
from crm_adapter.embedded import tables
from storage.database import Database
from tests.integration.backup.house import (
    FACTOR_SECRET,
    SECRET,
    SIP_SECRET,
    Installation,
    busy,
    count,
)
from tests.integration.backup.mortal import Mortal
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

MOST = 30_000


async def _fill(url: str) -> None:
    """So much that copying takes a while."""
    rows = [{"contact_id": "maria", "e164": f"+1202{n:07d}"} for n in range(MOST)]
    async with Database(url) as database:
        await database.writer.write(lambda link: link.execute(_numbers(), rows))


def _numbers():  # type: ignore[no-untyped-def]
    return insert(tables.contact_numbers)


async def test_of_a_busy_house_one_instant_is_kept(
    house: Installation, elsewhere: Installation, tmp_path: Path
) -> None:
    """Whatever is written with a call's row is there with it, and nothing of what came later."""
    await _fill(house.url)
    file = tmp_path / "backup.tar.gz"
    async with busy(house.url) as ended:
        await wait_until(lambda: len(ended) > 5)
        done = await asyncio.to_thread(house.call, "backup", str(file), "--json")
        assert done.exit_code == 0, done.stderr
        told = json.loads(done.stdout)
        so_far = len(ended)
        await wait_until(lambda: len(ended) > so_far)
    done = await asyncio.to_thread(elsewhere.call, "restore", str(file), "--json")
    assert done.exit_code == 0, done.stderr
    back = json.loads(done.stdout)
    assert back["counts"] == told["tables"]
    assert told["tables"]["crm_contact_numbers"] == MOST
    assert 5 < told["tables"]["calls"] < await count(house.url, "calls")
    for name, rows in back["counts"].items():
        # The restore itself is told to the audit log.
        told_since = name in ("audit_entries", "audit_heads")
        assert await count(elsewhere.url, name) == rows + told_since, name
    await _is_of_one_instant(elsewhere.url)
    await _no_loose_ends(elsewhere.url)
    assert elsewhere.files() == {k: v for k, v in house.files().items() if "/." not in k}


async def _is_of_one_instant(url: str) -> None:
    async with Database(url) as database, database.read() as link:
        names = list(await link.scalars(select(calls.c.linkedid).order_by(calls.c.linkedid)))
        over = set(await link.scalars(select(calls.c.linkedid).where(calls.c.ended_at.isnot(None))))
        owed = (await link.execute(select(entries.c.entity, entries.c.state))).all()
        told = set(await link.scalars(select(tables.call_records.c.linkedid)))
    # One call after the other: none is missing in between, and the last alone may be going on.
    assert names == [f"{n:06d}" for n in range(len(names))]
    assert set(names) - over <= {names[-1]}
    by_call = {name: [state for entity, state in owed if entity.endswith(name)] for name in names}
    for name in over:
        assert by_call[name], f"{name} ended and the CRM is owed nothing of it"
    for name, states in by_call.items():
        # Written in one transaction with the end of its delivery, or before it.
        if "done" in states:
            assert name in told, f"{name} counts as delivered and is not in the CRM"
    assert told <= {name for name in names if by_call[name]}


async def _no_loose_ends(url: str) -> None:
    async with Database(url) as database, database.read() as link:
        if database.is_sqlite:
            assert (await link.execute(text("PRAGMA foreign_key_check"))).all() == []
            assert await link.scalar(text("PRAGMA integrity_check")) == "ok"
        else:
            unproven = "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND NOT convalidated"
            assert await link.scalar(text(unproven)) == 0


async def test_numbers_go_on_where_they_were(
    house: Installation, elsewhere: Installation, tmp_path: Path
) -> None:
    """Also those that were given and are gone: nobody gets them again."""
    async with Database(house.url) as database:
        await database.writer.write(
            lambda link: link.execute(
                insert(tables.contact_numbers),
                [{"contact_id": "maria", "e164": f"+1202555010{n}"} for n in range(3)],
            )
        )
    file = str(tmp_path / "b.tar.gz")
    assert (await asyncio.to_thread(house.call, "backup", file)).exit_code == 0
    done = await asyncio.to_thread(elsewhere.call, "restore", file)
    assert done.exit_code == 0, done.stderr
    assert "crm_contact_numbers: 3 of 3 rows" in done.stdout
    assert await elsewhere.rows() == await house.rows()
    async with Database(elsewhere.url) as database:
        await database.writer.write(
            lambda link: link.execute(
                insert(tables.contact_numbers).values(contact_id="maria", e164="+12025550190")
            )
        )


def test_it_is_said_what_is_in_it_and_it_is_for_its_owner_alone(
    house: Installation, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    done = house.call("backup", str(folder))
    assert done.exit_code == 0, done.stderr
    [made] = folder.iterdir()
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert "keep it like a password" in done.stdout
    assert "secrets: 1 file" in done.stdout
    with tarfile.open(made) as tar:
        kept = tar.extractfile("secrets/ami.secret_file")
        assert kept is not None
        assert kept.read().decode() == f"{SECRET}\n"
    checked = house.call("restore", "--check", str(made))
    assert checked.exit_code == 0, checked.stderr
    assert "is whole" in checked.stdout
    again = house.call("backup", str(made))
    assert (again.exit_code, "already" in again.stderr) == (1, True)
    assert house.call("backup", str(made), "--force").exit_code == 0


def test_without_secrets_there_are_none(house: Installation, tmp_path: Path) -> None:
    file, look = tmp_path / "b.tar.gz", tmp_path / "look"
    assert house.call("backup", str(file), "--without-secrets").exit_code == 0
    done = house.call("restore", str(file), "--unpack-to", str(look))
    assert done.exit_code == 0, done.stderr
    for path in look.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            for secret in (SECRET, SIP_SECRET, FACTOR_SECRET, "inline-key"):
                assert secret.encode() not in content, path
    settings = (look / "settings/switchboard.yaml").read_text()
    assert "key: 'left out of the backup' # of our own" in settings
    assert stat.S_IMODE(look.stat().st_mode) == 0o700


def test_only_the_newest_are_kept(house: Installation, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    old = [f"switchboard-2026010{n}T000000Z.tar.gz" for n in range(1, 5)]
    for name in (*old, "mine.tar.gz", "switchboard-notes.tar.gz"):
        (folder / name).touch()
    done = house.call("backup", str(folder), "--keep", "2", "--json")
    assert done.exit_code == 0, done.stderr
    made = Path(json.loads(done.stdout)["file"]).name
    left = {path.name for path in folder.iterdir()}
    assert left == {"mine.tar.gz", "switchboard-notes.tar.gz", old[-1], made}
    wrong = house.call("backup", str(tmp_path / "x.tar.gz"), "--keep", "2")
    assert wrong.exit_code == 2


@pytest.mark.long_on("postgresql")
def test_a_folder_that_a_killed_one_left_is_removed_and_no_half_file_is_there(
    house: Installation, mortal: Mortal, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    for point in ("backup.copied", "backup.packed"):
        assert house.killed_at(mortal, point, "backup", str(folder))
        assert [p.name for p in folder.iterdir() if not p.name.startswith(".")] == []
    assert house.killed_at(mortal, "backup.named", "backup", str(folder))
    [whole] = [path for path in folder.iterdir() if not path.name.startswith(".")]
    assert house.call("restore", "--check", str(whole)).exit_code == 0
    assert house.call("backup", str(folder / "next.tar.gz")).exit_code == 0
    assert sorted(path.name for path in folder.iterdir()) == ["next.tar.gz", whole.name]


def test_nothing_to_back_up(elsewhere: Installation, tmp_path: Path) -> None:
    done = elsewhere.call("backup", str(tmp_path / "b.tar.gz"))
    assert done.exit_code == 1
    assert "storage.url: there is no" in done.stderr
    assert not (tmp_path / "b.tar.gz").exists()


def test_a_trigger_of_somebody_else_stays_behind(tmp_path: Path) -> None:
    house = Installation(tmp_path / "house", f"sqlite:///{tmp_path}/house/switchboard.db")
    house.write()
    asyncio.run(house.make_database())
    link = sqlite3.connect(house.folder / "switchboard.db")
    link.execute("CREATE TRIGGER t AFTER INSERT ON calls BEGIN DELETE FROM agents; END")
    link.close()
    file = tmp_path / "b.tar.gz"
    assert house.call("backup", str(file)).exit_code == 0
    elsewhere = Installation(tmp_path / "other", f"sqlite:///{tmp_path}/other/switchboard.db")
    elsewhere.write()
    assert elsewhere.call("restore", str(file)).exit_code == 0
    link = sqlite3.connect(elsewhere.folder / "switchboard.db")
    assert link.execute("SELECT count(*) FROM sqlite_master WHERE type = 'trigger'").fetchone() == (
        0,
    )
    link.close()
