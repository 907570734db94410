"""Calls of others: in which place of a menu made for the caller would their choice have stood?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scoring.evaluation.figures import MODEL, Evaluation, Progress, Section, compared, silent
from scoring.evaluation.outside_files import BadTable, OutsideTable, find_columns, open_table
from scoring.evaluation.outside_values import as_names, as_numbers, as_times
from scoring.models import next_intent
from scoring.models.metrics import Resampling, groups_of
from scoring.models.next_intent import Calls

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

_NEEDED = {
    "start": ("started_at", "start_time", "call_start", "time", "timestamp", "datetime", "at",
              "calldate", "call_date", "date"),
    "choice": ("intent", "service", "type", "option", "menu_choice", "reason", "queue", "topic"),
}  # fmt: skip
_OPTIONAL = {
    "customer_id": ("customer", "caller_id", "caller", "client_id", "contact_id", "account_id",
                    "cust_id", "user_id", "phone", "src", "number"),
    "outcome": ("disposition", "result", "call_outcome", "status", "end_reason"),
    "wait": ("wait_s", "wait_time", "waiting_time", "queue_time", "q_time", "holdtime"),
}  # fmt: skip
#: What others write for nobody.
_NOBODY = frozenset({"0", "-1", "unknown", "anonymous", "none", "null", "private", "restricted"})
#: More different choices are a free text; those chosen most are kept.
MAX_INTENTS = 40
#: The newest are taken.
MAX_CALLS = 400_000
LEAST_CALLS = 100


@dataclass(frozen=True, slots=True)
class CallTable:
    """In the order of time."""

    callers: pl.Series
    times: pl.Series
    choices: pl.Series
    outcomes: pl.Series
    waits: pl.Series
    facts: Mapping[str, object]
    notes: tuple[str, ...]


def evaluate_calls(
    path: Path,
    *,
    renames: Mapping[str, str] | None = None,
    cut: date | None = None,
    date_format: str | None = None,
    progress: Progress = silent,
) -> Evaluation:
    """Calls up to the end of `cut` are learned from; without it, the first two thirds of the days.
    Raises BadTable."""
    progress("reading", 0, 3)
    table = read_calls(path, renames or {}, date_format=date_format)
    days = table.times.dt.date()
    first, last = days.min(), days.max()
    assert isinstance(first, date)
    assert isinstance(last, date)
    cut = cut or last - timedelta(days=max(1, ((last - first).days + 1) // 3))
    learned = (days <= cut).to_numpy()
    if learned.sum() < LEAST_CALLS // 2 or (~learned).sum() < 1:
        raise BadTable(
            f"{path}: {learned.sum()} calls up to {cut} and {(~learned).sum()} after it; "
            f"they go from {first} to {last}"
        )
    intents = _intents(table.choices.filter(pl.Series(learned)))
    calls = _calls(table, intents)
    progress("training", 1, 3)
    masked = np.random.default_rng(7).random(len(calls)) < next_intent.MASKED_SHARE
    shown = next_intent.rows_of(calls, len(intents), masked=(masked & learned).tolist())
    model = next_intent.train_intents(shown, calls.choices, learned)
    progress("comparing", 2, 3)
    static = np.tile(-np.arange(len(intents), dtype=np.float64), (len(calls), 1))
    scores = {
        MODEL: next_intent.chances(model, shown),
        "own past choices, smoothed": shown.smoothed,
        "best static order": static,
    }
    tested = ~learned
    known = calls.callers != next_intent.NOBODY
    parts = {
        "known callers with an earlier call": tested & known & (shown.earlier > 0),
        "known callers without one": tested & known & (shown.earlier == 0),
        "unknown callers": tested & ~known,
        "all callers": tested,
    }
    sections = tuple(
        _section(title, scores, calls, which) for title, which in parts.items() if which.any()
    )
    progress("done", 3, 3)
    facts = {
        **table.facts,
        "cut": cut.isoformat(),
        "learned_from": int(learned.sum()),
        "choices": intents,
    }
    notes = list(table.notes)
    new = int((calls.choices[tested] < 0).sum())
    if new:
        notes.append(f"{new:,} tested calls chose what was never chosen before: counted as last")
    return Evaluation("calls", str(path), facts, sections, tuple(notes))


def read_calls(
    path: Path, renames: Mapping[str, str], *, date_format: str | None = None
) -> CallTable:
    """`start` may be two columns joined: `--columns start=date+time`. Raises BadTable."""
    table = open_table(path)
    parts = [part.strip() for part in renames.get("start", "").split("+") if part.strip()]
    plain = dict(renames)
    if len(parts) > 1:
        parts = [table.column(part) for part in parts]
        plain["start"] = parts[0]
    found = find_columns(table, plain, needed=_NEEDED, optional=_OPTIONAL)
    parts = parts if len(parts) > 1 else [found["start"]]
    raw = table.read(sorted({*found.values(), *parts}))
    if not len(raw):
        raise BadTable(f"{path}: there are no rows in it")
    start = raw[parts[0]]
    if len(parts) > 1:
        start = raw.select(
            pl.concat_str([pl.col(part) for part in parts], separator=" ")
        ).to_series()
    times, read_as = as_times(start, date_format)
    callers = _callers(raw, found)
    whole = pl.DataFrame(
        {
            "caller": callers,
            "at": times,
            "choice": as_names(raw[found["choice"]]),
            "outcome": _optional(raw, found, "outcome", as_names, pl.String),
            "wait": _optional(raw, found, "wait", as_numbers, pl.Float64),
        }
    )
    frame, notes = _cleaned(whole, table, "+".join(parts))
    facts = {
        "rows": len(raw),
        "rows_used": len(frame),
        "columns": {**found, "start": "+".join(parts)},
        "times_read": read_as,
        "from": str(frame["at"].min()),
        "until": str(frame["at"].max()),
        "known_callers": frame["caller"].drop_nulls().n_unique(),
    }
    return CallTable(
        frame["caller"],
        frame["at"],
        frame["choice"],
        frame["outcome"],
        frame["wait"],
        facts,
        tuple(notes),
    )


def _optional(
    raw: pl.DataFrame,
    found: Mapping[str, str],
    name: str,
    read: Callable[[pl.Series], pl.Series],
    kind: type[pl.DataType],
) -> pl.Series:
    if name not in found:
        return pl.Series(name, [None] * len(raw), dtype=kind)
    return read(raw[found[name]])


def _callers(raw: pl.DataFrame, found: Mapping[str, str]) -> pl.Series:
    if "customer_id" not in found:
        return pl.Series("caller", [None] * len(raw), dtype=pl.String)
    names = as_names(raw[found["customer_id"]])
    return names.set(names.str.to_lowercase().is_in(list(_NOBODY)).fill_null(value=False), None)


def _cleaned(
    whole: pl.DataFrame, table: OutsideTable, start: str
) -> tuple[pl.DataFrame, list[str]]:
    notes = []
    now = datetime.now()  # noqa: DTZ005 - the file's times have no zone either
    for words, bad in (
        (f"whose {start} cannot be read as a time", pl.col("at").is_null()),
        ("dated after today", pl.col("at") > now + timedelta(days=1)),
        ("without a choice", pl.col("choice").is_null()),
    ):
        flagged = bad.fill_null(value=False)
        count = whole.select(flagged.sum()).item()
        if count:
            notes.append(f"{count:,} rows {words} were left out")
            whole = whole.filter(~flagged)
    known = whole.filter(pl.col("caller").is_not_null())
    twice = len(known) - known.n_unique()
    if twice:
        notes.append(f"{twice:,} calls stand in the file twice; they count once")
        # Two strangers may well choose the same in the same second.
        once = known.unique(keep="first", maintain_order=True)
        whole = pl.concat((once, whole.filter(pl.col("caller").is_null())))
    if len(whole) < LEAST_CALLS:
        raise BadTable(
            f"{table.path}: {len(whole)} calls can be used ({'; '.join(notes) or 'all of them'}); "
            f"{LEAST_CALLS} are the least"
        )
    whole = whole.sort("at", maintain_order=True)
    if len(whole) > MAX_CALLS:
        notes.append(f"the newest {MAX_CALLS:,} of {len(whole):,} calls are looked at")
        whole = whole.tail(MAX_CALLS)
    return whole, notes


def _intents(choices: pl.Series) -> list[str]:
    """Those learned from, the most chosen first: the best static order."""
    counted = choices.rename("choice").value_counts()
    ordered = counted.sort(["count", "choice"], descending=[True, False])
    return [str(name) for name in ordered["choice"].head(MAX_INTENTS)]


def _calls(table: CallTable, intents: list[str]) -> Calls:
    places = {name: place for place, name in enumerate(intents)}
    choices = np.array([places.get(name, -1) for name in table.choices], dtype=np.int64)
    people = {
        name: number for number, name in enumerate(table.callers.drop_nulls().unique().sort())
    }
    callers = [next_intent.NOBODY if name is None else people[name] for name in table.callers]
    often = table.outcomes.drop_nulls().rename("outcome").value_counts()
    often = often.sort(["count", "outcome"], descending=[True, False])
    ends = {name: place for place, name in enumerate(often["outcome"])}
    seconds = table.times.dt.epoch("s").to_numpy().astype(np.float64)
    return Calls(
        callers=np.array(callers, dtype=np.int64),
        days=seconds / 86_400,
        choices=choices,
        hours=table.times.dt.hour().to_numpy().astype(np.int64),
        weekdays=table.times.dt.weekday().to_numpy().astype(np.int64),
        outcomes=np.array([ends.get(name, -1) for name in table.outcomes], dtype=np.int64),
        waits=table.waits.cast(pl.Float64).to_numpy().astype(np.float64),
    )


def _section(
    title: str, scores: Mapping[str, Floats], calls: Calls, which: NDArray[np.bool_]
) -> Section:
    choices = calls.choices[which]
    callers = calls.callers[which]
    # Each unknown caller is somebody else.
    alone = np.where(callers >= 0, callers, -2 - np.arange(len(callers)))
    rows = Resampling(groups_of(alone))
    places = {name: next_intent.positions(score[which], choices) for name, score in scores.items()}
    return Section(
        title,
        int(which.sum()),
        (
            compared(
                "chosen first (top-1)",
                {
                    name: partial(_mean, (place == 1).astype(float))
                    for name, place in places.items()
                },
                rows,
                higher_is_better=True,
            ),
            compared(
                "mean position",
                {name: partial(_mean, place) for name, place in places.items()},
                rows,
                higher_is_better=False,
            ),
        ),
    )


def _mean(values: Floats, weight: Floats) -> float:
    return float(weight @ values / weight.sum())
