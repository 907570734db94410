"""Runs the gate over all calls of the last half year, and keeps what it found."""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, insert, select

from calls.offer_choice import PERSONAL, THOMPSON
from calls.offers import OfferAnswer
from calls.past_calls import PastCallTold
from calls.ports import CallHistories
from scoring.policy.gate import MAX_CALLS, Judgement, judge
from scoring.policy.logged_table import LoggedChoice
from scoring.policy.looks import KeptJudgement, latest, next_look
from scoring.policy.policy_tables import offer_policy_gates
from storage.database import Database

#: What callers wanted longer ago says little of today's.
JUDGED_DAYS = 180
#: Only these draw by chance.
_DRAWN = (THOMPSON, PERSONAL)
_MAX_BECAUSE = 400


async def run_gate(
    database: Database, histories: CallHistories, values: Mapping[str, float], now: datetime
) -> Judgement:
    """`values` are the rulebook's, by offer. Servers go by what is kept at their next reading."""
    logged: deque[LoggedChoice] = deque(maxlen=MAX_CALLS)
    async for call in histories.calls(now - timedelta(days=JUDGED_DAYS)):
        one = logged_choice(call)
        if one is not None:
            logged.append(one)
    look = next_look(await _kept(database), now)
    found = await asyncio.to_thread(judge, list(logged), values, look)
    row = {
        "id": str(uuid.uuid4()),
        "at": now,
        "decision": found.decision,
        "because": found.because[:_MAX_BECAUSE],
        "figures": dict(found.figures),
    }
    await database.writer.write(lambda link: link.execute(insert(offer_policy_gates).values(row)))
    return found


def logged_choice(call: PastCallTold) -> LoggedChoice | None:
    """None where nothing was drawn."""
    if call.policy not in _DRAWN or call.contact is None:
        return None
    candidates = {
        one.offer: (one.propensity, one.probability)
        for one in call.considered
        if one.probability is not None
    }
    chosen = next((one.offer for one in call.considered if one.chosen), None)
    if chosen is None:
        return None
    accepted = call.answers.get(chosen) is OfferAnswer.ACCEPTED
    return LoggedChoice(str(call.contact), candidates, chosen, accepted)


async def newest_judgement(database: Database, now: datetime) -> KeptJudgement | None:
    """The one that servers go by."""
    gates = offer_policy_gates.c
    known = select(offer_policy_gates).where(gates.at <= latest(now))
    async with database.read() as connection:
        row = (await connection.execute(known.order_by(gates.at.desc(), gates.id).limit(1))).first()
    return _judgement(row) if row is not None else None


async def _kept(database: Database) -> Sequence[KeptJudgement]:
    """The newest one last. One or a few rows a day, of a kilobyte: years of them are no load."""
    gates = offer_policy_gates.c
    query = select(offer_policy_gates).order_by(gates.at, gates.id.desc())
    async with database.read() as connection:
        return [_judgement(row) for row in await connection.execute(query)]


def _judgement(row: Row[Any]) -> KeptJudgement:
    return KeptJudgement(row.at, row.decision, row.because, row.figures)
