"""Two installations on either database: one that works, and an empty one elsewhere."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.integration.backup.house import Installation, add_files
from tests.integration.backup.mortal import Mortal


@pytest.fixture(params=["sqlite", "postgresql"], scope="session")
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def template(
    kind: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Installation]:
    """The house that the others are copies of; nobody writes there."""
    for made in _made(kind, tmp_path_factory.mktemp("template"), request):
        made.write()
        asyncio.run(made.make_database())
        add_files(made)
        yield made


@pytest.fixture(scope="session")
def file(template: Installation, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A backup of it."""
    path = tmp_path_factory.mktemp("backup") / "backup.tar.gz"
    done = template.call("backup", str(path))
    assert done.exit_code == 0, done.stderr
    return str(path)


@pytest.fixture
def house(
    kind: str, template: Installation, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Installation]:
    for made in _made(kind, tmp_path / "house", request, template):
        made.write()
        add_files(made)
        yield made


@pytest.fixture
def elsewhere(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Installation]:
    """Has settings and an empty database."""
    for made in _made(kind, tmp_path / "elsewhere", request):
        made.write()
        yield made


def _made(
    kind: str,
    folder: Path,
    request: pytest.FixtureRequest,
    template: Installation | None = None,
) -> Iterator[Installation]:
    folder.mkdir(exist_ok=True)
    if kind == "sqlite":
        if template is not None:
            shutil.copy(template.folder / "switchboard.db", folder)
        yield Installation(folder, f"sqlite:///{folder}/switchboard.db")
        return
    cluster = request.getfixturevalue("postgres_cluster")
    name = f"test_{uuid.uuid4().hex}"
    like = "" if template is None else f" TEMPLATE {template.url.rpartition('/')[2]}"
    asyncio.run(_administer(cluster, f"CREATE DATABASE {name}{like}"))
    yield Installation(folder, f"{cluster}/{name}")
    asyncio.run(_administer(cluster, f"DROP DATABASE {name} WITH (FORCE)"))


async def _administer(cluster: str, statement: str) -> None:
    connection = await asyncpg.connect(f"{cluster}/postgres", timeout=60)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def mortal() -> Iterator[Mortal]:
    with Mortal() as mortal:
        yield mortal
