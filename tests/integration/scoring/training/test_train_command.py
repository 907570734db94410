"""`switchboard train` on a real database: what it keeps, promotes, prints, and how it exits."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from scoring.registry.card import ModelKind
from scoring.registry.registry import ModelRegistry
from storage import migrate
from storage.database import Database
from switchboard import cli

pytestmark = pytest.mark.integration

TODAY = datetime.now(UTC).date()


class Company:
    """Settings, a database, and the command line."""

    def __init__(self, folder: Path, promote: str) -> None:
        self.folder = folder
        self.url = f"sqlite:///{folder / 'company.db'}"
        self.models = ModelRegistry(folder / "models")
        self._settings = folder / "switchboard.yaml"
        self._settings.write_text(
            f"storage: {{url: '{self.url}'}}\n"
            f"scoring: {{models_dir: '{folder / 'models'}', promote: {promote}}}\n"
        )

    def bought(self, rows: list[tuple[str, date, float, str]]) -> None:
        """Imports contacts and purchases as a company would."""
        people = sorted({who for who, *_ in rows})
        contacts = self.folder / "contacts.csv"
        contacts.write_text(
            "id,phone,first_name,last_name\n"
            + "".join(f"{who},+1202555{n:04},A,B{n}\n" for n, who in enumerate(people))
        )
        products = self.folder / "products.csv"
        names = sorted({name for *_, name in rows})
        products.write_text("code,name\n" + "".join(f"{name},{name}\n" for name in names))
        purchases = self.folder / "purchases.csv"
        purchases.write_text(
            "id,contact_id,at,amount,product\n"
            + "".join(
                f"B{number},{who},{day}T09:00:00Z,{amount},{name}\n"
                for number, (who, day, amount, name) in enumerate(rows)
            )
        )
        found = self.runs("import", *map(str, (contacts, products, purchases)))
        assert found.exit_code == 0, found.output

    def runs(self, *arguments: str) -> Result:
        return CliRunner().invoke(cli.app, [*arguments, "--config", str(self._settings)])


def rows(contacts: int) -> list[tuple[str, date, float, str]]:
    """Every second contact buys every nine days; the others stopped after the third time, which
    neither their frequency nor their recency alone says."""
    found = []
    for number in range(contacts):
        gap = 9 + number % 5
        days = range(0, 300, gap)
        stops = number % 2 == 1
        for times, back in enumerate(reversed(days)):
            if stops and times > 3 + number % 7:
                break
            day = TODAY - timedelta(days=back + 1)
            found.append((f"C{number}", day, 5.0 + number % 20, f"P{(number + times) % 15}"))
    return found


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return Company(tmp_path, "manual")


def test_too_little_is_said_and_nothing_is_kept(company: Company) -> None:
    company.bought(rows(6))
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
    company.bought(rows(120))
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


def test_a_cluster_trains_what_is_kept(company: Company) -> None:
    company.bought(rows(120))
    only = ("train", "--only", "churn", "--horizon", "20", "--json")
    cards = []
    for engine in ((), ("--engine", "dask://local?workers=2")):
        found = company.runs(*only, *engine)
        assert found.exit_code == 0, found.output
        (told,) = json.loads(found.stdout)
        cards.append(company.models.card(ModelKind.CHURN, told["version"]))
    here, there = cards
    assert there.sha256 != here.sha256, "trained here"
    assert there.columns == here.columns
    assert there.rows == here.rows
    # Some hundred rows, dealt out to two: alike, not the same.
    assert abs(there.metrics["log_loss"].value - here.metrics["log_loss"].value) < 0.02
