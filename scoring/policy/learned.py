"""What the ledger tells of each offer, read again and again behind every call's back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, func, select

from calls.offer_choice import PERSONAL, THOMPSON
from calls.offers import OfferAnswer
from config.settings import ScoringSettings
from scoring.memory_tables import offer_meetings
from scoring.offer_ledger import utc_now
from scoring.policy.ladder import Ladder, SegmentBy
from scoring.policy.looks import DEPLOY, latest
from scoring.policy.policy_tables import offer_policy_gates
from scoring.policy.posteriors import UNKNOWN, Heard, Posteriors
from scoring.tables import contact_segments
from storage.database import Database

log = logging.getLogger(__name__)

#: What was heard longer ago says little about the next caller.
COUNTED_DAYS = 365
#: Between two readings of the whole ledger: so long a new answer takes to be learned.
LEARN_EVERY_S = 300.0
#: Offers times segments; more than any rulebook has.
MAX_CELLS = 5_000

_BOOK, _SEGMENT = offer_meetings.c, contact_segments.c


class LearnedPolicies:
    """Implements `calls.ports.OfferPolicies`. Until the first `refresh` nothing was learned."""

    def __init__(
        self,
        *,
        database: Database,
        settings: ScoringSettings,
        now: Callable[[], datetime] = utc_now,
        every_s: float = LEARN_EVERY_S,
    ) -> None:
        self._database = database
        self._settings = settings
        self._now = now
        self._every_s = every_s
        self._read_at: datetime | None = None
        self._ladder = self._made(Posteriors(), proven=False)

    @property
    def current(self) -> Ladder:
        return self._ladder

    async def refresh(self) -> None:
        """Reads the ledger where the last time is `every_s` ago. Raises SQLAlchemyError or
        OSError; then what was learned before stays."""
        now = self._now()
        # A clock that was set back must not stop the learning.
        age_s = abs((now - self._read_at).total_seconds()) if self._read_at else None
        if age_s is not None and age_s < self._every_s:
            return
        counts = await counts_of(self._database, by=self._settings.policy_by, now=now)
        proven = await _is_proven(self._database, now)
        ladder = self._made(Posteriors(counts), proven=proven)
        await asyncio.to_thread(ladder.posteriors.prepare, (UNKNOWN,), ())
        if ladder.policy != self._ladder.policy:
            log.info("offers: chosen by %s from now on", ladder.policy)
        self._ladder, self._read_at = ladder, now

    def _made(self, posteriors: Posteriors, *, proven: bool) -> Ladder:
        settings = self._settings
        policy: str = settings.policy
        if policy == "auto":
            policy = PERSONAL if proven else THOMPSON
        return Ladder(
            posteriors, policy=policy, explore=settings.explore, segment_by=settings.policy_by
        )


async def counts_of(
    database: Database, *, by: SegmentBy, now: datetime
) -> Sequence[tuple[str, str, Heard]]:
    """By segment and offer, of the last year."""
    since = now - timedelta(days=COUNTED_DAYS)
    async with database.read() as connection:
        rows = list(await connection.execute(_counted(by, since).limit(MAX_CELLS)))
    return [
        (row.segment or UNKNOWN, row.offer, Heard.of(row.heard, row.accepted or 0)) for row in rows
    ]


def _counted(by: SegmentBy, since: datetime) -> Select[Any]:
    # As it was when they heard it; rows of an older version do not say: as it is today.
    segment = func.coalesce(_BOOK[by], _SEGMENT[by])
    same = and_(_SEGMENT.crm == _BOOK.contact_crm, _SEGMENT.contact_id == _BOOK.contact_id)
    accepted = func.count().filter(_BOOK.answer == OfferAnswer.ACCEPTED.value)
    return (
        select(
            segment.label("segment"),
            _BOOK.offer.label("offer"),
            func.count().label("heard"),
            accepted.label("accepted"),
        )
        .select_from(offer_meetings.outerjoin(contact_segments, same))
        .where(_BOOK.answer != OfferAnswer.CLAIMED.value, _BOOK.at > since)
        .group_by(segment, _BOOK.offer)
        .order_by(_BOOK.offer, segment)
    )


async def _is_proven(database: Database, now: datetime) -> bool:
    gates = offer_policy_gates.c
    known = select(gates.decision).where(gates.at <= latest(now))
    newest = known.order_by(gates.at.desc(), gates.id).limit(1)
    async with database.read() as connection:
        return (await connection.execute(newest)).scalar() == DEPLOY
