"""What was measured, what it was at training, and what a supervisor should do about it."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass


class Level(enum.StrEnum):
    """How bad it is; the later in this list, the worse."""

    #: Too few rows, or nothing to compare with: nothing is claimed.
    UNKNOWN = "unknown"
    STEADY = "steady"
    WATCH = "watch"
    RETRAIN = "retrain"

    @property
    def rank(self) -> int:
        return list(Level).index(self)


@dataclass(frozen=True, slots=True)
class Finding:
    """One measure of one run. `value` and `reference` are NaN where there is none."""

    #: Kind of the model it is about; empty: of the calls as such.
    model: str
    #: psi, outcome_rate, residual, auc, ece, log_loss, unknown_callers.
    measure: str
    #: The feature or score; empty where the measure has only one.
    subject: str
    level: Level
    value: float
    #: What it was at training.
    reference: float
    #: Rows that it was measured on.
    rows: int
    #: For supervisors.
    said: str
    version: str = ""


def worst_of(findings: list[Finding]) -> Level:
    return max((each.level for each in findings), key=lambda each: each.rank, default=Level.UNKNOWN)


def short(value: float) -> str:
    """`.71` for what lies between 0 and 1."""
    if math.isnan(value):
        return "unknown"
    return f"{value:.2f}".replace("0.", ".", 1) if 0 <= value < 1 else f"{value:.2f}"


def percent(share: float) -> str:
    if math.isnan(share):
        return "unknown"
    return f"{100 * share:.1f} %" if share < 0.1 else f"{100 * share:.0f} %"
