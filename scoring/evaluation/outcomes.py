"""Past contacts with an outcome: whom would we have called first?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scoring.evaluation.figures import (
    MODEL,
    Evaluation,
    Figure,
    Progress,
    Section,
    compared,
    silent,
)
from scoring.evaluation.outside_files import BadTable, OutsideTable, open_table
from scoring.evaluation.outside_values import as_names, as_numbers, as_times
from scoring.models import metrics, rolling
from scoring.models.metrics import Metric, Resampling, SortedByScore

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]

HOLDOUT = 0.25
#: Trainings over the holdout where nothing else is said.
RETRAININGS = 40
LEAST_ROWS = 200
#: A value of a column gets a number of its own when it stands in so many rows.
LEAST_OF_VALUE = 20
MAX_VALUES = 30
#: Known only when the call is over, whoever wrote the file.
AFTER_THE_CALL = frozenset({"duration", "callduration", "talktime", "talkseconds"})
#: A column alone that ranks better than this was probably written after the outcome.
TOO_GOOD = 0.98
_GOOD_WORDS = ("yes", "y", "true", "t", "1", "success", "won", "accepted", "bought", "converted")


@dataclass(frozen=True, slots=True)
class OutcomeTable:
    """In the order of time. `known[i]`: how many rows had come before row i."""

    rows: Matrix
    truth: Floats
    known: NDArray[np.int64]
    facts: Mapping[str, object]
    notes: tuple[str, ...]


def evaluate_outcomes(
    path: Path,
    target: str,
    *,
    time: str | None = None,
    drop: Sequence[str] = (),
    good: str | None = None,
    retrain_every: int | None = None,
    holdout: float = HOLDOUT,
    date_format: str | None = None,
    progress: Progress = silent,
) -> Evaluation:
    """Raises BadTable."""
    progress("reading", 0, 1)
    start_of = partial(_start, holdout=holdout)
    table = read_outcomes(
        path, target, time=time, drop=drop, good=good, date_format=date_format, start_of=start_of
    )
    start = start_of(len(table.truth))
    ahead = len(table.truth) - start
    every = retrain_every or max(1, -(-ahead // RETRAININGS))
    lags = rolling.lagged_rates(table.truth, table.known)
    whole = np.column_stack((table.rows, lags))
    told = partial(progress, "retraining")
    answers = {
        MODEL: rolling.rolled(whole, table.truth, start, every, told=told),
        "trained once, with live outcome rates": rolling.frozen(whole, table.truth, start),
        "trained once": rolling.frozen(table.rows, table.truth, start),
        "logistic regression, trained once": rolling.frozen_line(table.rows, table.truth, start),
        "share of the last 500": lags[start:, rolling.LAGS.index(500)].astype(np.float64),
    }
    truth = table.truth[start:]
    facts = {**table.facts, "holdout_rows": ahead, "retrained_every": every}
    return Evaluation("outcomes", str(path), facts, (_section(truth, answers),), table.notes)


def read_outcomes(
    path: Path,
    target: str,
    *,
    time: str | None,
    drop: Sequence[str],
    good: str | None,
    date_format: str | None,
    start_of: Callable[[int], int],
) -> OutcomeTable:
    """Columns are encoded by what stands in the rows before `start_of(rows)`. Raises BadTable."""
    table = open_table(path)
    target = table.column(target)
    time = table.column(time) if time else None
    dropped = {table.column(name) for name in drop}
    raw = table.read(table.names)
    names = as_names(raw[target])
    raw = raw.filter(names.is_not_null())
    notes = []
    if len(names) > len(raw):
        notes.append(f"{len(names) - len(raw):,} rows without {target} were left out")
    if len(raw) < LEAST_ROWS:
        raise BadTable(f"{path}: {len(raw)} rows with an outcome; {LEAST_ROWS} are the least")
    times = None
    if time is not None:
        raw, times = _in_order(raw, time, date_format, table, notes)
    else:
        notes.append("no --time: the rows are taken to stand in the order they happened")
    truth, word = _truth(as_names(raw[target]), target, good, table)
    start = start_of(len(truth))
    if not 0 < truth[:start].sum() < start or not 0 < truth[start:].sum() < len(truth) - start:
        raise BadTable(f"{path}: {target} has one value only before or after row {start}")
    after = {name for name in table.names if _letters(name) in AFTER_THE_CALL} - dropped
    for name in sorted(after):
        notes.append(f"{name} is known only after the call: left out")
    used = [name for name in table.names if name not in {target, *dropped, *after}]
    rows, columns = encoded(raw, [name for name in used if name != time], start)
    if times is not None:
        clock = pl.DataFrame({"hour": times.dt.hour(), "weekday": times.dt.weekday()})
        rows = np.column_stack((rows, clock.to_numpy().astype(np.float32)))
        columns = (*columns, "hour", "weekday")
    if not columns:
        raise BadTable(f"{path}: no column is left to learn from")
    notes += _suspicions(rows[:start], columns, truth[:start])
    known = np.arange(len(truth))
    if times is not None:
        # Rows of the same moment do not know of each other.
        numbers = times.dt.epoch("us").to_numpy()
        known = np.searchsorted(numbers, numbers, side="left")
    facts = {
        "rows": len(raw),
        "good_outcome": f"{target} = {word}",
        "share_good": round(float(truth.mean()), 4),
        "columns": len(columns),
    }
    return OutcomeTable(rows, truth, known.astype(np.int64), facts, tuple(notes))


def _start(rows: int, holdout: float) -> int:
    return rows - max(1, int(rows * holdout))


def _in_order(
    raw: pl.DataFrame, time: str, date_format: str | None, table: OutsideTable, notes: list[str]
) -> tuple[pl.DataFrame, pl.Series]:
    times, read_as = as_times(raw[time], date_format)
    bad = times.null_count()
    if bad > len(raw) / 2:
        raise BadTable(
            f"{table.path}: {time} cannot be read as times; say how they are written: --date-format"
        )
    if bad:
        notes.append(f"{bad:,} rows whose {time} cannot be read were left out")
    notes.append(f"{time} was read {read_as}")
    ordered = raw.with_columns(times.alias("\0time")).filter(times.is_not_null())
    ordered = ordered.sort("\0time", maintain_order=True)
    return ordered.drop("\0time"), ordered["\0time"]


def _truth(
    names: pl.Series, target: str, good: str | None, table: OutsideTable
) -> tuple[Floats, str]:
    counted = names.value_counts(sort=True)
    values = counted[names.name].to_list()
    if good is None:
        if len(values) != 2:
            some = ", ".join(str(value) for value in values[:10])
            raise BadTable(
                f"{table.path}: {target} has {len(values)} different values ({some}), not two; "
                "say which one is good: --good VALUE"
            )
        words = [value for value in values if value.lower() in _GOOD_WORDS]
        good = words[0] if len(words) == 1 else values[-1]
    elif good not in values:
        some = ", ".join(str(value) for value in values[:10])
        raise BadTable(f"{table.path}: {target} is never {good!r}; it is: {some}")
    return (names == good).to_numpy().astype(np.float64), good


def encoded(raw: pl.DataFrame, names: Sequence[str], start: int) -> tuple[Matrix, tuple[str, ...]]:
    columns: list[NDArray[np.float32]] = []
    labels: list[str] = []
    for name in names:
        numbers = as_numbers(raw[name]) if _is_numeric(raw[name]) else None
        if numbers is not None:
            if numbers[:start].n_unique() > 1:
                columns.append(numbers.to_numpy().astype(np.float32))
                labels.append(name)
            continue
        texts = as_names(raw[name]).fill_null("")
        counted = texts[:start].value_counts(sort=True).head(MAX_VALUES)
        often = counted.filter(pl.col("count") >= min(LEAST_OF_VALUE, start // 50))
        if len(often) < 2 and len(counted) < 2:
            continue
        for value in often[name].to_list():
            columns.append((texts == value).to_numpy().astype(np.float32))
            labels.append(f"{name}={value}")
    rows = np.column_stack(columns) if columns else np.zeros((len(raw), 0), np.float32)
    return rows, tuple(labels)


def _is_numeric(values: pl.Series) -> bool:
    if values.dtype.is_numeric():
        return True
    if values.dtype != pl.String:
        return values.dtype == pl.Boolean
    texts = values.drop_nulls()
    looks = texts.str.contains(r"^\s*[$€£]?\s*[+\-(]?[\d.,]+(?:[eE][+\-]?\d+)?\)?\s*%?\s*$")
    return bool(len(texts)) and float(looks.mean() or 0) >= 0.95  # type: ignore[arg-type]


def _suspicions(rows: Matrix, columns: Sequence[str], truth: Floats) -> list[str]:
    found = []
    for number, name in enumerate(columns):
        score = np.nan_to_num(rows[:, number].astype(np.float64))
        ranked = metrics.auc(truth, score)
        if max(ranked, 1 - ranked) > TOO_GOOD:
            found.append(
                f"{name} alone tells the outcome (AUC {max(ranked, 1 - ranked):.3f}): if it is "
                f"written after the contact, leave it out: --drop {name.partition('=')[0]}"
            )
    return found


def _section(truth: Floats, answers: Mapping[str, Floats]) -> Section:
    rows = Resampling(np.arange(len(truth)))
    ordered = {name: SortedByScore(truth, answer) for name, answer in answers.items()}
    aucs: dict[str, Metric] = {name: each.auc for name, each in ordered.items()}
    gains: dict[str, Metric] = {name: partial(_gain, each) for name, each in ordered.items()}
    alifts: dict[str, Metric] = {
        name: partial(_alift, each, truth) for name, each in ordered.items()
    }
    figures = (
        compared("AUC", aucs, rows, higher_is_better=True),
        compared("ALIFT", alifts, rows, higher_is_better=True),
        compared("gain@50 %", gains, rows, higher_is_better=True),
        _loss("ECE", metrics.ece, truth, answers, rows),
        _loss("log loss", metrics.log_loss, truth, answers, rows),
    )
    return Section("good outcome", len(truth), figures)


def _gain(ordered: SortedByScore, weight: Floats) -> float:
    return ordered.gain_at(weight, 0.5)


def _alift(ordered: SortedByScore, truth: Floats, weight: Floats) -> float:
    rate = float(weight @ truth / weight.sum())
    return rate / 2 + (1 - rate) * ordered.auc(weight)


def _loss(
    name: str,
    metric: Callable[[Floats, Floats, Floats], float],
    truth: Floats,
    answers: Mapping[str, Floats],
    rows: Resampling,
) -> Figure:
    by_model = {model: partial(metric, truth, answer) for model, answer in answers.items()}
    return compared(name, by_model, rows, higher_is_better=False)


def _letters(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalpha())
