"""A night measures drift, and `switchboard models drift` says it."""

from __future__ import annotations

import asyncio
import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from scoring.drift.findings import Finding, Level
from scoring.drift.findings_book import FindingsBook
from scoring.registry.card import ModelKind
from scoring.registry.registry import ModelRegistry
from storage.database import Database
from switchboard import cli
from tests.unit.scoring.serving.random_models import TRAINED_AT, booster_of, card_of

pytestmark = pytest.mark.integration


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/switchboard.db"


def call(url: str, *words: str) -> Result:
    environment = {
        "SWITCHBOARD_STORAGE__URL": url,
        "SWITCHBOARD_SCORING__MODELS_DIR": str(Path(url.removeprefix("sqlite:///")).parent / "m"),
        "COLUMNS": "250",
        "NO_COLOR": "1",
    }
    return CliRunner().invoke(cli.app, list(words), env=environment)


def test_nothing_was_measured_yet(url: str) -> None:
    told = call(url, "models", "drift")
    assert told.exit_code == 0
    assert "nothing was measured yet" in told.stdout


def test_a_night_of_an_empty_centre_claims_nothing(url: str) -> None:
    night = call(url, "nightly")
    assert night.exit_code == 0, night.output
    assert "drift" in night.stdout
    assert "no alarm" in night.stdout
    told = json.loads(call(url, "models", "drift", "--json").stdout)
    assert {each["level"] for each in told["findings"]} == {"unknown"}
    assert {each["measure"] for each in told["findings"]} == {
        "unknown_callers",
        "auc",
        "ece",
        "log_loss",
        "outcome_rate",
    }
    assert all(each["value"] is None or each["rows"] == 0 for each in told["findings"])


def test_a_night_removes_models_that_nobody_needs_as_the_command_does(url: str) -> None:
    registry = ModelRegistry(Path(url.removeprefix("sqlite:///")).parent / "m")
    booster = booster_of(1, trees=2)
    days = [TRAINED_AT + timedelta(days=day) for day in range(7)]
    versions = [registry.add(card_of(trained_at=day), booster) for day in days]
    would = call(url, "models", "prune", "--dry-run")
    assert would.exit_code == 0, would.output
    assert f"churn {versions[1]} would be removed" in would.stdout
    night = call(url, "nightly")
    assert night.exit_code == 0, night.output
    assert f"removed churn {versions[0]}; churn {versions[1]}" in " ".join(night.stdout.split())
    assert [card.version for card in registry.versions(ModelKind.CHURN)] == versions[2:]
    again = call(url, "models", "prune")
    assert (again.exit_code, "no model is to be removed" in again.stdout) == (0, True)
    registry.add(card_of(trained_at=days[-1] + timedelta(days=1)), booster)
    assert f"churn {versions[2]} was removed" in call(url, "models", "prune").stdout
    (registry.folder / "churn" / "current.json").write_text("{")
    refused = call(url, "models", "prune")
    assert (refused.exit_code, "is damaged" in refused.output) == (1, True)


def test_what_asks_for_training_is_said_and_is_exit_1(url: str) -> None:
    assert call(url, "nightly").exit_code == 0
    said = "the score of offers ranks worse than at training: AUC .71 -> .58: retrain"

    async def keep() -> None:
        found = Finding("offers", "auc", "", Level.RETRAIN, 0.58, 0.71, 900, said)
        steady = Finding("offers", "ece", "", Level.STEADY, 0.01, math.nan, 900, "as it was")
        async with Database(url) as database:
            await FindingsBook(database).keep(datetime.now(UTC), [steady, found])

    asyncio.run(keep())
    told = call(url, "models", "drift")
    assert told.exit_code == 1
    assert said in told.stdout
    assert "as it was" not in told.stdout
    assert "as it was" in call(url, "models", "drift", "--all").stdout
