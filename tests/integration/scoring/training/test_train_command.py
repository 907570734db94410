"""`switchboard train` on a real database: what it keeps, promotes, prints, and how it exits."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from scoring.registry.card import ModelKind
from storage import migrate
from storage.database import Database
from tests.integration.scoring.training.company import Company, buyers

pytestmark = pytest.mark.integration


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return Company(tmp_path, "manual")


def test_too_little_is_said_and_nothing_is_kept(company: Company) -> None:
    company.bought(buyers(6))
    found = company.runs("train", "--only", "churn", "--horizon", "20")
    assert found.exit_code == 1
    assert "churn: not trained" in found.output
    assert "at least 50 contacts are needed" in " ".join(found.output.split())
    assert company.models.kinds() == ()


def test_an_empty_database_is_said_for_each_kind(company: Company) -> None:
    asyncio.run(_made(company.url))
    found = company.runs("train", "--json")
    assert found.exit_code == 1
    told = json.loads(found.stdout)
    assert [each["kind"] for each in told] == list(ModelKind)
    assert all(each["version"] is None and each["because"] for each in told)


def test_a_model_is_kept_and_promoted_as_the_settings_say(tmp_path: Path) -> None:
    company = Company(tmp_path, "auto")
    company.bought(buyers(120))
    found = company.runs("train", "--only", "churn", "--horizon", "20", "--json")
    assert found.exit_code == 0, found.output
    (told,) = json.loads(found.stdout)
    card = company.models.card(ModelKind.CHURN, told["version"])
    assert card.metrics["log_loss"].value < 1
    assert card.rows
    current = company.models.current(ModelKind.CHURN)
    assert told["promoted"] == told["gate"] == (current is not None)
    again = company.runs("train", "--only", "churn", "--horizon", "20", "--json")
    (second,) = json.loads(again.stdout)
    whole = company.models.card(ModelKind.CHURN, second["version"])
    assert whole.sha256 == card.sha256
    if current is not None:
        assert not second["promoted"]
        assert "nothing came since" in " ".join(second["because"])


def test_wrong_usage_is_exit_2(company: Company) -> None:
    assert company.runs("train", "--only", "luck").exit_code == 2
    assert company.runs("train", "--horizon", "0").exit_code == 2


async def _made(url: str) -> None:
    async with Database(url) as database:
        await migrate.upgrade(database)
