"""`switchboard restore`: what it refuses, and what is left where it dies."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import insert, text

from screenpop.agents.agent_tables import agents
from storage import migrate
from storage.database import Database
from storage.revisions import upgrade_to
from storage.shapes import known_revisions, shape_at
from switchboard.backup import archive
from switchboard.backup.manifest import Manifest, Member
from tests.integration.backup.house import Installation
from tests.integration.backup.mortal import Mortal

pytestmark = pytest.mark.integration


def of_house(house: Installation) -> dict[str, bytes]:
    return {name: content for name, content in house.files().items() if "/." not in name}


async def _add_bob(url: str) -> None:
    bob = {
        "login": "bob", "name": "Bob", "password_hash": "x", "interfaces": [], "queues": [],
        "language": "en", "role": "agent", "state": "offline",
    }  # fmt: skip
    async with Database(url) as database:
        await database.writer.write(lambda link: link.execute(insert(agents), bob))


@pytest.mark.long_on("postgresql")
def test_killed_anywhere_it_is_as_it_was_or_is_finished_by_the_same_command(
    house: Installation, template: Installation, file: str, mortal: Mortal
) -> None:
    asyncio.run(_add_bob(house.url))
    (house.folder / "rulebooks/current").write_text("older")
    (house.folder / "rulebook/main.yaml").write_text("older")
    before, files = asyncio.run(house.rows()), house.files()
    assert house.killed_at(mortal, "restore.prepared", "restore", file, "--force")
    assert asyncio.run(house.rows()) == before
    assert house.files() == files
    assert house.killed_at(mortal, "restore.place_moved", "restore", file, "--force")
    assert asyncio.run(house.rows()) == before
    due = of_house(template)
    for place in ("rulebooks", "rulebook", "models"):
        now, mine, theirs = (
            {name: content for name, content in all_.items() if name.startswith(f"{place}/")}
            for all_ in (house.files(), files, due)
        )
        assert now in (mine, theirs), place
    assert house.killed_at(mortal, "restore.done", "restore", file, "--force")
    assert asyncio.run(house.rows()) == asyncio.run(template.rows())
    assert house.files() == due
    kept = house.folder.glob("rulebooks.before-*")
    assert "older" in {(path / "current").read_text() for path in kept}


@pytest.mark.long_on("postgresql")
def test_begun_again_in_an_empty_house_it_needs_no_force(
    template: Installation, elsewhere: Installation, file: str, mortal: Mortal
) -> None:
    assert elsewhere.killed_at(mortal, "restore.places_moved", "restore", file)
    done = elsewhere.call("restore", file)
    assert done.exit_code == 0, done.stderr
    assert asyncio.run(elsewhere.rows()) == asyncio.run(template.rows())
    assert elsewhere.files() == of_house(template)
    left = [path for path in elsewhere.folder.iterdir() if path.name.startswith(".")]
    assert left == []
    assert "not put in place: secrets, settings" in done.stdout
    assert "whoever was erased since then by another machine" in done.stdout


async def test_never_under_a_server(house: Installation, file: str) -> None:
    async with Database(house.url) as database, database.read() as link:
        await link.execute(text("SELECT 1 FROM agents"))
        await link.rollback()
        done = await asyncio.to_thread(house.call, "restore", file, "--force")
    assert done.exit_code == 1
    assert "in use: stop the server" in done.stderr


def test_what_is_there_is_not_replaced_unasked(
    house: Installation, elsewhere: Installation, file: str
) -> None:
    before = asyncio.run(house.rows())
    asyncio.run(_add_bob(house.url))
    done = house.call("restore", file)
    assert done.exit_code == 1
    assert "holds rows already" in done.stderr
    assert house.call("restore", file, "--force").exit_code == 0
    assert asyncio.run(house.rows()) == before
    (elsewhere.folder / "models").mkdir()
    (elsewhere.folder / "models" / "mine").write_text("mine")
    done = elsewhere.call("restore", file)
    assert done.exit_code == 1
    assert "models (scoring.models_dir)" in done.stderr
    assert elsewhere.call("restore", file, "--force").exit_code == 0
    [kept] = elsewhere.folder.glob("models.before-*")
    assert (kept / "mine").read_text() == "mine"


def test_a_backup_of_an_older_version_is_brought_up(
    elsewhere: Installation, tmp_path: Path
) -> None:
    """Here of the first revision, which lacks most of today's tables."""
    older = tmp_path / "older.tar.gz"
    asyncio.run(_make_at_first_revision(elsewhere.url))
    asyncio.run(_run(elsewhere.url, "INSERT INTO crm_products (code, name, category)"
                     " VALUES ('luna', 'Luna', '')"))  # fmt: skip
    done = elsewhere.call("backup", str(older), "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["revision"] == known_revisions()[0]
    done = elsewhere.call("restore", str(older), "--force")
    assert done.exit_code == 0, done.stderr
    rows = asyncio.run(elsewhere.rows())
    today = shape_at(known_revisions()[-1]).tables
    assert set(rows) == {name for name in today if not name.startswith("audit_")}
    assert [row[:2] for row in rows["crm_products"]] == [("luna", "Luna")]


async def _make_at_first_revision(url: str) -> None:
    database = Database(url)
    async with database.engine.begin() as link:
        await link.run_sync(upgrade_to, known_revisions()[0])
    await database.engine.dispose()


async def _run(url: str, *statements: str) -> None:
    database = Database(url)
    async with database.engine.begin() as link:
        for statement in statements:
            await link.execute(text(statement))
    await database.engine.dispose()


def test_of_a_newer_version_neither_backup_nor_database_is_touched(
    house: Installation, elsewhere: Installation, file: str, tmp_path: Path
) -> None:
    newer = changed(Path(file), tmp_path, revision="9999")
    for words in (("--check",), ()):
        done = elsewhere.call("restore", str(newer), *words)
        assert done.exit_code == 1
        assert "revision 9999, which this version" in done.stderr
    asyncio.run(_run(house.url, "UPDATE alembic_version SET version_num = '9999'"))
    done = house.call("backup", str(tmp_path / "x.tar.gz"))
    assert done.exit_code == 1
    assert "revision 9999, which this version" in done.stderr
    assert not (tmp_path / "x.tar.gz").exists()


def test_of_the_other_kind_of_database(kind: str, file: str, tmp_path: Path) -> None:
    other = "postgresql://127.0.0.1:1/x" if kind == "sqlite" else f"sqlite:///{tmp_path}/x.db"
    elsewhere = Installation(tmp_path / "other", other)
    elsewhere.write()
    done = elsewhere.call("restore", file)
    assert done.exit_code == 1
    assert "set storage.url to a database of the same kind" in done.stderr


def test_a_damaged_one_touches_nothing(house: Installation, file: str, tmp_path: Path) -> None:
    whole = Path(file).read_bytes()
    before, files = asyncio.run(house.rows()), house.files()
    half = tmp_path / "half.tar.gz"
    for damaged in (whole[:-9], whole[: len(whole) // 2], whole[:-5000] + b"x" + whole[-4999:]):
        half.write_bytes(damaged)
        assert house.call("restore", str(half), "--force").exit_code == 1
        assert house.call("restore", "--check", str(half)).exit_code == 1
    assert asyncio.run(house.rows()) == before
    assert house.files() == files


def changed(path: Path, folder: Path, **told: object) -> Path:
    """The same archive with another manifest, whole in itself."""
    unpacked = folder / "unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)
    unpacked.mkdir()
    manifest = archive.read(path, unpacked, lambda done, total: None)
    members = tuple(_member(unpacked, member.name) for member in manifest.members)
    return packed(unpacked, manifest.model_copy(update={"members": members, **told}), folder)


def _member(folder: Path, name: str) -> Member:
    content = (folder / name).read_bytes()
    return Member(name=name, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


def packed(unpacked: Path, manifest: Manifest, folder: Path) -> Path:
    made = folder / "changed.tar.gz"
    with made.open("wb") as out:
        archive.write(out, manifest, unpacked, lambda done, total: None)
    return made


def test_rows_that_are_not_what_the_manifest_says(
    elsewhere: Installation, file: str, tmp_path: Path
) -> None:
    manifest = archive.peek(Path(file))
    more = tuple(
        table.model_copy(update={"rows": table.rows + (table.name == "agents")})
        for table in manifest.tables
    )
    lying = changed(Path(file), tmp_path, tables=more)
    done = elsewhere.call("restore", str(lying))
    assert done.exit_code == 1
    assert "agents" in done.stderr or "does not hold" in done.stderr
    assert elsewhere.files() == {}
    lacking = changed(Path(file), tmp_path, tables=manifest.tables[:1])
    assert elsewhere.call("restore", str(lacking)).exit_code == 1


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True, scope="session")
@pytest.mark.parametrize(
    "code",
    [
        "CREATE TRIGGER t AFTER INSERT ON calls BEGIN DELETE FROM agents; END",
        "CREATE VIEW v AS SELECT 1",
        "DROP TABLE agent_sessions",
        "INSERT INTO agent_sessions VALUES ('t', 'nobody', '2026', '2026')",
    ],
)
def test_a_hostile_sqlite_file_is_refused(
    code: str, elsewhere: Installation, file: str, tmp_path: Path
) -> None:
    unpacked = tmp_path / "mine"
    unpacked.mkdir()
    manifest = archive.read(Path(file), unpacked, lambda done, total: None)
    with closing(sqlite3.connect(unpacked / "database/switchboard.db")) as link:
        link.execute(code)
        link.commit()
    members = tuple(_member(unpacked, member.name) for member in manifest.members)
    hostile = packed(unpacked, manifest.model_copy(update={"members": members}), tmp_path)
    assert elsewhere.call("restore", "--check", str(hostile)).exit_code == 0
    done = elsewhere.call("restore", str(hostile))
    assert done.exit_code == 1
    assert not (elsewhere.folder / "switchboard.db").exists()
    assert elsewhere.files() == {}


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True, scope="session")
def test_hostile_rows_are_refused_and_the_database_is_as_it_was(
    house: Installation, file: str, tmp_path: Path
) -> None:
    before, files = asyncio.run(house.rows()), house.files()
    unpacked = tmp_path / "mine"
    unpacked.mkdir()
    manifest = archive.read(Path(file), unpacked, lambda done, total: None)
    for content in (b"anna\n", b"\\.\nDROP TABLE agents;\n", b"\xff\xfe\t\t", b"'); DROP TABLE x;"):
        (unpacked / "database/agents.rows").write_bytes(content)
        members = tuple(_member(unpacked, member.name) for member in manifest.members)
        hostile = packed(unpacked, manifest.model_copy(update={"members": members}), tmp_path)
        done = house.call("restore", str(hostile), "--force")
        assert done.exit_code == 1, content
        assert asyncio.run(house.rows()) == before
    assert house.files() == files


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True, scope="session")
def test_what_others_have_in_the_same_database_stays(elsewhere: Installation, file: str) -> None:
    asyncio.run(_run(elsewhere.url, "CREATE TABLE theirs (x int)", "INSERT INTO theirs VALUES (1)"))
    assert elsewhere.call("restore", file).exit_code == 0
    assert elsewhere.call("restore", file, "--force").exit_code == 0

    async def theirs() -> int | None:
        async with Database(elsewhere.url) as database, database.read() as link:
            await migrate.upgrade(database)
            return await link.scalar(text("SELECT x FROM theirs"))

    assert asyncio.run(theirs()) == 1
