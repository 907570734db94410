"""`switchboard models`: list, show, promote and go back, and what is said when refused."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from scoring.registry.card import Measured, ModelKind, Verdict, Window
from scoring.registry.registry import ModelRegistry
from switchboard.cli import app
from tests.unit.scoring.serving.random_models import TRAINED_AT, booster_of, card_of

pytestmark = pytest.mark.unit


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SWITCHBOARD_SCORING__MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "models"


def added(folder: Path, day: int, *, passed: bool = True) -> str:
    card = card_of(
        trained_at=TRAINED_AT + timedelta(days=day),
        decision=Verdict(promoted=passed, because=("AUC +0.0150 (+0.0020 to +0.0280)",)),
        metrics={"AUC": Measured(value=0.8123, low=0.8001, high=0.8234)},
        baselines={"Pareto/NBD": {"AUC": Measured(value=0.7973)}},
        slices={"vip": {"AUC": Measured(value=0.79)}},
        importance={"recency": 0.6, "spend": 0.4},
        window=Window(since=TRAINED_AT - timedelta(days=400), until=TRAINED_AT),
        contacts=1234,
    )
    return ModelRegistry(folder).add(card, booster_of(day, trees=3))


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["models", *words])


def test_no_models_yet_is_said(folder: Path) -> None:
    result = run()
    assert result.exit_code == 0
    assert "switchboard train" in result.output
    assert json.loads(run("--json").stdout) == {"models": [], "damaged": []}


def test_promoted_listed_shown_and_rolled_back(folder: Path) -> None:
    first, second = added(folder, 0), added(folder, 1)
    for version in (first[:8] and first, second[-8:]):
        result = run("promote", "churn", version)
        assert result.exit_code == 0, result.output
        assert "the way back: switchboard models rollback churn" in result.output
    listed = json.loads(run("--json").stdout)["models"]
    assert [(each["version"], each["mark"]) for each in listed] == [
        (first, "previous"),
        (second, "current"),
    ]
    table = run().output
    assert "AUC 0.8123" in table
    assert f"* │ churn     │ {second}" in table or second in table
    card = run("show", "churn", first[-8:]).output
    for words in ("0.8123 (0.8001 to 0.8234)", "Pareto/NBD", "1234 contacts", "recency 60%"):
        assert words in card
    assert run("rollback", "churn", "--because", "false alarms").exit_code == 0
    current = ModelRegistry(folder).current(ModelKind.CHURN)
    assert current is not None
    assert current.version == first
    told = json.loads(run("show", "churn", first, "--json").stdout)
    assert told["history"][-1]["because"] == "false alarms"
    again = run("rollback", "churn")
    assert (again.exit_code, "no earlier churn model" in again.output) == (1, True)


def test_each_rollback_says_of_what_and_names_the_other() -> None:
    helped = CliRunner().invoke(app, ["rollback", "--help"]).output
    assert "of the rulebook" in helped
    assert "switchboard models rollback KIND" in helped
    helped = CliRunner().invoke(app, ["promote", "--help"]).output
    assert "switchboard models rollback KIND" in helped


def test_against_the_gates_word_only_by_force_and_with_a_reason(folder: Path) -> None:
    version = added(folder, 0, passed=False)
    refused = run("promote", "churn", version)
    assert refused.exit_code == 1
    assert "did not pass its gate: AUC +0.0150 (+0.0020 to +0.0280)" in refused.output
    assert run("promote", "churn", version, "--force").exit_code == 2
    done = run("promote", "churn", version, "--force", "--because", "a trial of ours")
    assert done.exit_code == 0
    assert "against its gate's word" in run("show", "churn", version).output
    assert "a trial of ours" in run("show", "churn", version).output


def test_what_is_damaged_or_unheard_of_is_said_in_one_sentence(folder: Path) -> None:
    version = added(folder, 0)
    assert run("promote", "value", version).exit_code == 2
    assert run("promote", "churn", "ffff").exit_code == 1
    (folder / "churn" / version / "model.ubj").write_bytes(b"broken")
    broken = run("promote", "churn", version)
    assert (broken.exit_code, "changed or cut off" in broken.output) == (1, True)
    (folder / "churn" / version / "card.json").write_text("{")
    listed = run()
    assert listed.exit_code == 1
    assert "card.json" in listed.output
    assert "Traceback" not in listed.output


def test_the_page_of_a_card_shows_figures_in_two_languages(folder: Path) -> None:
    version = added(folder, 0)
    page = (folder / "churn" / version / "card.html").read_text(encoding="utf-8")
    for words in (
        "0.8123 (0.8001 to 0.8234)",
        "Pareto/NBD",
        "recency",
        "不得用于",
        "Not to refuse",
    ):
        assert words in page
    assert "<script" not in page
    assert "http" not in page
