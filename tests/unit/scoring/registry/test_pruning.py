"""Old versions go, none that anybody may still need, and never by half."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from calls.call import CallId, CallOutcome, Direction
from calls.past_calls import PastCallTold
from scoring.registry import registry as registry_module
from scoring.registry.card import ModelKind
from scoring.registry.pruning import Pruned, prune_models, used_since
from scoring.registry.refusals import ModelRefused
from scoring.registry.registry import ModelRegistry, Move
from tests.unit.scoring.serving.random_models import TRAINED_AT, booster_of, card_of

pytestmark = pytest.mark.unit

CHURN, OFFERS = ModelKind.CHURN, ModelKind.OFFERS
NOW = TRAINED_AT + timedelta(days=400)
BOOSTER = booster_of(1, trees=2)


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelRegistry:
    # What a trial finds is tested elsewhere; here it takes most of the time.
    monkeypatch.setattr(registry_module, "load_folder", lambda folder: None)
    return ModelRegistry(tmp_path / "models")


def add(registry: ModelRegistry, day: int, kind: ModelKind = CHURN) -> str:
    card = card_of(kind=kind, trained_at=TRAINED_AT + timedelta(days=day))
    return registry.add(card, BOOSTER)


def kept(registry: ModelRegistry, kind: ModelKind = CHURN) -> list[str]:
    assert registry.damaged(kind) == {}
    return [card.version for card in registry.versions(kind)]


class Histories:
    """Implements `calls.ports.CallHistories`: one call for each of these decisions."""

    def __init__(self, *models: dict[str, str]) -> None:
        self._models = models
        self.asked: list[datetime] = []

    async def calls(self, since: datetime) -> AsyncIterator[PastCallTold]:
        self.asked.append(since)
        for number, models in enumerate(self._models):
            yield PastCallTold(
                call_id=CallId("pbx", f"{number}.1"),
                contact=None,
                arrived_at=since,
                ended_at=since,
                dialled="",
                direction=Direction.INBOUND,
                outcome=CallOutcome.ANSWERED,
                models=models,
            )


async def pruned(registry: ModelRegistry, *models: dict[str, str], **more: Any) -> Pruned:
    how: dict[str, Any] = {"newest": 2, "now": NOW, **more}
    return await prune_models(registry, Histories(*models), **how)


def test_what_is_in_use_what_was_before_it_and_the_newest_stay(registry: ModelRegistry) -> None:
    versions = [add(registry, day) for day in range(8)]
    for place in (0, 1, 2):
        registry.promote(CHURN, versions[place])
    assert registry.prune(CHURN, newest=2, spared={versions[4]}) == (
        versions[0],
        versions[3],
        versions[5],
    )
    assert kept(registry) == [versions[place] for place in (1, 2, 4, 6, 7)]
    assert registry.prune(CHURN, newest=2, spared={versions[4]}) == ()
    # The way back ends where nothing is left to go back to.
    assert registry.rollback(CHURN).version == versions[1]
    with pytest.raises(ModelRefused, match="no earlier churn model"):
        registry.rollback(CHURN)


def test_rolling_back_passes_over_what_was_removed(registry: ModelRegistry) -> None:
    versions = [add(registry, day) for day in range(3)]
    for version in versions:
        registry.promote(CHURN, version)
    shutil.rmtree(registry.folder_of(CHURN, versions[1]))
    assert registry.rollback(CHURN).version == versions[0]


def test_a_dry_run_and_a_kind_without_versions_change_nothing(registry: ModelRegistry) -> None:
    assert registry.prune(CHURN, newest=1, spared=set()) == ()
    assert not registry.folder.exists()
    versions = [add(registry, day) for day in range(3)]
    assert registry.prune(CHURN, newest=1, spared=set(), dry_run=True) == tuple(versions[:2])
    assert kept(registry) == versions


def _no_rmtree(path: Path) -> None:
    raise OSError(5, "cut off", str(path))


@pytest.mark.parametrize("halves", [0, 1], ids=["before its files go", "with a file gone"])
def test_cut_off_it_leaves_whole_versions_and_goes_on_next_time(
    registry: ModelRegistry, monkeypatch: pytest.MonkeyPatch, halves: int
) -> None:
    versions = [add(registry, day) for day in range(4)]
    with monkeypatch.context() as patch:
        patch.setattr(registry_module.shutil, "rmtree", _no_rmtree)
        with pytest.raises(OSError, match="cut off"):
            registry.prune(CHURN, newest=2, spared=set())
    left = sorted((registry.folder / "churn").glob(".gone-*"))
    assert len(left) == 2
    for folder in left[:halves]:
        (folder / "card.json").unlink()
    (registry.folder / "churn" / ".new-of-who-died").mkdir()
    assert kept(registry) == versions[2:]
    assert registry.kinds() == (CHURN,)

    assert registry.prune(CHURN, newest=2, spared=set()) == ()
    names = {path.name for path in (registry.folder / "churn").iterdir()}
    assert names == set(versions[2:])


def test_where_the_pointer_is_damaged_nothing_goes(registry: ModelRegistry) -> None:
    versions = [add(registry, day) for day in range(3)]
    (registry.folder / "churn" / "current.json").write_text("{")
    with pytest.raises(ModelRefused, match="damaged"):
        registry.prune(CHURN, newest=1, spared=set())
    assert kept(registry) == versions


def test_a_version_removed_while_it_is_tried_is_not_promoted(
    registry: ModelRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = add(registry, 0), add(registry, 1)
    registry.promote(CHURN, new)

    def tried(folder: Path) -> None:
        registry.prune(CHURN, newest=1, spared=set())

    monkeypatch.setattr(registry_module, "load_folder", tried)
    with pytest.raises(ModelRefused, match="was removed just now"):
        registry.promote(CHURN, old)
    current = registry.current(CHURN)
    assert current is not None
    assert current.version == new


async def test_versions_that_decided_calls_stay_as_long_as_those_are_explained(
    registry: ModelRegistry,
) -> None:
    churn = [add(registry, day) for day in range(5)]
    offers = [add(registry, 50 + day, OFFERS) for day in range(3)]
    calls = ({}, {"churn": churn[1], "offers": offers[0]}, {"churn": churn[1], "value": "?"})
    found = await pruned(registry, *calls, dry_run=True)
    assert found.removed == {CHURN: (churn[0], churn[2]), OFFERS: ()}
    assert kept(registry) == churn
    assert await pruned(registry, *calls) == found
    assert kept(registry) == [churn[1], *churn[3:]]
    assert kept(registry, OFFERS) == offers
    assert found.said == f"churn {churn[0]}; churn {churn[2]}"


async def test_calls_are_read_only_where_one_might_go_and_of_90_days(
    registry: ModelRegistry,
) -> None:
    histories = Histories()
    for day in range(3):
        add(registry, day)
        await prune_models(registry, histories, newest=2, now=NOW)
    assert histories.asked == [NOW - timedelta(days=90)]
    assert len(kept(registry)) == 2


async def test_a_damaged_pointer_is_told_and_the_other_kinds_go_on(
    registry: ModelRegistry,
) -> None:
    churn = [add(registry, day) for day in range(3)]
    offers = [add(registry, day, OFFERS) for day in range(3)]
    (registry.folder / "churn" / "current.json").write_text("{")
    found = await pruned(registry)
    assert found.removed == {OFFERS: (offers[0],)}
    assert "damaged" in found.refused[CHURN]
    assert kept(registry) == churn


def moved(version: str, day: int) -> Move:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)
    return Move(at=at, version=version, action="promote")


@pytest.mark.parametrize(
    ("day", "used"),
    [(0, {0, 1, 2}), (10, {0, 1, 2}), (11, {1, 2}), (20, {1, 2}), (21, {2}), (99, {2})],
)
def test_what_was_in_use_on_a_day(day: int, used: set[int]) -> None:
    versions = [f"20260101-00000{n}-0123abcd" for n in range(3)]
    moves = [moved(version, 10 * n) for n, version in enumerate(versions)]
    since = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)
    assert used_since(moves, since) == {versions[n] for n in used}
    assert used_since([], since) == set()
