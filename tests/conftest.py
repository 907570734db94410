"""Databases and servers that tests may ask for; all private, all gone afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import hypothesis
import pytest
import structlog

from storage.database import Database
from switchboard.demo.private_servers import private_postgres, private_redis
from tests.declared_tables import declared_metadata
from tests.postgres_pool import PostgresPool, administer
from tests.real_data import WITHOUT_DATA
from tests.servers.odoo.program import OdooMissing
from tests.servers.odoo.server import OdooServer, running_odoo
from tests.servers.tryton.server import TrytonServer, running_tryton

#: The private Asterisk, its callers and phones.
pytest_plugins = ("tests.real_asterisk",)

TEMPLATE = "switchboard_template"

# Processes that run tests side by side have a terminal's size set that is nobody's; rich, asked
# for a width by a test, would keep to it.
for _name in ("COLUMNS", "LINES"):
    os.environ.pop(_name, None)

# No time limits on a shared machine, and the same examples in every run: a red run is a fault of
# the change. Look further with `--hypothesis-profile=explore`.
hypothesis.settings.register_profile(
    "house",
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=5_000)
hypothesis.settings.load_profile("house")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--crm-table", type=Path, metavar="FILE", help="writes there what the CRM kit showed"
    )


@pytest.fixture(scope="session", autouse=True)
def _clean_environment() -> Iterator[None]:
    """No test sees settings of the machine it happens to run on."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("SWITCHBOARD_")]:
            patch.delenv(name)
        yield


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """A command that ran in this process leaves no log behind whose stream is closed with it."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    streams = [each for each in root.handlers if type(each) is logging.StreamHandler]
    left = [each for each in streams if each not in before]
    for handler in left:
        root.removeHandler(handler)
    if left:
        root.setLevel(level)
        structlog.reset_defaults()


@pytest.fixture
def other_actions(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test asks Asterisk what the program never does: as its administrator, or as a mistake."""
    monkeypatch.setattr("ami_bridge.ami_protocol.refuse_unlisted", lambda *_: None)


async def _create_tables(url: str) -> None:
    database = Database(url)
    async with database.engine.begin() as connection:
        await connection.run_sync(declared_metadata().create_all)
    await database.engine.dispose()


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    asyncio.run(_create_tables(f"sqlite:///{path}"))
    return path


