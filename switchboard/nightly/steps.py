"""What is done every night, in this order: a step is a line of STEPS."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from importlib.util import find_spec

from config.settings import Settings
from crm_adapter.call_histories import DatabaseCallHistories
from crm_adapter.connection import CrmConnection
from scoring.batch import score_all
from scoring.drift.call_log import CallLog
from scoring.drift.contact_columns import contact_columns
from scoring.drift.findings import Level, worst_of
from scoring.drift.findings_book import FindingsBook
from scoring.drift.measuring import measured
from scoring.drift.watched_models import watched_models
from scoring.nightly.sequence import Step, Told
from scoring.registry.registry import ModelRegistry
from storage.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Tonight:
    """What the steps work with."""

    settings: Settings
    database: Database
    now: Callable[[], datetime]


async def score(tonight: Tonight, told: Told) -> str:
    """Segments of every contact, and what is bought together."""
    connection = CrmConnection(settings=tonight.settings, database=tonight.database)
    async with connection as crm:
        count = await score_all(
            database=tonight.database,
            histories=crm.purchase_histories(),
            settings=tonight.settings.scoring,
            progress=told,
        )
    return f"{count} contacts scored"


async def drift(tonight: Tonight, told: Told) -> str:
    """What has changed since the models were trained, kept for `switchboard models drift`."""
    now = tonight.now()
    log = CallLog(now=now)
    await log.read(DatabaseCallHistories(database=tonight.database).calls(log.begins))
    columns = await contact_columns(tonight.database, now=now)
    registry = ModelRegistry(tonight.settings.scoring.models_dir)
    models = await asyncio.to_thread(watched_models, registry)
    watches = find_spec("river") is not None
    found = await asyncio.to_thread(measured, log, models, columns, watches_outcomes=watches)
    await FindingsBook(tonight.database).keep(now, found)
    bad = [each.said for each in found if each.level is Level.RETRAIN]
    without = "" if watches else "; the stream of outcomes needs 'switchboard-pbx[train]'"
    return f"{len(found)} measured, {worst_of(found)}: {'; '.join(bad[:3]) or 'no alarm'}{without}"


STEPS = (
    ("score", "scoring contacts", score),
    ("drift", "measuring drift", drift),
)


def steps_of(tonight: Tonight) -> Sequence[Step]:
    return [Step(name, title, partial(work, tonight)) for name, title, work in STEPS]
