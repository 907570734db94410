"""Everything that is measured of drift in one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.drift.call_log import RECENT_DAYS, CallLog
from scoring.drift.findings import Finding
from scoring.drift.outcome_watch import watched
from scoring.drift.population_shift import Reference, reference_of, shift_of
from scoring.drift.served_scores import (
    AtTraining,
    Served,
    as_asked,
    figures_of,
    unknown_callers,
)

#: The kind of model whose scores the log of calls holds with what came of them.
OFFERS = "offers"


@dataclass(frozen=True, slots=True)
class Watched:
    """A model in use. `references` is empty where none was kept with it."""

    kind: str
    version: str
    trained_at: datetime
    in_use_since: datetime
    at_training: AtTraining = field(default_factory=AtTraining)
    references: Mapping[str, Reference] = field(default_factory=lambda: MappingProxyType({}))


def measured(
    log: CallLog,
    models: Sequence[Watched],
    columns: Mapping[str, NDArray[np.floating[Any]]],
    *,
    watches_outcomes: bool = True,
) -> list[Finding]:
    """`columns`: the contacts' features as they are now. Without `watches_outcomes` (river is not
    installed) the stream of outcomes is left out."""
    found = [
        unknown_callers(
            unknown=log.recent.unknown,
            calls=log.recent.calls,
            unknown_before=log.before.unknown,
            calls_before=log.before.calls,
            days=RECENT_DAYS,
        )
    ]
    offers = next((model for model in models if model.kind == OFFERS), None)
    found += _served(log, offers)
    if watches_outcomes:
        found += _outcomes(log, offers)
    found += [shift for model in models for shift in _shifts(model, columns)]
    return found


def _served(log: CallLog, model: Watched | None) -> list[Finding]:
    """Of the model in use since it is in use; without one, of the counting that serves then."""
    begins = max(log.recent_begins, model.in_use_since) if model else log.recent_begins
    rows = [row for row in log.offers if row.at >= begins]
    found = figures_of(
        as_asked(rows),
        model.at_training if model else AtTraining(),
        model=OFFERS,
        what="the score of offers",
        days=RECENT_DAYS,
        version=model.version if model else "",
    )
    if not log.scores:
        return found
    name = "score of offers"
    then = reference_of(np.array(log.scores_before, dtype=np.float64))
    now = np.array(log.scores, dtype=np.float64)
    version = model.version if model else ""
    return [*found, shift_of(OFFERS, name, then, now, columns=1, version=version)]


def _outcomes(log: CallLog, model: Watched | None) -> list[Finding]:
    stream = list(log.offers)
    trained_at = model.trained_at if model else None
    version = model.version if model else ""
    rate = watched(
        [float(row.happened) for row in stream],
        [row.at for row in stream],
        now=log.now,
        trained_at=trained_at,
        model=OFFERS,
        measure="outcome_rate",
        what="the share of offers accepted",
        version=version,
    )
    if model is None:
        return [rate]
    scored = [row for row in stream if row.at >= model.in_use_since and 0 <= row.probability <= 1]
    scored = as_asked(scored)
    gap = watched(
        [_halved(row) for row in scored],
        [row.at for row in scored],
        now=log.now,
        trained_at=trained_at,
        model=OFFERS,
        measure="residual",
        what="how far offers come out from their score (50 %: as scored)",
        version=version,
    )
    return [rate, gap]


def _halved(row: Served) -> float:
    """Outcome less score, moved to between 0 and 1."""
    return (row.happened - row.probability + 1) / 2


def _shifts(model: Watched, columns: Mapping[str, NDArray[np.floating[Any]]]) -> list[Finding]:
    shared = [name for name in model.references if name in columns]
    return [
        shift_of(
            model.kind,
            name,
            model.references[name],
            columns[name],
            columns=len(shared),
            version=model.version,
        )
        for name in shared
    ]
