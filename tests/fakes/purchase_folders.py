"""Folders of Parquet files of purchases, as a shop would export them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

FIRST_DAY = date(2025, 1, 1)
CUT = date(2026, 1, 1)


def purchases_frame(count: int, *, seed: int, contacts: int = 200) -> pl.DataFrame:
    dice = np.random.default_rng(seed)
    numbers, people = dice.integers(0, 364, count), dice.integers(0, contacts, count)
    days = pl.Series(numbers).cast(pl.Int32) + _since_epoch(FIRST_DAY)
    return pl.DataFrame(
        {
            "customer_id": [f"C{who:04d}" for who in people],
            "date": days.cast(pl.Date),
            "amount": np.round(dice.normal(20, 15, count), 2),
            "product": [f"P{number}" for number in dice.integers(0, 30, count)],
            # The same on a day: which line of a day is the first is nobody's promise.
            "quantity": 1 + (numbers + people) % 4,
        }
    )


def write_folder(folder: Path, *, files: int = 3, rows: int = 2_000) -> pl.DataFrame:
    """All that is in it."""
    folder.mkdir(parents=True, exist_ok=True)
    frames = [purchases_frame(rows, seed=number) for number in range(files)]
    for number, frame in enumerate(frames):
        frame.write_parquet(folder / f"month-{number:02d}.parquet")
    return pl.concat(frames)


def _since_epoch(day: date) -> int:
    return (day - date(1970, 1, 1)).days
