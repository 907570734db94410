"""A model file in which anything was changed is refused, and never hurts who loads it."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scoring.registry import trial
from scoring.registry.card import ModelKind
from scoring.registry.checked_loading import MAX_MODEL_BYTES, load_folder
from scoring.registry.refusals import ModelRefused
from scoring.registry.registry import ModelRegistry
from tests.unit.scoring.serving.random_models import booster_of, card_of, names_of, rows_of

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    registry = ModelRegistry(tmp_path_factory.mktemp("models"))
    version = registry.add(card_of(), booster_of(1, trees=10))
    return registry.folder_of(ModelKind.CHURN, version)


@pytest.fixture
def folder(kept: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(kept, tmp_path / "model"))


def rewritten(folder: Path, raw: bytes, **card: object) -> None:
    """As somebody would who wants it to be taken."""
    (folder / "model.ubj").write_bytes(raw)
    read = json.loads((folder / "card.json").read_text())
    read |= {"sha256": hashlib.sha256(raw).hexdigest(), **card}
    (folder / "card.json").write_text(json.dumps(read))


def test_a_whole_model_is_loaded_and_answers_as_it_did(folder: Path) -> None:
    card, model = load_folder(folder)
    rows = rows_of(np.random.default_rng(5), 50, 6)
    wanted = booster_of(1, trees=10).inplace_predict(rows)
    assert np.abs(model.answers(rows) - wanted).max() <= 1e-6
    assert card.columns == model.columns


@pytest.mark.long
@pytest.mark.parametrize("objective", ["binary:logistic", "count:poisson", "reg:squarederror"])
def test_the_largest_models_stand_their_trial(objective: str) -> None:
    """Seven digits are all that sums of 150 trees have."""
    columns = tuple(names_of(51))
    # Far from what its trees bring it to: every one of them has a rounding of its own.
    far = {"base_score": 500} if objective == "reg:squarederror" else {}
    for seed in range(4):
        booster = booster_of(seed, columns=51, trees=150, objective=objective, **far)
        raw = bytes(booster.save_raw(raw_format="ubj"))
        assert trial._tried(raw, columns, objective)


def test_a_trial_that_asked_for_a_millionth_would_refuse_good_models(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trial, "CLOSE", 1e-6)
    booster = booster_of(0, columns=51, trees=150, objective="reg:squarederror", base_score=500)
    raw = bytes(booster.save_raw(raw_format="ubj"))
    with pytest.raises(ModelRefused, match="do not agree"):
        trial._tried(raw, tuple(names_of(51)), "reg:squarederror")


def test_a_file_with_one_byte_changed_is_refused_500_times(folder: Path) -> None:
    random = np.random.default_rng(500)
    path = folder / "model.ubj"
    whole = path.read_bytes()
    for _ in range(500):
        changed = bytearray(whole)
        changed[random.integers(len(whole))] ^= int(random.integers(1, 256))
        path.write_bytes(changed)
        with pytest.raises(ModelRefused, match="is not the file that its card names"):
            load_folder(folder)


def test_100_times_one_byte_changed_under_a_hash_that_fits_hurts_nobody() -> None:
    """Some changes leave a whole model with another number in it: that one is served as it is. What
    kills the process of the trial is refused by who waits for it (the next tests)."""
    whole = bytes(booster_of(1, trees=3).save_raw(raw_format="ubj"))
    found = subprocess.run(
        [sys.executable, "-m", "tests.unit.scoring.registry.forked_trials", "100"],
        input=whole,
        capture_output=True,
        check=True,
        timeout=200,
    )
    counts = json.loads(found.stdout)
    assert counts.get("no number", 0) == counts.get("raised", 0) == 0
    assert counts["refused"] + counts["served"] + counts.get("killed", 0) == 100
    assert counts["refused"] > 25


def json_of(trees: int = 3) -> dict[str, object]:
    return dict(json.loads(bytes(booster_of(1, trees=trees).save_raw(raw_format="json"))))


def changed_tree(**parts: object) -> bytes:
    """Its first tree has `parts` replaced at node 0."""
    model = json_of()
    tree = model["learner"]["gradient_booster"]["model"]["trees"][0]  # type: ignore[index]
    for name, value in parts.items():
        tree[name][0] = value
    return json.dumps(model).encode()


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(changed_tree(left_children=0), id="a tree that is its own child"),
        pytest.param(changed_tree(right_children=1), id="two sides that are one"),
        pytest.param(changed_tree(left_children=100_000), id="a child that is nowhere"),
        pytest.param(changed_tree(split_indices=77), id="a column that is none"),
        pytest.param(changed_tree(split_indices=-5), id="a column below none"),
        pytest.param(b"{" * 200_000, id="nested without end"),
        pytest.param(b"\x00\xff" * 10_000, id="noise"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_a_model_made_to_hurt_is_refused_in_the_child(folder: Path, raw: bytes) -> None:
    rewritten(folder, raw)
    with pytest.raises(ModelRefused, match=r"model\.ubj: .+"):
        load_folder(folder)


def test_a_model_that_does_not_fit_its_card_is_refused(folder: Path) -> None:
    raw = (folder / "model.ubj").read_bytes()
    for card, word in (
        ({"columns": names_of(5)}, "columns"),
        ({"columns": ["other", *names_of(6)[1:]]}, "columns"),
        ({"objective": "count:poisson"}, "objective"),
    ):
        rewritten(folder, raw, **card)
        with pytest.raises(ModelRefused, match=word):
            load_folder(folder)
        rewritten(folder, raw, columns=names_of(6), objective="binary:logistic")


def test_a_model_that_would_be_late_for_a_caller_is_refused(folder: Path) -> None:
    rewritten(folder, bytes(booster_of(1, trees=151).save_raw()))
    with pytest.raises(ModelRefused, match="151 trees would be late"):
        load_folder(folder)


def test_a_file_too_large_or_absent_is_refused(folder: Path) -> None:
    path = folder / "model.ubj"
    with path.open("r+b") as file:
        file.truncate(MAX_MODEL_BYTES + 1)
    with pytest.raises(ModelRefused, match="at most"):
        load_folder(folder)
    path.unlink()
    with pytest.raises(ModelRefused, match=r"model\.ubj: No such file"):
        load_folder(folder)


def test_a_trial_that_does_not_end_is_ended(folder: Path) -> None:
    with pytest.raises(ModelRefused, match=r"took longer than 0\.01 s"):
        load_folder(folder, limit_s=0.01)


def test_a_program_in_place_of_a_model_is_not_run(folder: Path, tmp_path: Path) -> None:
    """What pickle would have run."""
    told = tmp_path / "ran"
    rewritten(folder, f"cos\nsystem\n(S'touch {told}'\ntR.".encode())
    with pytest.raises(ModelRefused):
        load_folder(folder)
    assert not told.exists()
