"""Versions, the pointer and its moves; what is damaged never replaces what is not."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from scoring.registry.card import ModelKind, Verdict
from scoring.registry.refusals import ModelRefused
from scoring.registry.registry import ModelRegistry
from tests.unit.scoring.serving.random_models import TRAINED_AT, booster_of, card_of

pytestmark = pytest.mark.unit

CHURN = ModelKind.CHURN


@pytest.fixture
def registry(tmp_path: Path) -> ModelRegistry:
    return ModelRegistry(tmp_path / "models")


def add(registry: ModelRegistry, day: int, *, passed: bool = True) -> str:
    verdict = Verdict(promoted=passed, because=(f"model of day {day}",))
    card = card_of(trained_at=TRAINED_AT + timedelta(days=day), decision=verdict)
    return registry.add(card, booster_of(day))


def test_an_empty_folder_has_nothing(registry: ModelRegistry) -> None:
    assert registry.kinds() == ()
    assert registry.versions(CHURN) == []
    assert registry.current(CHURN) is None
    assert registry.load_checked(CHURN) is None
    with pytest.raises(ModelRefused, match="no earlier churn model"):
        registry.rollback(CHURN)


def test_versions_are_kept_in_the_order_of_time(registry: ModelRegistry) -> None:
    versions = [add(registry, day) for day in (2, 0, 1)]
    assert [card.version for card in registry.versions(CHURN)] == sorted(versions)
    assert registry.kinds() == (CHURN,)
    assert registry.current(CHURN) is None
    folder = registry.folder_of(CHURN, versions[0])
    assert {path.name for path in folder.iterdir()} == {"model.ubj", "card.json", "card.html"}


def test_promoting_and_rolling_back_move_the_pointer(registry: ModelRegistry) -> None:
    first, second, third = (add(registry, day) for day in range(3))
    for version in (first, second, third):
        registry.promote(CHURN, version)
    assert registry.rollback(CHURN).version == second
    pointer = registry.pointer(CHURN)
    assert pointer is not None
    assert (pointer.current, pointer.previous) == (second, first)
    assert registry.rollback(CHURN).version == first
    with pytest.raises(ModelRefused, match="no earlier"):
        registry.rollback(CHURN)
    actions = [(move.action, move.version) for move in registry.history(CHURN)]
    assert actions == [
        ("promote", first),
        ("promote", second),
        ("promote", third),
        ("rollback", second),
        ("rollback", first),
    ]


def test_a_model_that_did_not_pass_is_promoted_only_with_a_reason(registry: ModelRegistry) -> None:
    version = add(registry, 0, passed=False)
    with pytest.raises(ModelRefused, match="did not pass its gate: model of day 0"):
        registry.promote(CHURN, version)
    with pytest.raises(ModelRefused, match="say why"):
        registry.promote(CHURN, version, forced=True, because=" ")
    assert registry.current(CHURN) is None
    registry.promote(CHURN, version, forced=True, because="a <test> of ours", by="anna")
    (move,) = registry.history(CHURN, version)
    assert (move.forced, move.because, move.by) == (True, "a <test> of ours", "anna")
    page = (registry.folder_of(CHURN, version) / "card.html").read_text()
    assert "a &lt;test&gt; of ours" in page


def test_a_damaged_model_is_not_promoted_and_the_good_one_stays(registry: ModelRegistry) -> None:
    good, bad = add(registry, 0), add(registry, 1)
    registry.promote(CHURN, good)
    model = registry.folder_of(CHURN, bad) / "model.ubj"
    model.write_bytes(model.read_bytes()[:-10])
    with pytest.raises(ModelRefused, match="changed or cut off"):
        registry.promote(CHURN, bad)
    current = registry.current(CHURN)
    assert current is not None
    assert current.version == good


def test_a_damaged_pointer_is_said_and_mended_by_promoting(registry: ModelRegistry) -> None:
    version = add(registry, 0)
    for text in ("", "{", '{"current": "../../x"}', "[]", "x" * 100_000):
        (registry.folder / "churn" / "current.json").write_text(text)
        with pytest.raises(ModelRefused, match="damaged"):
            registry.current(CHURN)
    registry.promote(CHURN, version)
    current = registry.current(CHURN)
    assert current is not None
    assert current.version == version


def test_a_card_that_is_cut_off_or_of_another_model_is_refused(registry: ModelRegistry) -> None:
    version = add(registry, 0)
    other = add(registry, 1)
    path = registry.folder_of(CHURN, version) / "card.json"
    whole = path.read_text()
    for text in (whole[: len(whole) // 2], "", "null", whole.replace('"kind"', '"kinds"')):
        path.write_text(text)
        with pytest.raises(ModelRefused, match=r"card\.json"):
            registry.card(CHURN, version)
    path.write_text((registry.folder_of(CHURN, other) / "card.json").read_text())
    with pytest.raises(ModelRefused, match="is the card of"):
        registry.card(CHURN, version)
    assert [card.version for card in registry.versions(CHURN)] == [other]
    assert list(registry.damaged(CHURN)) == [version]


def test_a_card_is_limited(registry: ModelRegistry) -> None:
    version = add(registry, 0)
    path = registry.folder_of(CHURN, version) / "card.json"
    read = json.loads(path.read_text())
    for wrong in (
        {"columns": [f"c{n}" for n in range(5000)]},
        {"columns": ["a", "a"]},
        {"objective": "multi:softprob"},
        {"rows": -1},
        {"base": {"kind": "smoothed", "columns": ["nowhere"]}},
        {"version": "../../../etc"},
        {"unheard": 1},
    ):
        path.write_text(json.dumps({**read, **wrong}))
        with pytest.raises(ModelRefused):
            registry.card(CHURN, version)
    path.write_text(" " * 1_000_001)
    with pytest.raises(ModelRefused, match="at most"):
        registry.card(CHURN, version)


def test_a_version_is_found_by_its_beginning_or_end(registry: ModelRegistry) -> None:
    first, second = add(registry, 0), add(registry, 1)
    assert registry.full_version(CHURN, first[:10]) == first
    assert registry.full_version(CHURN, second[-8:]) == second
    for wrong in ("", "2026", "nothing", "../.."):
        with pytest.raises(ModelRefused):
            registry.full_version(CHURN, wrong)
    with pytest.raises(ModelRefused, match="is no version"):
        registry.card(CHURN, "../../../etc/passwd")
