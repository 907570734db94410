"""Our own log of calls, folded to what drift is measured on: bounded, however long the log is."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from calls.call import Direction
from calls.offers import OfferAnswer
from calls.past_calls import PastCallTold
from scoring.drift.served_scores import Served

#: Served scores and shares are those of so many days ...
RECENT_DAYS = 30
#: ... beside those of the time before, back to here; the stream of outcomes begins here too.
LOOK_BACK_DAYS = 180
#: The newest of them where there are more.
MOST_ROWS = 200_000


@dataclass(slots=True)
class Callers:
    """Calls that came in, and those of them from nobody known."""

    calls: int = 0
    unknown: int = 0


@dataclass(slots=True)
class CallLog:
    """Of calls in order of arrival; those before LOOK_BACK_DAYS are left out."""

    now: datetime
    #: Offers that were heard: what they were scored with, and whether they were accepted.
    offers: deque[Served] = field(default_factory=lambda: deque(maxlen=MOST_ROWS))
    #: Scores of all candidates, made or not: recent ones, and those before.
    scores: deque[float] = field(default_factory=lambda: deque(maxlen=MOST_ROWS))
    scores_before: deque[float] = field(default_factory=lambda: deque(maxlen=MOST_ROWS))
    recent: Callers = field(default_factory=Callers)
    before: Callers = field(default_factory=Callers)

    @property
    def begins(self) -> datetime:
        return self.now - timedelta(days=LOOK_BACK_DAYS)

    @property
    def recent_begins(self) -> datetime:
        return self.now - timedelta(days=RECENT_DAYS)

    async def read(self, calls: AsyncIterator[PastCallTold]) -> None:
        async for call in calls:
            self.add(call)

    def add(self, call: PastCallTold) -> None:
        """A clock that ran ahead has made calls of the future: they are left out too."""
        if (
            call.direction is not Direction.INBOUND
            or not self.begins <= call.arrived_at <= self.now
        ):
            return
        is_recent = call.arrived_at >= self.recent_begins
        callers = self.recent if is_recent else self.before
        callers.calls += 1
        callers.unknown += call.contact is None
        scores = self.scores if is_recent else self.scores_before
        by_offer: dict[str, float] = {}
        for each in call.considered:
            if each.propensity is not None and math.isfinite(each.propensity):
                by_offer[each.offer] = each.propensity
                scores.append(each.propensity)
        # Who cannot be told from others is a group of their own.
        whose = f"{call.contact.crm}/{call.contact.id}" if call.contact else str(call.call_id)
        for offer, answer in call.answers.items():
            self.offers.append(
                Served(
                    at=call.arrived_at,
                    contact=whose,
                    probability=by_offer.get(offer, math.nan),
                    happened=answer is OfferAnswer.ACCEPTED,
                )
            )
