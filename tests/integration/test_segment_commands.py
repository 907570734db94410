"""`switchboard segments` as people use it: figures, a page, and what it says of nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from calls.bus import EventBus
from calls.caller import ContactRef
from calls.ports import ContactPurchases
from calls.segments import Tier
from config.settings import ScoringSettings
from crm_adapter.churn_tasks import ChurnTasks
from scoring.batch import score_all
from scoring.segmenting.churn_teller import ChurnTeller
from storage import migrate
from storage.database import Database
from switchboard import cli
from tests.fakes.rulebook_folder import ONE_MENU

pytestmark = pytest.mark.integration

FIRST = date(2026, 3, 2)
SEGMENTS = """\
segments:
  leaving: {title: {en: "May leave", zh: "可能离开"}, when: {caller.churn_warning: true}}
  nobody: {when: {caller.monetary: {gt: 5}}}
"""


class Town:
    """Implements `calls.ports.PurchaseHistories`: two who came monthly, and one who never did."""

    async def count(self) -> int:
        return 3

    async def histories(self) -> AsyncIterator[ContactPurchases]:
        noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
        monthly = tuple((noon - timedelta(days=days), 20.0) for days in range(400, 20, -30))
        yield ContactPurchases(ContactRef("embedded", "anna"), monthly)
        back = (noon + timedelta(days=35), 30.0)
        yield ContactPurchases(ContactRef("embedded", "berta"), (*monthly, back))
        yield ContactPurchases(ContactRef("embedded", "carl"), ())


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database as `switchboard run` leaves it."""
    url = f"sqlite:///{tmp_path}/switchboard.db"

    async def work() -> None:
        async with Database(url) as database:
            await migrate.upgrade(database)

    asyncio.run(work())
    return url


def score(url: str, *nights: int) -> None:
    async def work() -> None:
        async with Database(url) as database:
            for later in nights:
                await score_all(
                    database=database,
                    histories=Town(),
                    settings=ScoringSettings(),
                    today=FIRST + timedelta(days=later),
                )

    asyncio.run(work())


def call(url: str, folder: Path, *words: str) -> Result:
    rulebook = folder / "rulebook"
    rulebook.mkdir(exist_ok=True)
    (rulebook / "all.yaml").write_text(ONE_MENU + SEGMENTS, encoding="utf-8")
    environment = {
        "SWITCHBOARD_STORAGE__URL": url,
        "SWITCHBOARD_RULEBOOK__PATH": str(rulebook),
        "SWITCHBOARD_RULEBOOK__STATE_DIR": str(folder / "state"),
        "COLUMNS": "200",
        "NO_COLOR": "1",
    }
    return CliRunner().invoke(cli.app, ["segments", *words], env=environment)


def test_before_anything_was_scored(url: str, tmp_path: Path) -> None:
    done = call(url, tmp_path)
    assert done.exit_code == 1
    assert "run: switchboard score" in done.output


def test_figures_for_programs(url: str, tmp_path: Path) -> None:
    score(url, 0, 40)
    done = call(url, tmp_path, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    assert told["contacts"] == 3
    assert told["value_by"] == "spend"
    assert told["sizes"]["own"] == {"leaving": 1, "nobody": 0}
    assert told["sizes"]["lifecycle"] == {"at_risk": 1, "loyal": 1, "prospect": 1}
    assert told["movements"]["lifecycle"] == [["loyal", "at_risk", 1]]
    assert told["churn_warnings"]["count"] == told["churn_warnings"]["new"] == 1
    assert told["churn_warnings"]["newest"][0]["contact"] == "embedded:anna"
    assert told["churn_warnings"]["newest"][0]["task_at"] is None


def test_whose_owner_has_a_task(url: str, tmp_path: Path) -> None:
    score(url, 0, 40)

    async def work() -> None:
        async with Database(url) as database:
            tasks = ChurnTasks(tiers=[tier.value for tier in Tier], days=90, a_night=50)
            await ChurnTeller(database=database, bus=EventBus(), owing=tasks).tell()

    asyncio.run(work())
    shown = call(url, tmp_path)
    assert "embedded:anna: was loyal, now at risk" in shown.output
    assert "(task for the owner, " in shown.output
    assert "1 of the last run\n" in shown.output


def test_a_table_for_people(url: str, tmp_path: Path) -> None:
    score(url, 0)
    first = call(url, tmp_path)
    assert "movements are known from the second run on" in first.output
    score(url, 40)
    second = call(url, tmp_path)
    assert second.exit_code == 0
    assert "the top 20 % of buyers hold" in second.output
    assert "1 churn warnings stand, 1 of the last run, 1 wait for a task\n" in second.output
    score(url, 41)
    assert "0 of the last run" in call(url, tmp_path).output


def test_a_page_in_mandarin(url: str, tmp_path: Path) -> None:
    score(url, 0, 40)
    page = tmp_path / "segments.html"
    done = call(url, tmp_path, "--page", str(page), "--language", "zh")
    assert done.exit_code == 0, done.output
    text = page.read_text(encoding="utf-8")
    assert "可能离开" in text
    assert "有流失风险" in text
    assert text.count("<svg") >= 6
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []


def test_a_page_where_none_can_be(url: str, tmp_path: Path) -> None:
    score(url, 0)
    done = call(url, tmp_path, "--page", str(tmp_path / "none" / "segments.html"))
    assert done.exit_code == 1
    assert "No such file or directory" in done.output
    assert call(url, tmp_path, "--language", "fr").exit_code == 2