@pytest.fixture
def sqlite_url(_sqlite_template: Path, tmp_path: Path) -> str:
    """A fresh SQLite file with all tables."""
    path = tmp_path / "switchboard.db"
    shutil.copyfile(_sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[str]:
    """`postgresql://USER@HOST:PORT` of a private server; add `/NAME` for a database."""
    with private_postgres() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_pool(postgres_cluster: str) -> PostgresPool:
    async def create() -> None:
        await administer(postgres_cluster, f"CREATE DATABASE {TEMPLATE}")
        await _create_tables(f"{postgres_cluster}/{TEMPLATE}")

    asyncio.run(create())
    return PostgresPool(postgres_cluster, TEMPLATE)


@pytest.fixture
async def postgres_url(postgres_pool: PostgresPool) -> AsyncIterator[str]:
    """A PostgreSQL database with all tables and no rows, as long as the test lasts."""
    async with postgres_pool.borrowed() as url:
        yield url


@pytest.fixture
async def empty_postgres_url(postgres_cluster: str) -> AsyncIterator[str]:
    """A fresh PostgreSQL database without any table, for migrations."""
    name = f"test_{uuid.uuid4().hex}"
    await administer(postgres_cluster, f"CREATE DATABASE {name}")
    yield f"{postgres_cluster}/{name}"
    await administer(postgres_cluster, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database(sqlite_url: str) -> AsyncIterator[Database]:
    """The embedded default: a started Database on a fresh SQLite file with all tables."""
    async with Database(sqlite_url) as database:
        yield database


@pytest.fixture(params=["sqlite", "postgresql"])
def any_database_url(request: pytest.FixtureRequest) -> str:
    """The test runs twice: on SQLite and on PostgreSQL."""
    url: str = request.getfixturevalue(
        "sqlite_url" if request.param == "sqlite" else "postgres_url"
    )
    return url


@pytest.fixture
async def any_database(any_database_url: str) -> AsyncIterator[Database]:
    """A started Database; the test runs twice: on SQLite and on PostgreSQL."""
    async with Database(any_database_url) as database:
        yield database


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A private Redis, one for the whole run: keep to keys of your own."""
    with private_redis() as url:
        yield url


@pytest.fixture(scope="session")
def odoo_server(postgres_cluster: str) -> Iterator[OdooServer]:
    """A real Odoo 19, one for the whole run: begin with `clean()`. Where Debian's package of it
    cannot be had its tests are skipped, loudly: the only ones that may be."""
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(running_odoo(postgres_cluster))
        except OdooMissing as error:
            pytest.skip(f"{WITHOUT_ODOO}: {error}")
        yield server


@pytest.fixture(scope="session")
def tryton_server() -> Iterator[TrytonServer]:
    """A real Tryton, one for the whole run: begin with `clean()`."""
    with running_tryton() as server:
        yield server


WITHOUT_ODOO = "Odoo 19 cannot be had on this machine"
#: Seconds: the first test of a run may have to make Odoo's database.
_ODOO_LIMIT_S = 900
_FOLDERS_TOGETHER = {"contracts", "dask_cluster"}
_CATEGORIES = {"unit", "contract", "integration", "acceptance", "architecture"}
_skipped: list[str] = []
_without_odoo: list[str] = []
_without_data: list[str] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test belongs to exactly one category, or it is not collected at all."""
    for item in items:
        found = _CATEGORIES & {mark.name for mark in item.iter_markers()}
        if len(found) != 1:
            raise pytest.UsageError(f"{item.nodeid}: give it one of the marks {_CATEGORIES}")
        if item.get_closest_marker("odoo"):
            item.add_marker(pytest.mark.timeout(_ODOO_LIMIT_S))
        if elsewhere := item.get_closest_marker("long_on"):
            callspec = getattr(item, "callspec", None)
            databases = set(getattr(callspec, "params", {}).values()) & {"sqlite", "postgresql"}
            if not databases:
                raise pytest.UsageError(f"{item.nodeid}: long_on, but of no database")
            if databases & set(elsewhere.args):
                item.add_marker(pytest.mark.long)
        if " at 0x" in item.nodeid:
            raise pytest.UsageError(f"{item.nodeid}: a name that is another in each process")
        item.add_marker(pytest.mark.xdist_group(_together(item)))


def _together(item: pytest.Item) -> str:
    """The name of the group whose tests run one after the other in one process, beside the other
    groups. Where real CRMs or a cluster are asked, that is the folder, which has one of each. What
    a single caller hears is a group for each test. Elsewhere it is the file, which makes once what
    it shares."""
    path = Path(item.location[0])
    if path.parent.name == "heard":
        return item.nodeid
    return str(path.parent if _FOLDERS_TOGETHER & set(path.parts) else path)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        why = str(report.longrepr)
        if WITHOUT_DATA in why:
            _without_data.append(report.nodeid)
        else:
            (_without_odoo if WITHOUT_ODOO in why else _skipped).append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A test that did not run has shown nothing: skipping is failing."""
    if _skipped and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for nodeid in _skipped:
        terminalreporter.write_line(f"SKIPPED, which counts as failed: {nodeid}")
    if _without_data:
        terminalreporter.write_line(
            f"NOT SHOWN: {len(_without_data)} tests on real data, since {WITHOUT_DATA}",
            red=True,
            bold=True,
        )
    if _without_odoo:
        terminalreporter.write_line(
            f"NOT SHOWN: {len(_without_odoo)} tests with a real Odoo, since {WITHOUT_ODOO}",
            red=True,
            bold=True,
        )
