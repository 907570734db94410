"""What one contact met of one offer, from the ledger's rows. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from calls.offers import OfferAnswer, OfferHistory, OfferMetBefore, OfferPlace

#: So long a claim of a call that we have not seen end keeps its place; after a crash nobody will
#: ever hear it.
CLAIM_LASTS = timedelta(hours=4)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Meeting:
    """One row of the ledger, without whose it is."""

    answer: OfferAnswer
    at: datetime
    answered_at: datetime | None = None
    place: OfferPlace | None = None


def history_of(meetings: Iterable[Meeting], now: datetime) -> OfferHistory:
    """Days are 24 hours, whatever the clocks of the house do; what is dated after `now` (another
    machine's clock is ahead) counts as just now. Claims that last count as heard just now."""
    heard: list[float] = []
    answered: dict[OfferAnswer, float] = {}
    met: list[OfferMetBefore] = []
    for meeting in meetings:
        if meeting.answer is OfferAnswer.CLAIMED:
            if now - meeting.at < CLAIM_LASTS:
                heard.append(0.0)
            continue
        heard.append(_age(meeting.at, now))
        met.append(OfferMetBefore(meeting.place, meeting.answer, heard[-1]))
        if meeting.answer is not OfferAnswer.HEARD:
            age = _age(meeting.answered_at or meeting.at, now)
            answered[meeting.answer] = min(age, answered.get(meeting.answer, age))
    return OfferHistory(
        heard_days_ago=tuple(sorted(heard)),
        refused_days_ago=answered.get(OfferAnswer.REFUSED),
        accepted_days_ago=answered.get(OfferAnswer.ACCEPTED),
        met=tuple(sorted(met, key=lambda one: one.days_ago)),
    )


def _age(at: datetime, now: datetime) -> float:
    return max(0.0, (now - at) / _DAY)
