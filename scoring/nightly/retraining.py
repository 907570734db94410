"""Which models should be trained again tonight. Pure but for the models' folder.

A new version that nobody promoted counts too: that the one in use drifts further is no reason to
train the same again every night.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from scoring.drift.findings import Finding, Level
from scoring.registry.card import ModelKind
from scoring.registry.registry import ModelRegistry

#: An older model is trained again whatever is measured.
OLD = timedelta(days=30)
#: So young a model has not seen enough that is new, whatever drifts.
YOUNG = timedelta(days=7)


def kinds_due(
    registry: ModelRegistry, findings: Sequence[Finding], now: datetime
) -> Mapping[ModelKind, str]:
    """By kind: why."""
    due: dict[ModelKind, str] = {}
    for kind in ModelKind:
        versions = registry.versions(kind)
        if not versions:
            due[kind] = "there was none"
            continue
        # A clock that was ahead must not keep a model for ever.
        age = abs(now - max(card.trained_at for card in versions))
        drifted = [
            each.measure
            for each in findings
            if each.level is Level.RETRAIN and each.model in (kind.value, "")
        ]
        if age >= OLD:
            due[kind] = f"the last one was {age.days} days old"
        elif drifted and age >= YOUNG:
            due[kind] = f"drift of {', '.join(sorted(set(drifted)))}"
    return due
