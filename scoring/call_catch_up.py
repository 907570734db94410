"""Calls that ended while nobody counted them: the process died between the end and the counting."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.ext.asyncio import AsyncConnection

from calls.past_calls import PastCallTold
from calls.ports import CallHistories
from scoring import choice_rows
from scoring.choice_rows import Counted
from scoring.decay import Decayed
from scoring.features import state_rows
from scoring.features.seen import call_seen
from storage.database import Database

#: `folded_calls` remembers for two days what was counted; a call further back might count twice.
_LOOKS_BACK = timedelta(hours=36)
#: Whoever counts calls as they end is given so long.
_SETTLED = timedelta(minutes=10)
_AT_ONCE = 50
_MATCH = "match"


async def catch_up(database: Database, histories: CallHistories, now: datetime) -> int:
    """Counts once what is missing of calls that ended within 36 hours; the answer is how many were.
    In small transactions. Raises what the database raises."""
    counted, waiting = 0, []
    async for past in histories.calls(now - _LOOKS_BACK):
        if past.contact is not None and past.ended_at <= now - _SETTLED:
            waiting.append(past)
        if len(waiting) == _AT_ONCE:
            counted += await database.writer.write(partial(_count, told=waiting))
            waiting = []
    if waiting:
        counted += await database.writer.write(partial(_count, told=waiting))
    return counted


async def _count(connection: AsyncConnection, told: Sequence[PastCallTold]) -> int:
    counted = 0
    for past in told:
        assert past.contact is not None
        choices: dict[tuple[str, str], Counted] = {}
        for step in past.choices:
            if step.outcome == _MATCH and step.intent:
                new = Counted(step.digits, Decayed(1.0, step.at))
                choice_rows.add(choices, step.menu, step.intent, new)
        counts = [(past.contact, choices)]
        if not await choice_rows.fold(connection, past.call_id, counts, at=past.ended_at):
            continue
        seen = call_seen(past)
        if seen is not None:
            await state_rows.add_calls(connection, past.contact, [seen], past.ended_at)
        counted += 1
    return counted
