"""A company with a database of its own, as its supervisor trains models for it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from typer.testing import CliRunner, Result

from scoring.registry.card import ModelCard, ModelKind
from scoring.registry.registry import ModelRegistry
from switchboard import cli

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

    def trained(self, *arguments: str) -> ModelCard:
        """By `train` with these."""
        found = self.runs("train", *arguments, "--json")
        assert found.exit_code == 0, found.output
        (told,) = json.loads(found.stdout)
        return self.models.card(ModelKind(told["kind"]), told["version"])

    def runs(self, *arguments: str) -> Result:
        return CliRunner().invoke(cli.app, [*arguments, "--config", str(self._settings)])


def buyers(contacts: int, *, days: int = 300) -> list[tuple[str, date, float, str]]:
    """Every second contact buys every nine days; the others stopped after the third time, which
    neither their frequency nor their recency alone says."""
    found = []
    for number in range(contacts):
        gap = 9 + number % 5
        past = range(0, days, gap)
        stops = number % 2 == 1
        for times, back in enumerate(reversed(past)):
            if stops and times > 3 + number % 7:
                break
            day = TODAY - timedelta(days=back + 1)
            found.append((f"C{number}", day, 5.0 + number % 20, f"P{(number + times) % 15}"))
    return found
