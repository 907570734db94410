"""Hands each test of the conformance kit the worlds one by one, with the gaps each declares."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator
from typing import Any

import pytest

from tests.crm_worlds import claims
from tests.crm_worlds.found import all_worlds
from tests.crm_worlds.results import Results
from tests.crm_worlds.turns import one_of_its_ways
from tests.crm_worlds.world import WorldKind

_RESULTS = pytest.StashKey[Results]()
#: Worlds of servers that another world asks too.
_MORE_WAYS = ("odoo-jsonrpc", "rest-odoo", "rest-tryton")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "world_kind" not in metafunc.fixturenames:
        return
    for_http = "http_world" in metafunc.fixturenames
    for_open = "open_world" in metafunc.fixturenames
    kinds = [
        kind
        for kind in all_worlds()
        if (kind.is_http or not for_http) and (kind.tells_open or not for_open)
    ]
    if "right" in metafunc.fixturenames:
        metafunc.parametrize(
            ("world_kind", "right"),
            [
                pytest.param(kind, right, id=f"{kind.name}-{right}", marks=_marks(kind))
                for kind in kinds
                for right in kind.rights
            ],
        )
        return
    metafunc.parametrize(
        "world_kind", [pytest.param(kind, id=kind.name, marks=_marks(kind)) for kind in kinds]
    )


def _marks(kind: WorldKind) -> list[Any]:
    return [pytest.mark.timeout(kind.limit_s), *kind.marks]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    _take_turns(items)
    _take_one_more_way(items)
    for item in items:
        kind = world_kind_of(item)
        if kind is None:
            continue
        for name in _names(item, kind):
            if name in kind.gaps:
                item.add_marker(pytest.mark.xfail(strict=True, reason=kind.gaps[name]))


def _take_turns(items: list[pytest.Item]) -> None:
    """With a real server, the parameter that `takes_turns` names has one value for each of the
    others', the next for the next; the rest take long."""
    met: dict[tuple[str, ...], int] = {}
    for item in items:
        turns = item.get_closest_marker("takes_turns")
        kind = world_kind_of(item)
        if turns is None or kind is None or not (kind.is_http and kind.proven_by == "real server"):
            continue
        name, values = turns.args
        params = _params(item)
        others = tuple(str(value) for key, value in params.items() if key != name)
        turn = met.setdefault(others, len(met))
        if params[name] != values[turn % len(values)]:
            item.add_marker(pytest.mark.long)


def _take_one_more_way(items: list[pytest.Item]) -> None:
    """Every test asks the real servers by their adapters, and by one of the other ways to them, the
    next by the next, among those that it has; the rest take long."""
    ways: dict[tuple[str, ...], dict[str, pytest.Item]] = {}
    for item in items:
        kind = world_kind_of(item)
        if kind is None or kind.name not in _MORE_WAYS or "right" in _params(item):
            continue
        if item.get_closest_marker("long") is None:
            turns = item.get_closest_marker("takes_turns")
            apart = ("world_kind", turns.args[0] if turns else "")
            rest = (str(value) for name, value in _params(item).items() if name not in apart)
            ways.setdefault((item.nodeid.partition("[")[0], *rest), {})[kind.name] = item
    taken = one_of_its_ways({test: tuple(has) for test, has in ways.items()})
    for test, has in ways.items():
        for name, item in has.items():
            if name != taken[test]:
                item.add_marker(pytest.mark.long)


def world_kind_of(item: pytest.Item) -> WorldKind | None:
    return _params(item).get("world_kind")


def _params(item: pytest.Item) -> dict[str, Any]:
    callspec = getattr(item, "callspec", None)
    return callspec.params if callspec is not None else {}


def _names(item: Any, kind: WorldKind) -> tuple[str, ...]:
    """As a gap may name the test: alone, and with its other parameters."""
    rest = item.callspec.id.replace(kind.name, "", 1).strip("-")
    return (item.originalname, f"{item.originalname}[{rest}]")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_RESULTS] = Results()


def pytest_runtest_setup() -> None:
    claims.NOW.is_unclaimed = False


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    kind = world_kind_of(item)
    if kind is not None and (report.when == "call" or report.failed):
        gap = getattr(report, "wasxfail", None)
        test = _names(item, kind)[1].removesuffix("[]")
        item.config.stash[_RESULTS].add(
            kind, test, report.outcome, gap, is_unclaimed=claims.NOW.is_unclaimed
        )
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    path = session.config.getoption("--crm-table")
    results = session.config.stash[_RESULTS]
    # A red run is told by its tests; the table stays as it is. Of several processes the one that
    # had the kit writes.
    if path is not None and session.testsfailed == 0 and results.any:
        results.write(path)


@pytest.fixture
def _world_parts(request: pytest.FixtureRequest, world_kind: WorldKind) -> list[Any]:
    return [request.getfixturevalue(name) for name in world_kind.needs]


@pytest.fixture
async def world(
    world_kind: WorldKind, _world_parts: list[Any], pytestconfig: pytest.Config
) -> AsyncIterator[Any]:
    async with world_kind.opened(*_world_parts) as opened:
        shown = pytestconfig.stash[_RESULTS].of(world_kind)
        if not shown.version and pytestconfig.getoption("--crm-table") is not None:
            shown.version = await opened.server_version()
        yield opened


@pytest.fixture
async def http_world(world: Any) -> Any:
    """Only of the kinds reached over HTTP."""
    return world


@pytest.fixture
async def open_world(world: Any) -> Any:
    """Only of the kinds that tell what is open."""
    return world
