"""What is done every night, in this order: a step is a line of STEPS."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from config.settings import Settings
from crm_adapter.connection import CrmConnection
from scoring.batch import score_all
from scoring.nightly.sequence import Step, Told
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


STEPS = (("score", "scoring contacts", score),)


def steps_of(tonight: Tonight) -> Sequence[Step]:
    return [Step(name, title, partial(work, tonight)) for name, title, work in STEPS]
