"""How an experiment goes by now, of every caller it ever had."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime

from config.experiments import Experiment
from scoring.policy import experiment_book
from scoring.policy.experiment_book import ArmState
from scoring.policy.experiment_figures import ArmFigures, ExperimentCount
from storage.database import Database


async def counted(
    database: Database,
    experiment: Experiment,
    states: Mapping[tuple[str, str], ArmState],
    now: datetime,
) -> tuple[ArmFigures, ...]:
    """By arm, in the rulebook's order. Raises SQLAlchemyError, OSError or Unavailable."""
    count = ExperimentCount(experiment, states, now)
    async for subjects in experiment_book.subjects_of(database, experiment.name):
        await asyncio.to_thread(count.add, subjects)
    return count.figures()
