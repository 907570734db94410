"""Population stability index (PSI): how far a column lies now from where it lay at training.

Per bin the difference of both shares times the logarithm of their ratio, added up. Bins are the
reference's deciles; what is not known has a bin of its own, and values that stand out (many
contacts with exactly 0) keep theirs. Pure.

The usual thresholds (.1 look, .25 act) are for many rows: of few rows chance alone makes more. So
a shift counts only where it is also beyond chance: 2 n m / (n + m) x PSI / 2 is about chi-square
with bins - 1 degrees of freedom where nothing has changed (n rows then, m now; Yurdakul, Naranjo
2020).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from scoring.drift.findings import Finding, Level, percent

Values = NDArray[np.floating[Any]]

BINS = 10
#: No bin counts as emptier than half a row: an empty one would make the index endless.
_HALF_A_ROW = 0.5
WATCH_AT = 0.1
RETRAIN_AT = 0.25
#: One false alarm in so many runs, of all columns of a model together.
FALSE_ALARMS = 0.01
LEAST_ROWS = 100
#: A reference longer than this is not read: nobody wrote such a one.
MOST_COLUMNS = 2_000
_MOST_EDGES = 64


@dataclass(frozen=True, slots=True)
class Reference:
    """One column at training: rising bin edges, rows by bin (one more than edges), rows without a
    value."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    missing: int

    @property
    def rows(self) -> int:
        return sum(self.counts) + self.missing


class BadReference(ValueError):
    """What lies beside the model is no reference."""


def reference_of(values: Values, *, bins: int = BINS) -> Reference:
    """Infinite values count as very large ones, NaN as missing."""
    known, missing = _known(values)
    if not len(known):
        return Reference((), (0,), missing)
    edges = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1], method="lower"))
    # A value that many rows have ends one bin and must not begin the next: right edges count.
    return Reference(tuple(map(float, edges)), _counts(known, edges), missing)


def references_of(rows: NDArray[Any], names: Sequence[str]) -> dict[str, Any]:
    """For the model card's `extra`: the reference of every column, as JSON knows it."""
    return {
        name: {
            "edges": list(each.edges),
            "counts": list(each.counts),
            "missing": each.missing,
        }
        for name, each in ((name, reference_of(rows[:, at])) for at, name in enumerate(names))
    }


def read_references(told: object) -> dict[str, Reference]:
    """Raises BadReference for anything that `references_of` did not write."""
    if not isinstance(told, Mapping) or len(told) > MOST_COLUMNS:
        raise BadReference("the reference is no table of columns")
    return {str(name): _reference(str(name), each) for name, each in told.items()}


def _reference(name: str, told: object) -> Reference:
    try:
        assert isinstance(told, Mapping)
        edges = tuple(float(each) for each in told["edges"])
        counts = tuple(int(each) for each in told["counts"])
        missing = int(told["missing"])
    except (AssertionError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise BadReference(f"the reference of {name[:80]!r} cannot be read") from error
    rising = all(a < b for a, b in pairwise(edges))
    finite = all(math.isfinite(edge) for edge in edges)
    if not (rising and finite) or len(edges) > _MOST_EDGES or len(counts) != len(edges) + 1:
        raise BadReference(f"the reference of {name[:80]!r} has no rising bins")
    if min(counts) < 0 or missing < 0:
        raise BadReference(f"the reference of {name[:80]!r} counts below zero")
    return Reference(edges, counts, missing)


def psi(reference: Reference, values: Values) -> float:
    """0 where both lie alike; NaN where either has no rows."""
    then = np.array([*reference.counts, reference.missing], dtype=np.float64)
    known, missing = _known(values)
    now = np.array([*_counts(known, np.array(reference.edges)), missing], dtype=np.float64)
    if not then.sum() or not now.sum():
        return math.nan
    used = (then + now) > 0
    shares_then, shares_now = _shares(then[used]), _shares(now[used])
    return float(((shares_now - shares_then) * np.log(shares_now / shares_then)).sum())


def chance_of(index: float, reference: Reference, rows: int) -> float:
    """How likely an index of at least this size is where nothing has changed."""
    freedom = len(reference.counts) - 1 + bool(reference.missing)
    if not freedom or not rows or not reference.rows:
        return 1.0
    size = reference.rows * rows / (reference.rows + rows)
    return float(chi2.sf(size * index, freedom))


def shift_of(
    model: str, name: str, reference: Reference, values: Values, *, columns: int, version: str = ""
) -> Finding:
    """`columns`: how many are looked at in this run, so that many columns cry no oftener than
    one."""
    index, rows = psi(reference, values), len(values)
    if math.isnan(index) or min(rows, reference.rows) < LEAST_ROWS:
        said = f"{_title(name)}: only {rows} rows now, {reference.rows} at training: not compared"
        level = Level.UNKNOWN
    else:
        is_chance = chance_of(index, reference, rows) > FALSE_ALARMS / max(columns, 1)
        level = _level(index, is_chance)
        said = _sentence(name, level, index, reference, values)
    return Finding(
        model=model,
        measure="psi",
        subject=name,
        level=level,
        value=index,
        reference=0.0,
        rows=rows,
        said=said,
        version=version,
    )


def _level(index: float, is_chance: bool) -> Level:
    if is_chance or index < WATCH_AT:
        return Level.STEADY
    return Level.RETRAIN if index >= RETRAIN_AT else Level.WATCH


def _sentence(name: str, level: Level, index: float, reference: Reference, values: Values) -> str:
    title = _title(name)
    if level is Level.STEADY:
        return f"{title} lies as at training (PSI {index:.2f})"
    then = reference.missing / reference.rows
    now = 1 - len(_known(values)[0]) / len(values)
    if abs(now - then) > 0.1:
        how = f"not known of {percent(now)} of contacts, {percent(then)} at training"
    else:
        how = "its values are not spread as at training"
    todo = "retrain" if level is Level.RETRAIN else "look again in some days"
    return f"{title} has shifted (PSI {index:.2f}): {how}: {todo}"


def _title(name: str) -> str:
    return name.replace("_", " ")


def _known(values: Values) -> tuple[NDArray[np.float64], int]:
    wide = np.asarray(values, dtype=np.float64)
    known = wide[~np.isnan(wide)]
    limit = np.finfo(np.float64).max
    return np.clip(known, -limit, limit), len(wide) - len(known)


def _counts(known: NDArray[np.float64], edges: NDArray[np.float64]) -> tuple[int, ...]:
    which = np.searchsorted(edges, known, side="left")
    return tuple(int(each) for each in np.bincount(which, minlength=len(edges) + 1))


def _shares(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    filled = np.maximum(counts, _HALF_A_ROW)
    shares: NDArray[np.float64] = filled / filled.sum()
    return shares
