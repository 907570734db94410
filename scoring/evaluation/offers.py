"""Offers that were shown with known chances: is a personal choice worth more than the best one?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scoring.evaluation.figures import Evaluation, Figure, Progress, Section, silent
from scoring.evaluation.outcomes import encoded
from scoring.evaluation.outside_files import BadTable, find_columns, open_table
from scoring.evaluation.outside_values import as_names, as_numbers
from scoring.models.boosting import SQUARED, Boosted, Boosting, train
from scoring.models.metrics import Resampling, groups_of
from scoring.models.off_policy import Comparison, Logged, compare

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Matrix = NDArray[np.float32]

_NEEDED = {
    "arm": ("offer", "action", "variant", "treatment", "segment", "item_id"),
    "outcome": ("reward", "accepted", "click", "conversion", "converted", "visit", "bought"),
}
_OPTIONAL = {
    "probability": ("propensity", "propensity_score", "prob", "p", "pscore"),
    "customer_id": ("customer", "contact_id", "user_id", "client_id"),
}
MAX_ARMS = 50
LEAST_ROWS = 200
MAX_ROWS = 500_000
_SHAPE = Boosting(trees=80, depth=3, learning_rate=0.06, least_weight=20, l2=10)
_WORDS = {"yes": "1", "true": "1", "y": "1", "no": "0", "false": "0", "n": "0"}


def evaluate_offers(
    path: Path,
    *,
    renames: Mapping[str, str] | None = None,
    drop: Sequence[str] = (),
    good: str | None = None,
    progress: Progress = silent,
) -> Evaluation:
    """The first half is learned from, and names the best single arm; the second half judges. All
    other columns are the context. Raises BadTable."""
    progress("reading", 0, 3)
    table = open_table(path)
    found = find_columns(table, renames or {}, needed=_NEEDED, optional=_OPTIONAL)
    dropped = {table.column(name) for name in drop}
    raw = table.read(table.names)
    frame, notes = _cleaned(raw, found, good, path)
    arms = [str(name) for name in frame["\0arm"].unique().sort()]
    half = len(frame) // 2
    context = [name for name in table.names if name not in {*found.values(), *dropped}]
    rows, columns = encoded(frame, context, half)
    outcomes = frame["\0outcome"].to_numpy().astype(np.float64)
    numbers = {name: number for number, name in enumerate(arms)}
    shown = np.array([numbers[name] for name in frame["\0arm"]], dtype=np.int64)
    chances = frame["\0probability"].to_numpy().astype(np.float64)
    progress("training", 1, 3)
    models = _models(rows[:half], shown[:half], outcomes[:half], columns, len(arms))
    single = _best_single(shown[:half], chances[:half], outcomes[:half], len(arms))
    progress("comparing", 2, 3)
    rewards = _rewards(models, rows[half:], shown[:half], outcomes[:half])
    logged = Logged(shown[half:], chances[half:], outcomes[half:], rewards)
    resampling = Resampling(_contacts(frame, found)[half:])
    seen = compare(logged, np.argmax(rewards, axis=1).astype(np.int64), single, resampling)
    progress("done", 3, 3)
    facts = {
        "rows": len(raw),
        "rows_used": len(frame),
        "columns": found,
        "context": context,
        "arms": arms,
        "best_single_arm": arms[single],
        "mean_outcome_as_shown": round(float(outcomes[half:].mean()), 6),
        "decision": "deploy" if seen.deploys else f"fall back to {arms[single]}",
    }
    section = Section("value of an offer", len(frame) - half, _figures(seen, arms[single]))
    return Evaluation("offers", str(path), facts, (section,), tuple(notes))


def _cleaned(
    raw: pl.DataFrame, found: Mapping[str, str], good: str | None, path: Path
) -> tuple[pl.DataFrame, list[str]]:
    notes = []
    arms = as_names(raw[found["arm"]])
    outcomes = _outcomes(raw[found["outcome"]], good)
    if "probability" in found:
        chances = as_numbers(raw[found["probability"]])
    else:
        chances = pl.select(pl.lit(arms.alias("arm"))).select(pl.len().over("arm") / len(raw))[
            "len"
        ]
        notes.append(
            "there is no column of probabilities: arms are taken to have been drawn at random, by "
            "their share of all rows, whoever called"
        )
    frame = raw.with_columns(
        arms.alias("\0arm"), outcomes.alias("\0outcome"), chances.alias("\0probability")
    )
    for words, bad in (
        ("without an arm", pl.col("\0arm").is_null()),
        ("whose outcome is no finite number", pl.col("\0outcome").is_null()),
        (
            "whose probability is not above 0 and at most 1",
            ~pl.col("\0probability").is_between(0, 1, closed="right").fill_null(value=False),
        ),
    ):
        count = frame.select(bad.sum()).item()
        if count:
            notes.append(f"{count:,} rows {words} were left out")
            frame = frame.filter(~bad)
    if len(frame) > MAX_ROWS:
        notes.append(f"the first {MAX_ROWS:,} of {len(frame):,} rows are looked at")
        frame = frame.head(MAX_ROWS)
    if len(frame) < LEAST_ROWS:
        raise BadTable(
            f"{path}: {len(frame)} rows can be used ({'; '.join(notes) or 'all of them'}); "
            f"{LEAST_ROWS} are the least"
        )
    number = frame["\0arm"].n_unique()
    if not 2 <= number <= MAX_ARMS:
        raise BadTable(f"{path}: {found['arm']} has {number} different arms; 2 to {MAX_ARMS} work")
    return frame, notes


def _outcomes(values: pl.Series, good: str | None) -> pl.Series:
    if good is not None:
        return (as_names(values) == good).cast(pl.Float64)
    if values.dtype == pl.String:
        values = values.str.strip_chars().str.to_lowercase().replace(_WORDS)
    return as_numbers(values)


def _models(
    rows: Matrix, shown: Whole, outcomes: Floats, columns: Sequence[str], arms: int
) -> list[Boosted | None]:
    """By arm: what the context says of its outcome; None where nothing can be learned."""
    binary = bool(np.isin(outcomes, (0.0, 1.0)).all())
    shape = _SHAPE if binary else replace(_SHAPE, objective=SQUARED)
    found: list[Boosted | None] = []
    for arm in range(arms):
        which = shown == arm
        learnable = which.sum() >= 50 and np.ptp(outcomes[which]) > 0 and rows.shape[1] > 0
        found.append(
            train(shape, rows[which], outcomes[which], names=columns) if learnable else None
        )
    return found


def _rewards(
    models: Sequence[Boosted | None], rows: Matrix, shown: Whole, outcomes: Floats
) -> Floats:
    overall = float(outcomes.mean())
    columns = []
    for arm, model in enumerate(models):
        if model is None:
            of_arm = outcomes[shown == arm]
            mean = (of_arm.sum() + 20 * overall) / (len(of_arm) + 20)
            columns.append(np.full(len(rows), mean))
        else:
            columns.append(model.answers(rows))
    return np.column_stack(columns)


def _best_single(shown: Whole, chances: Floats, outcomes: Floats, arms: int) -> int:
    """By its weighed mean, drawn towards that of all by twenty rows."""
    weight = 1 / np.maximum(chances, 0.01)
    overall = float(weight @ outcomes / weight.sum())
    values = []
    for arm in range(arms):
        which = shown == arm
        drawn = 20 * float(weight.mean())
        values.append(
            (float(weight[which] @ outcomes[which]) + drawn * overall)
            / (float(weight[which].sum()) + drawn)
        )
    return int(np.argmax(values))


def _contacts(frame: pl.DataFrame, found: Mapping[str, str]) -> Whole:
    if "customer_id" not in found:
        return np.arange(len(frame))
    return groups_of(as_names(frame[found["customer_id"]]).fill_null("").to_numpy())


def _figures(seen: Comparison, single: str) -> tuple[Figure, ...]:
    other = f"best single arm ({single})"
    return tuple(
        Figure(name, True, seen.policy[name], {other: seen.single[name]}, other, seen.gain[name])
        for name in seen.policy
    )
