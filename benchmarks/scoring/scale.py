"""More purchases than fit in memory: `python -m benchmarks.scoring.scale [--purchases 50000000]`.

Writes purchases (the same ones each time), computes every contact's row by `switchboard features`
and scores the rows by `switchboard score --rows`, each as a program of its own whose memory (its
own and its children's) is watched. Files lie under --folder and are removed afterwards.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import psutil

from benchmarks.scoring.goals import Row, made
from scoring.features.schema import NAMES, SCHEMA
from scoring.models.boosting import LOGISTIC, Boosting, train
from scoring.models.metrics import Interval
from scoring.registry.card import ModelCard, ModelKind
from scoring.registry.registry import ModelRegistry

FIRST_DAY, DAYS = date(2024, 1, 1), 731
FILE_ROWS = 1_000_000
PRODUCTS, CATEGORIES = 2_000, 24
SEED = 20_261_128
PURCHASES, CONTACTS, PARTS = 50_000_000, 1_000_000, 64
FEATURES = f"`switchboard features`, {PURCHASES:,} purchases"
#: Of the features, however many purchases there are.
PEAK_MB = 2_000.0


def write_purchases(folder: Path, count: int, contacts: int) -> None:
    """As a shop exports them: a file of FILE_ROWS after the other in time, all contacts in each."""
    folder.mkdir(parents=True)
    files = -(-count // FILE_ROWS)
    for number in range(files):
        rows = min(FILE_ROWS, count - number * FILE_ROWS)
        dice = np.random.default_rng([SEED, number])
        # A tenth of the contacts make a third of the purchases.
        who = (contacts * dice.random(rows) ** 2).astype(np.int64)
        days = np.sort(dice.integers(DAYS * number // files, DAYS * (number + 1) // files, rows))
        amount = np.round(dice.lognormal(3.0, 0.8, rows), 2)
        amount[dice.random(rows) < 0.03] *= -1
        goods = (PRODUCTS * dice.random(rows) ** 3).astype(np.int64)
        frame = pl.DataFrame(
            {
                "customer_id": pl.Series(who).cast(pl.String).str.zfill(8),
                "date": pl.Series(days).cast(pl.Int32) + (FIRST_DAY - date(1970, 1, 1)).days,
                "amount": amount,
                "product": pl.Series(goods).cast(pl.String),
                "quantity": dice.integers(1, 6, rows),
                "category": pl.Series(goods % CATEGORIES).cast(pl.String),
            }
        ).with_columns(pl.col("date").cast(pl.Date))
        frame.write_parquet(folder / f"purchases-{number:04d}.parquet", row_group_size=250_000)


def watched(command: Sequence[str]) -> tuple[str, float, float]:
    """What it said, seconds, and the most MB that it and its children held at once."""
    began, peak = time.perf_counter(), 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        family = psutil.Process(process.pid)
        while process.poll() is None:
            held = 0
            try:
                for each in (family, *family.children(recursive=True)):
                    held += each.memory_info().rss
            except psutil.NoSuchProcess:
                pass
            peak = max(peak, held)
            time.sleep(0.05)
        said = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit {process.returncode}")
    return said.strip(), time.perf_counter() - began, peak / 2**20


def write_model(folder: Path) -> Path:
    """100 trees of depth 4 on all columns of a contact; the folder of its version."""
    dice = np.random.default_rng(SEED)
    rows = np.abs(dice.normal(size=(20_000, len(NAMES)))).astype(np.float32) * 50
    truth = (dice.random(20_000) < 1 / (1 + np.exp(rows[:, 1] / 50 - 1))).astype(np.float64)
    trees = train(Boosting(trees=100, depth=4), rows, truth, names=NAMES)
    card = ModelCard(
        kind=ModelKind.CHURN,
        contact_schema=SCHEMA,
        columns=NAMES,
        objective=LOGISTIC,
        trained_at=datetime.now(UTC),
    )
    registry = ModelRegistry(folder)
    return registry.folder_of(card.kind, registry.add(card, trees.booster))


@dataclass(frozen=True, slots=True)
class Step:
    """What a program did, what it said, and the most MB that it held."""

    what: str
    said: str
    seconds: float
    peak_mb: float


def scale(data: Path) -> list[Row]:
    """`data` is not looked at: the purchases are generated."""
    with tempfile.TemporaryDirectory(prefix="switchboard-scale-") as work:
        steps = list(_steps(Path(work), PURCHASES, CONTACTS, PARTS))
    return [row for step in steps for row in _rows(step)]


def _rows(step: Step) -> list[Row]:
    aim = PEAK_MB if step.what == FEATURES else None
    seconds = _once(f"s: {step.what}", step.seconds, step.said)
    memory = _once(f"MB at most: {step.what}", step.peak_mb, "–", aim=aim)
    return [seconds, memory]


def _once(what: str, value: float, said: str, *, aim: float | None = None) -> Row:
    found = Interval(round(value, 1), round(value, 1), round(value, 1))
    return made("–", what, found, measured="–", aim=aim, higher=False, others=said)


def _steps(work: Path, purchases: int, contacts: int, parts: int) -> Iterator[Step]:
    write_purchases(work / "purchases", purchases, contacts)
    switchboard = [sys.executable, "-m", "switchboard"]
    cut = FIRST_DAY + timedelta(days=DAYS)
    features = [*switchboard, "features", str(work / "purchases"), "--out", str(work / "contacts"),
                "--cut", cut.isoformat(), "--parts", str(parts)]  # fmt: skip
    yield Step(FEATURES, *watched(features))
    yield Step("the same again, nothing changed", *watched(features))
    write_purchases(work / "more", 1_000, 50)
    (work / "more" / "purchases-0000.parquet").rename(work / "purchases" / "today.parquet")
    yield Step("the same again, 1,000 purchases of 50 contacts more", *watched(features))
    model = write_model(work / "models")
    score = [*switchboard, "score", "--rows", str(work / "contacts" / "rows"),
             "--model", str(model), "--out", str(work / "scores")]  # fmt: skip
    yield Step("`switchboard score --rows`, 100 trees of depth 4, one thread", *watched(score))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--purchases", type=int, default=PURCHASES)
    parser.add_argument("--contacts", type=int, default=CONTACTS)
    parser.add_argument("--parts", type=int, default=PARTS)
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="switchboard-scale-", dir=options.folder) as work:
        for step in _steps(Path(work), options.purchases, options.contacts, options.parts):
            print(json.dumps(asdict(step)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
