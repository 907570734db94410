"""Runs the gate over all calls of the last half year, and keeps what it found."""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select

from calls.offer_choice import PERSONAL, THOMPSON
from calls.offers import OfferAnswer
from calls.past_calls import PastCallTold
from calls.ports import CallHistories
from scoring.policy.gate import MAX_CALLS, Judgement, LoggedChoice, judge
from scoring.policy.policy_tables import offer_policy_gates
from storage.database import Database

#: What callers wanted longer ago says little of today's.
JUDGED_DAYS = 180
#: Only these draw by chance.
_DRAWN = (THOMPSON, PERSONAL)
_MAX_BECAUSE = 400


@dataclass(frozen=True, slots=True)
class KeptJudgement:
    at: datetime
    decision: str
    because: str
    figures: Mapping[str, Any]


async def run_gate(
    database: Database, histories: CallHistories, values: Mapping[str, float], now: datetime
) -> Judgement:
    """`values` are the rulebook's, by offer. Servers go by what is kept at their next reading."""
    logged: deque[LoggedChoice] = deque(maxlen=MAX_CALLS)
    async for call in histories.calls(now - timedelta(days=JUDGED_DAYS)):
        one = logged_choice(call)
        if one is not None:
            logged.append(one)
    found = await asyncio.to_thread(judge, list(logged), values)
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


async def newest_judgement(database: Database) -> KeptJudgement | None:
    gates = offer_policy_gates.c
    query = select(offer_policy_gates).order_by(gates.at.desc(), gates.id).limit(1)
    async with database.read() as connection:
        row = (await connection.execute(query)).one_or_none()
    return KeptJudgement(row.at, row.decision, row.because, row.figures) if row else None
