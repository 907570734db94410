"""`switchboard train` on a real database: what it keeps, promotes, prints, and how it exits."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from scoring.registry.card import ModelKind
from storage import migrate
from storage.database import Database
from tests.integration.scoring.training.company import Company, buyers
from tests.integration.scoring.training.ringing import churn_shown

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


@pytest.fixture(scope="module")
def buying(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """Of a hundred buyers, of whom every second one stopped; with a model of churn."""
    company = Company(tmp_path_factory.mktemp("company"), "auto")
    company.bought(buyers(120))
    return company


@pytest.fixture(scope="module")
def trained(buying: Company) -> dict[str, Any]:
    """What the first training told."""
    found = buying.runs("train", "--only", "churn", "--horizon", "20", "--json")
    assert found.exit_code == 0, found.output
    (told,) = json.loads(found.stdout)
    return told  # type: ignore[no-any-return]


def test_a_model_is_kept_and_promoted_as_the_settings_say(
    buying: Company, trained: dict[str, Any]
) -> None:
    card = buying.models.card(ModelKind.CHURN, trained["version"])
    assert card.metrics["log_loss"].value < 1
    assert card.rows
    current = buying.models.current(ModelKind.CHURN)
    assert trained["promoted"] == trained["gate"] == (current is not None)
    again = buying.runs("train", "--only", "churn", "--horizon", "20", "--json")
    (second,) = json.loads(again.stdout)
    whole = buying.models.card(ModelKind.CHURN, second["version"])
    assert whole.sha256 == card.sha256
    if current is not None:
        assert not second["promoted"]
        assert "nothing came since" in " ".join(second["because"])


@pytest.mark.long
def test_who_stopped_buying_is_shown_as_such_when_they_call(
    buying: Company, trained: dict[str, Any]
) -> None:
    """From the purchases by way of a model that was trained on them to the agent's screen."""
    buying.models.promote(ModelKind.CHURN, trained["version"])
    scored = buying.runs("score")
    assert scored.exit_code == 0, scored.output
    stays, stopped = asyncio.run(churn_shown(buying, "C0", "C1"))
    assert stays is not None
    assert stopped is not None
    assert stays.risk < 0.2 < 0.8 < stopped.risk
    assert (stays.level, stays.horizon_days) == ("low", 20)
    assert stopped.level != "low"
    assert re.fullmatch(
        r"last order \d+ days ago, usual gap \d+ \(raises the risk\)", stopped.reasons[0]
    )
    assert stays.reasons[0].endswith("(lowers the risk)")
    assert re.fullmatch(r"上次购买在\d+天前，通常间隔\d+天（风险升高）", stopped.reasons_zh[0])


def test_wrong_usage_is_exit_2(company: Company) -> None:
    assert company.runs("train", "--only", "luck").exit_code == 2
    assert company.runs("train", "--horizon", "0").exit_code == 2


async def _made(url: str) -> None:
    async with Database(url) as database:
        await migrate.upgrade(database)
