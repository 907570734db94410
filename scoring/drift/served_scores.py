"""Scores that callers were served by, against what came of them. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from scipy.special import expit

from scoring.drift.findings import Finding, Level, percent, short
from scoring.models import metrics
from scoring.models.calibration import level, logits
from scoring.models.metrics import Floats, Interval

#: Fewer outcomes, or fewer of the rarer kind, say nothing.
LEAST_ROWS = 100
LEAST_OF_EACH = 15
#: Ranking that is this much worse is worth a training, where it is beyond chance as well.
AUC_LOSS = 0.02
#: Calibration that is off by less hurts nobody.
ECE_ALLOWED = 0.03
LOG_LOSS_GAIN = 0.02
#: A share of unknown callers that moves by less is the weather.
UNKNOWN_MOVE = 0.05


@dataclass(frozen=True, slots=True)
class Served:
    """One forecast that a call was served by. `contact` groups rows for the intervals."""

    at: datetime
    contact: str
    probability: float
    happened: bool


@dataclass(frozen=True, slots=True)
class AtTraining:
    """The card's figures; NaN where it has none."""

    auc: float = math.nan
    ece: float = math.nan
    log_loss: float = math.nan


def as_asked(rows: Sequence[Served]) -> list[Served]:
    """Scores say what is bought unasked within the horizon, outcomes what is accepted when asked:
    all scores are moved by one number (of the logit) to the level of the outcomes, and what is
    then measured is whether they differ among callers as they should. A changed level is found by
    the outcomes themselves."""
    usable = [row for row in rows if 0 <= row.probability <= 1]
    truth = np.array([float(row.happened) for row in usable])
    if not len(truth) or truth.min() == truth.max():
        return list(rows)
    score = logits(np.array([row.probability for row in usable], dtype=np.float64))
    moved = expit(score + level(truth, score, np.ones(len(truth))))
    return [replace(row, probability=float(at)) for row, at in zip(usable, moved, strict=True)]


def figures_of(
    rows: Sequence[Served], then: AtTraining, *, model: str, what: str, days: int, version: str = ""
) -> list[Finding]:
    """AUC, ECE and log loss of the last `days`; `what` names the score: "the score of offers".
    Rows with no probability (NaN) are left out."""
    rows = [row for row in rows if math.isfinite(row.probability)]
    truth = np.array([row.happened for row in rows], dtype=np.float64)
    score = np.array([row.probability for row in rows], dtype=np.float64)

    def finding(measure: str, level: Level, value: float, reference: float, said: str) -> Finding:
        return Finding(
            model=model,
            measure=measure,
            subject="",
            level=level,
            value=value,
            reference=reference,
            rows=len(rows),
            said=said,
            version=version,
        )

    rarer = int(min(truth.sum(), len(truth) - truth.sum())) if rows else 0
    if len(rows) < LEAST_ROWS or rarer < LEAST_OF_EACH:
        said = (
            f"{what}: {len(rows)} outcomes in {days} days, {rarer} of the rarer kind; "
            f"{LEAST_ROWS} and {LEAST_OF_EACH} are needed to judge it"
        )
        return [
            finding(measure, Level.UNKNOWN, math.nan, reference, said)
            for measure, reference in (
                ("auc", then.auc),
                ("ece", then.ece),
                ("log_loss", then.log_loss),
            )
        ]
    drawn = metrics.Resampling(metrics.groups_of(np.array([row.contact for row in rows])))
    ranked = metrics.SortedByScore(truth, score)
    auc = drawn.interval(ranked.auc)
    gap = drawn.interval(lambda weight: _level_gap(truth, score, weight))
    ece = metrics.ece(truth, score)
    loss = drawn.interval(lambda weight: _loss_above_share(truth, score, weight))
    return [
        finding("auc", *_auc(auc, then.auc, what, days)),
        finding("ece", *_ece(ece, gap, then.ece, what, days)),
        finding(
            "log_loss", *_loss(metrics.log_loss(truth, score), loss, then.log_loss, what, days)
        ),
    ]


def _auc(now: Interval, then: float, what: str, days: int) -> tuple[Level, float, float, str]:
    move = f"AUC {short(then)} -> {short(now.value)} in the last {days} days"
    if not math.isnan(then) and now.high < then and then - now.value > AUC_LOSS:
        return (
            Level.RETRAIN,
            now.value,
            then,
            f"{what} ranks worse than at training: {move}: retrain",
        )
    if now.low <= 0.5 and now.value <= 0.5 + AUC_LOSS:
        said = f"{what} ranks no better than chance: {move}: look again in some days"
        return Level.WATCH, now.value, then, said
    if math.isnan(then):
        return Level.STEADY, now.value, then, f"{what} ranks with AUC {short(now.value)}"
    return Level.STEADY, now.value, then, f"{what} ranks as at training: {move}"


def _ece(
    now: float, gap: Interval, then: float, what: str, days: int
) -> tuple[Level, float, float, str]:
    allowed = max(ECE_ALLOWED, then if math.isfinite(then) else 0.0)
    beyond_chance = gap.low > 0 or gap.high < 0
    if now > allowed and beyond_chance and abs(gap.value) > ECE_ALLOWED:
        side = "too high" if gap.value > 0 else "too low"
        said = (
            f"{what} is {side} by {percent(abs(gap.value))} on average in the last {days} days "
            f"(ECE {short(now)}): retrain"
        )
        return Level.RETRAIN, now, then, said
    if now > 2 * allowed:
        said = (
            f"{what} says other shares than come true (ECE {short(now)}): look again in some days"
        )
        return Level.WATCH, now, then, said
    return Level.STEADY, now, then, f"{what} says shares that come true (ECE {short(now)})"


def _loss(
    now: float, above: Interval, then: float, what: str, days: int
) -> tuple[Level, float, float, str]:
    if above.low > 0 and above.value > LOG_LOSS_GAIN:
        said = (
            f"{what} is worse than giving everybody the same chance in the last {days} days "
            f"(log loss {now:.3f}): retrain"
        )
        return Level.RETRAIN, now, then, said
    return Level.STEADY, now, then, f"{what} has log loss {now:.3f}"


def _level_gap(truth: Floats, score: Floats, weight: Floats) -> float:
    return float(weight @ (score - truth) / weight.sum())


def _loss_above_share(truth: Floats, score: Floats, weight: Floats) -> float:
    """How much more the score costs than the share of good outcomes, known only afterwards."""
    share = np.full(len(truth), float(weight @ truth / weight.sum()))
    return metrics.log_loss(truth, score, weight) - metrics.log_loss(truth, share, weight)


def unknown_callers(
    *, unknown: int, calls: int, unknown_before: int, calls_before: int, days: int
) -> Finding:
    """The share of callers nobody was found for, against the time before."""
    now = unknown / calls if calls else math.nan
    before = unknown_before / calls_before if calls_before else math.nan
    level = Level.UNKNOWN
    if calls < LEAST_ROWS or calls_before < LEAST_ROWS:
        said = f"unknown callers: {calls} calls now, {calls_before} before: too few to compare"
    else:
        noise = math.sqrt(before * (1 - before) / calls_before + now * (1 - now) / calls)
        moved = abs(now - before) > max(UNKNOWN_MOVE, 3 * noise)
        level = Level.WATCH if moved else Level.STEADY
        said = f"{percent(now)} of callers are unknown in the last {days} days"
        if moved:
            said += f", {percent(before)} before: look whether the CRM answers and has the numbers"
    return Finding(
        model="",
        measure="unknown_callers",
        subject="",
        level=level,
        value=now,
        reference=before,
        rows=calls,
        said=said,
    )
