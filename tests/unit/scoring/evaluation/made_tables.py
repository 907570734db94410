"""Small tables of made people, and a run of the command on them."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from typer.testing import CliRunner, Result

from switchboard.cli import app

#: As most files have it: no zone.
BEGIN = datetime(2024, 1, 1, 9, 0)  # noqa: DTZ001


def purchases(customers: int = 90, *, days: int = 300, seed: int = 1) -> pl.DataFrame:
    """Everybody buys at a pace of their own; a third stops for good."""
    random = np.random.default_rng(seed)
    rows = []
    for customer in range(customers):
        pace, stops = random.uniform(5, 60), random.random() < 0.33
        day, last = random.uniform(0, 60), random.uniform(60, 200) if stops else days
        while day < last:
            at = BEGIN + timedelta(days=day)
            amount = round(float(random.lognormal(3, 0.5)), 2)
            product = f"P{(customer + int(random.integers(0, 4))) % 25}"
            rows.append((f"C{customer}", at, amount, product, int(random.integers(1, 5))))
            day += random.exponential(pace) + 0.5
    names = ("customer_id", "date", "amount", "product", "quantity")
    return pl.DataFrame(rows, schema=list(names), orient="row")


def calls(number: int = 900, *, seed: int = 2) -> pl.DataFrame:
    """Known callers have a favourite; a fifth hide their number."""
    random = np.random.default_rng(seed)
    people = random.integers(0, 80, number)
    choices = np.array(["billing", "orders", "support", "sales"])
    favourite = choices[people % 4]
    choice = np.where(random.random(number) < 0.8, favourite, random.choice(choices, number))
    at = [BEGIN + timedelta(hours=0.7 * step) for step in range(number)]
    hidden = random.random(number) < 0.2
    return pl.DataFrame(
        {
            "customer_id": np.where(hidden, "", [f"K{person}" for person in people]),
            "start": at,
            "choice": choice,
        }
    )


def outcomes(rows: int = 1_200, *, seed: int = 3) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    age, job = random.integers(18, 80, rows), random.choice(["a", "b", "c"], rows)
    chance = 1 / (1 + np.exp(-(0.06 * (age - 50) + (job == "a") - 1)))
    return pl.DataFrame(
        {
            "at": [BEGIN + timedelta(minutes=20 * step) for step in range(rows)],
            "age": age,
            "job": job,
            "duration": random.integers(0, 500, rows),
            "y": np.where(random.random(rows) < chance, "yes", "no"),
        }
    )


def offers(rows: int = 3_000, *, seed: int = 4) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    chances = np.array([0.6, 0.4])
    arm, young = random.choice(2, rows, p=chances), random.random(rows) < 0.5
    liked = np.where(young, arm == 0, arm == 1)
    return pl.DataFrame(
        {
            "young": young.astype(int),
            "arm": np.where(arm == 0, "trial", "discount"),
            "probability": chances[arm],
            "outcome": (random.random(rows) < np.where(liked, 0.4, 0.1)).astype(int),
        }
    )


def written(frame: pl.DataFrame, path: Path) -> Path:
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    else:
        frame.write_csv(path)
    return path


def evaluate(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


def evaluated(*arguments: str | Path) -> dict[str, Any]:
    done = evaluate(*arguments, "--json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def figure(found: dict[str, Any], section: str, name: str) -> dict[str, Any]:
    figures = next(each for each in found["sections"] if each["title"] == section)["figures"]
    one: dict[str, Any] = next(each for each in figures if each["name"] == name)
    return one
