"""How the last night went and what drifts, for /readyz and /metrics."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Iterable
from datetime import datetime, time, timedelta

from prometheus_client.core import GaugeMetricFamily, Metric

from scoring.drift.findings import Level, worst_of
from scoring.drift.findings_book import FindingsBook, Measured
from scoring.nightly.nights import next_begin
from scoring.nightly.run_book import DONE, FAILED, RUNNING, Run, RunBook
from storage.database import Database
from storage.transient import is_outage
from switchboard.health import PartState

log = logging.getLogger(__name__)

LOOK_EVERY_S = 15.0
#: Nothing ran for so long although it should.
OVERDUE = timedelta(hours=50)
#: Measures of which there is one for a model: columns' shifts are told by their worst.
_SINGLE = ("auc", "ece", "log_loss", "outcome_rate", "residual", "unknown_callers")


class NightlyGauge:
    """A collector of prometheus_client; never asks the database while it is scraped. `at` None: no
    night is wanted."""

    def __init__(self, *, database: Database, at: time | None, now: Callable[[], datetime]) -> None:
        self._book = RunBook(database=database, now=now)
        self._findings = FindingsBook(database)
        self._at = at
        self._now = now
        self._run: Run | None = None
        self._is_alive = False
        self._measured: Measured | None = None

    async def watch(self) -> None:
        while True:
            try:
                await self.look()
            except Exception as error:
                if not is_outage(error):
                    raise
                log.warning("nightly: not looked at, the database is away")
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        self._run = await self._book.last()
        self._is_alive = await self._book.is_somebody_at_it()
        self._measured = await self._findings.last()

    def state(self) -> PartState:
        """Of /readyz; no call needs it."""
        run = self._run
        if run is None:
            return PartState(True, f"not run yet; {self._coming()}")
        how = "died in the middle" if run.state == RUNNING and not self._is_alive else run.state
        told = f"{run.night}: {how}"
        failed = [step for step in run.steps if step.state == FAILED]
        if failed:
            told += "; " + "; ".join(f"{step.name}: {step.said}" for step in failed)
        is_old = self._at is not None and self._now() - run.started_at > OVERDUE
        if is_old:
            told += f"; nothing since {run.started_at:%Y-%m-%d %H:%M} UTC"
        is_good = how in (DONE, RUNNING) and not is_old
        remedy = "" if is_good else "`switchboard nightly` does it by hand and says what fails"
        return PartState(is_good, f"{told}; {self._drift()}{self._coming()}", remedy=remedy)

    def _drift(self) -> str:
        if self._measured is None:
            return ""
        worst = worst_of(list(self._measured.findings))
        if worst.rank < Level.WATCH.rank:
            return ""
        return f"drift: {worst.value}, see switchboard models drift; "

    def _coming(self) -> str:
        if self._at is None:
            return "scoring.nightly_at is empty: nothing begins by itself"
        begins = next_begin(self._now(), self._at)
        return f"next {begins:%Y-%m-%d %H:%M} UTC"

    def collect(self) -> Iterable[Metric]:
        run = self._run
        if run is not None:
            name = "switchboard_nightly_"
            yield GaugeMetricFamily(
                f"{name}last_start_timestamp_seconds",
                "when the last nightly work began",
                run.started_at.timestamp(),
            )
            yield GaugeMetricFamily(
                f"{name}last_ok", "1 where it got through", 1.0 if run.state == DONE else 0.0
            )
            seconds = GaugeMetricFamily(
                f"{name}step_seconds", "how long its steps took", labels=["step", "state"]
            )
            for step in run.steps:
                seconds.add_metric([step.name, step.state], step.seconds)
            yield seconds
        if self._measured is not None:
            yield from _of_drift(self._measured)


def _of_drift(measured: Measured) -> Iterable[Metric]:
    levels = GaugeMetricFamily(
        "switchboard_drift_level",
        "worst finding of a measure: 0 unknown, 1 steady, 2 watch, 3 retrain",
        labels=["model", "measure"],
    )
    values = GaugeMetricFamily(
        "switchboard_drift_value", "the measure (of psi its largest)", labels=["model", "measure"]
    )
    worst: dict[tuple[str, str], tuple[int, float]] = {}
    for finding in measured.findings:
        key = (finding.model, finding.measure)
        rank, value = worst.get(key, (0, math.nan))
        single = finding.measure in _SINGLE
        larger = finding.value if single or not value >= finding.value else value
        worst[key] = (max(rank, finding.level.rank), larger)
    for key, (rank, value) in worst.items():
        levels.add_metric(list(key), rank)
        values.add_metric(list(key), value)
    yield levels
    yield values
    yield GaugeMetricFamily(
        "switchboard_drift_measured_timestamp_seconds",
        "when drift was measured last",
        measured.at.timestamp(),
    )
