"""Whether a stream of outcomes changed its level, and when (ADWIN: Bifet, Gavalda 2007).

Needs river, which the server does without: imported where it is used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calls.errors import Misconfigured
from scoring.drift.findings import Finding, Level, percent

#: ADWIN's confidence: chance of a false alarm at one look at the window.
DELTA = 0.002
LEAST_ROWS = 100
#: A change longer ago than this is what the models have learned since.
RECENT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Change:
    """`since`: where the new level most likely began; `noticed`: when that could be said."""

    row: int
    since: datetime
    noticed: datetime
    before: float
    after: float


def last_change(values: Sequence[float], times: Sequence[datetime]) -> Change | None:
    """Of a stream in order of time, values between 0 and 1. Raises Misconfigured without river."""
    try:
        from river import drift  # noqa: PLC0415
    except ImportError as error:
        raise Misconfigured(
            "watching outcomes needs river: pip install 'switchboard-pbx[train]'"
        ) from error
    watch: Any = drift.ADWIN(delta=DELTA)  # type: ignore[no-untyped-call]
    begun, noticed, width = 0, -1, 0
    for row, value in enumerate(values):
        watch.update(value)
        if watch.drift_detected:
            begun, noticed = row - width, row
        width = int(watch.width)
    if noticed < 0:
        return None
    split = begun + _likeliest_split(np.asarray(values[begun:], dtype=np.float64))
    return Change(
        row=split,
        since=times[split],
        noticed=times[noticed],
        before=_mean(values[begun:split]),
        after=_mean(values[split:]),
    )


def _likeliest_split(values: NDArray[np.float64]) -> int:
    """Where both means differ most for their sizes: ADWIN says that there is a change, and only
    roughly where."""
    before = np.arange(1, len(values))
    sums = np.cumsum(values)[:-1]
    after = len(values) - before
    apart = np.abs(sums / before - (values.sum() - sums) / after)
    return int(before[np.argmax(apart * np.sqrt(before * after))])


def watched(
    values: Sequence[float],
    times: Sequence[datetime],
    *,
    now: datetime,
    trained_at: datetime | None = None,
    model: str,
    measure: str,
    what: str,
    version: str = "",
) -> Finding:
    """`what` is changing, as a supervisor calls it: "the share of offers accepted". A change that
    the model was trained after is no reason to train again."""
    change = last_change(values, times)
    level, before, after = Level.STEADY, _mean(values), _mean(values)
    if len(values) < LEAST_ROWS:
        level, said = Level.UNKNOWN, f"{what}: only {len(values)} so far, nothing is claimed"
    elif change is None:
        said = f"{what} stays at {percent(after)}"
    else:
        before, after = change.before, change.after
        said = (
            f"{what} went from {percent(before)} to {percent(after)} about {change.since:%Y-%m-%d}"
        )
        is_learned = trained_at is not None and trained_at >= change.noticed
        if now - change.noticed <= RECENT and not is_learned:
            level, said = Level.RETRAIN, f"{said}: retrain"
    return Finding(
        model=model,
        measure=measure,
        subject="",
        level=level,
        value=after,
        reference=before,
        rows=len(values),
        said=said,
        version=version,
    )


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan
