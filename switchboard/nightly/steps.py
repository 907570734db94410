"""What is done every night, in this order: a step is a line of STEPS."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

from calls.errors import SwitchboardError
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
from scoring.nightly.retraining import kinds_due
from scoring.nightly.sequence import Step, StepSkipped, Told
from scoring.policy.gate_run import run_gate
from scoring.registry.pruning import prune_models
from scoring.registry.registry import ModelRegistry
from storage.database import Database
from switchboard.churn_waiting import said_of_waiting
from switchboard.offline import moment_of_rulebook, rulebook_in_use
from switchboard.train_commands import trained

if TYPE_CHECKING:
    from scoring.training.work import Outcome


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
            calls=DatabaseCallHistories(database=tonight.database),
            moment_of=moment_of_rulebook(tonight.settings),
            progress=told,
        )
    of_leaving = await said_of_waiting(tonight.database, tonight.settings)
    return f"{count} contacts scored" + (f"; {of_leaving}" if of_leaving else "")


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


async def policy(tonight: Tonight, told: Told) -> str:
    """Whether personal offers earn more than the best single one, by our own calls."""
    offers = rulebook_in_use(tonight.settings).offers
    if not offers:
        raise StepSkipped("the rulebook makes no offers")
    found = await run_gate(
        tonight.database,
        DatabaseCallHistories(database=tonight.database),
        {name: offer.value for name, offer in offers.items()},
        tonight.now(),
    )
    return f"{found.decision}: {found.because}"


async def train(tonight: Tonight, told: Told) -> str:
    """New models where those in use are old, or drift asks for them. Which is used stays a
    person's word, unless `scoring.promote` is auto."""
    if find_spec("polars") is None:
        raise StepSkipped("training needs 'switchboard-pbx[train]'")
    registry = ModelRegistry(tonight.settings.scoring.models_dir)
    last = await FindingsBook(tonight.database).last()
    findings = last.findings if last is not None else ()
    due = await asyncio.to_thread(kinds_due, registry, findings, tonight.now())
    if not due:
        raise StepSkipped("the models are young and nothing drifts")
    horizon = tonight.settings.scoring.horizon_days
    found = await trained(
        tonight.settings, list(due), horizon, lambda _what, done, total: told(done, total)
    )
    return "; ".join(_trained(each, due[each.kind]) for each in found)


def _trained(outcome: Outcome, because: str) -> str:
    if outcome.card is None:
        return f"{outcome.kind} not trained: {' '.join(outcome.because)}"
    place = "in use" if outcome.promoted else "kept, not in use"
    return f"{outcome.kind} {outcome.card.version} {place} ({because})"


async def prune(tonight: Tonight, told: Told) -> str:
    """Versions of models that nobody needs any more."""
    scoring = tonight.settings.scoring
    registry = ModelRegistry(scoring.models_dir)
    if not registry.kinds():
        raise StepSkipped("there are no models")
    histories = DatabaseCallHistories(database=tonight.database)
    found = await prune_models(registry, histories, newest=scoring.models_kept, now=tonight.now())
    if found.refused:
        raise SwitchboardError(found.said)
    return f"removed {found.said}" if found.said else "no model is to be removed"


STEPS = (
    ("score", "scoring contacts", score),
    ("policy", "judging offers", policy),
    ("drift", "measuring drift", drift),
    ("train", "training models", train),
    ("prune", "removing old models", prune),
)


def steps_of(tonight: Tonight) -> Sequence[Step]:
    return [Step(name, title, partial(work, tonight)) for name, title, work in STEPS]
