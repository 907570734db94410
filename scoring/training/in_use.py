"""The model in use, asked about the past, to compare a new one with."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from scoring.features.schema import SCHEMA
from scoring.models.calibration import Platt
from scoring.registry.card import ModelCard, ModelKind
from scoring.registry.refusals import ModelRefused
from scoring.registry.registry import ModelRegistry
from scoring.serving.bases import BaseMargin
from scoring.serving.served_model import ServedModel, linked

log = logging.getLogger(__name__)

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class InUse:
    card: ModelCard
    model: ServedModel

    @property
    def until(self) -> date:
        """The last day that it learned from."""
        window = self.card.window
        return (window.until if window else self.card.trained_at).date()

    def answers(self, rows: Matrix, names: Sequence[str]) -> Floats | None:
        """None where it needs a column that rows no longer have."""
        if any(name not in names for name in self.card.columns):
            return None
        own = np.ascontiguousarray(rows[:, [names.index(name) for name in self.card.columns]])
        base = BaseMargin(
            self.card.base,
            columns=self.card.columns,
            kind=self.card.kind,
            objective=self.card.objective,
            horizon_days=self.card.horizon_days,
        )
        margins = self.model.margins(own, base(own))
        found = linked(margins, self.card.objective)
        platt = self.card.calibration
        return Platt(platt.a, platt.b)(found) if platt is not None else found


def in_use(registry: ModelRegistry, kind: ModelKind) -> InUse | None:
    """None also for one that cannot be used (any more): it cannot stay either."""
    try:
        found = registry.load_checked(kind)
    except ModelRefused as error:
        log.warning("the %s model in use is not compared with: %s", kind, error)
        return None
    if found is None or found[0].contact_schema != SCHEMA:
        return None
    return InUse(*found)
