"""G4 and G5: CDNOW. G6 and G7: Online Retail."""

from __future__ import annotations

import csv
import gzip
import tempfile
from datetime import date
from pathlib import Path

from benchmarks.scoring.goals import Row, figure_of, row_of
from scoring.evaluation.figures import Evaluation
from scoring.evaluation.purchases import evaluate_purchases

_BUYS = "buys within the horizon"
_COUNT = "number of purchases within the horizon"
_EXPECTED, _MEDIAN = "MAE of the expected count", "MAE of the median count"
#: The columns of the two files (the sample has a number of its own before them).
_CDNOW = ("customer_id", "date", "quantity", "amount")


def cdnow_sample(data: Path) -> list[Row]:
    found = _cdnow(data / "CDNOW_sample.txt.gz")
    what = "2,357 customers, 39 weeks after 39"
    return [
        _row("G4", f"MAE of the expected count, {what}", found, _EXPECTED, ".757", 0.75),
        _row("G4", "MAE of the median count, another forecast", found, _MEDIAN, "–", 0.75),
        _row("G4", "RMSE", found, "RMSE", "1.599", 1.595),
        _row("G4", "correlation", found, "correlation", ".631", 0.635),
        _row("G4", "AUC", found, "AUC", ".781", 0.785),
    ]


def cdnow(data: Path) -> list[Row]:
    found = _cdnow(data / "CDNOW_master.txt.gz")
    return [
        _row("G5", "RMSE, 23,570 customers", found, "RMSE", "1.686", 1.68),
        _row("G5", "correlation", found, "correlation", ".690", 0.695),
        _row("G5", "AUC", found, "AUC", ".7715", 0.775),
    ]


def online_retail(data: Path) -> list[Row]:
    path = data / "online_retail.parquet"
    month = evaluate_purchases(path, cut=date(2011, 11, 9), horizon_days=30)
    quarter = evaluate_purchases(path, cut=date(2011, 9, 10), horizon_days=90)
    basket = figure_of(month, "next basket", "recall@10")
    return [
        _row("G6", "AUC, 30 days after 2011-11-09", month, "AUC", ".745", 0.755),
        _row("G6", "ECE, 30 days", month, "ECE", ".040", 0.03),
        _row("G6", "AUC, 90 days after 2011-09-10", quarter, "AUC", ".744", 0.75),
        _row("G6", "ECE, 90 days", quarter, "ECE", ".059", 0.03),
        row_of(
            "G7",
            "recall@10 of the next basket within 30 days, as a share of the whole basket",
            basket,
            measured=".158 (another protocol)",
            aim=0.165,
        ),
    ]


def _row(
    goal: str, what: str, found: Evaluation, name: str, measured: str, aim: float | None
) -> Row:
    section = _BUYS if name in ("AUC", "ECE", "log loss") else _COUNT
    return row_of(goal, what, figure_of(found, section, name), measured=measured, aim=aim)


def _cdnow(path: Path) -> Evaluation:
    """The files have no header, and blanks between the columns."""
    with tempfile.TemporaryDirectory(prefix="swb-cdnow-") as name:
        table = Path(name) / "cdnow.csv"
        with gzip.open(path, "rt") as lines, table.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(_CDNOW)
            for line in lines:
                fields = line.split()[-4:]
                if fields[0].isdigit():
                    writer.writerow(fields)
        return evaluate_purchases(table, cut=date(1997, 9, 30), horizon_days=273)
