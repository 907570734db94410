"""Hands each test of the conformance kit the worlds one by one, with the gaps each declares."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.crm_worlds.found import all_worlds
from tests.crm_worlds.world import WorldKind


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "world_kind" not in metafunc.fixturenames:
        return
    for_http = "http_world" in metafunc.fixturenames
    kinds = [kind for kind in all_worlds() if kind.is_http or not for_http]
    metafunc.parametrize(
        "world_kind",
        [
            pytest.param(kind, id=kind.name, marks=[pytest.mark.timeout(kind.limit_s), *kind.marks])
            for kind in kinds
        ],
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        kind = world_kind_of(item)
        if kind is None:
            continue
        for name in _names(item, kind):
            if name in kind.gaps:
                item.add_marker(pytest.mark.xfail(strict=True, reason=kind.gaps[name]))


def world_kind_of(item: pytest.Item) -> WorldKind | None:
    callspec = getattr(item, "callspec", None)
    return callspec.params.get("world_kind") if callspec is not None else None


def _names(item: Any, kind: WorldKind) -> tuple[str, ...]:
    """As a gap may name the test: alone, and with its other parameters."""
    rest = item.callspec.id.replace(kind.name, "", 1).strip("-")
    return (item.originalname, f"{item.originalname}[{rest}]")


@pytest.fixture
def _world_parts(request: pytest.FixtureRequest, world_kind: WorldKind) -> list[Any]:
    return [request.getfixturevalue(name) for name in world_kind.needs]


@pytest.fixture
async def world(world_kind: WorldKind, _world_parts: list[Any]) -> AsyncIterator[Any]:
    async with world_kind.opened(*_world_parts) as opened:
        yield opened


@pytest.fixture
async def http_world(world: Any) -> Any:
    """Only of the kinds reached over HTTP."""
    return world
