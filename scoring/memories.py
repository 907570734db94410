"""What earlier calls of a contact left behind, read while the phone rings."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Float,
    Select,
    String,
    bindparam,
    case,
    cast,
    literal,
    null,
    select,
    union_all,
)
from sqlalchemy.exc import SQLAlchemyError

from calls.caller import ContactRef
from calls.contact_features import ContactFeatures
from calls.deadlines import Deadline
from calls.errors import DeadlineExceeded
from calls.offers import MEMORY_MISSED, NO_MEMORY, CallerMemory, OfferAnswer, OfferPlace
from config.settings import ScoringSettings
from scoring.decay import Decayed
from scoring.features.state_rows import features_of
from scoring.features.state_tables import contact_states
from scoring.memory_tables import contact_agents, menu_choices, offer_meetings
from scoring.offer_history import Meeting, history_of
from scoring.offer_ledger import utc_now
from storage.database import Database
from storage.overtime import Overtime
from storage.tables import UtcDateTime

log = logging.getLogger(__name__)

#: Rows read for one contact; more than any person leaves behind.
MAX_ROWS = 2_000
#: No cap looks further back.
_OFFERS_LAST = timedelta(days=3 * 366)
_DAY = timedelta(days=1)
_CHOICE, _OFFER, _AGENT, _STATE = "choice", "offer", "agent", "state"


def _whose(table: Any) -> tuple[Any, Any]:
    return (
        table.c.contact_crm == bindparam("of_crm"),
        table.c.contact_id == bindparam("of_contact"),
    )


def _question() -> Select[Any]:
    """One question for four tables; made once: building a statement costs more than running it."""
    choices, offers, agents = menu_choices.c, offer_meetings.c, contact_agents.c
    states = contact_states.c
    nothing, never = cast(null(), Float), cast(null(), UtcDateTime())
    no_text = cast(null(), String)
    parts = union_all(
        select(
            literal(_CHOICE).label("kind"),
            choices.menu.label("name"),
            choices.intent.label("detail"),
            choices.digit.label("answer"),
            choices.weight.label("weight"),
            choices.last_at.label("at"),
            never.label("answered_at"),
        ).where(*_whose(menu_choices)),
        select(
            literal(_OFFER),
            offers.offer,
            offers.place,
            offers.answer,
            nothing,
            offers.at,
            offers.answered_at,
        ).where(
            *_whose(offer_meetings),
            offers.answer != OfferAnswer.CLAIMED.value,
            offers.at > bindparam("since"),
        ),
        select(literal(_AGENT), agents.agent, no_text, no_text, nothing, agents.at, never).where(
            *_whose(contact_agents)
        ),
        select(
            literal(_STATE), states.schema, states.purchases, states.calls, nothing, never, never
        ).where(
            states.crm == bindparam("of_crm"),
            states.contact_id == bindparam("of_contact"),
        ),
    ).subquery()
    # The one state is not to be among the rows beyond the limit.
    state_first = case((parts.c.kind == _STATE, 0), else_=1)
    return select(parts).order_by(state_first).limit(MAX_ROWS)


_OF_CONTACT = _question()


class Memories:
    """Implements `calls.ports.CallerMemories`. Never worth a caller's waiting: after
    `settings.deadline_s` at most the answer is MEMORY_MISSED. Claims of live calls are left
    out: only the ledger's `claim` counts them, exactly."""

    def __init__(
        self,
        *,
        database: Database,
        settings: ScoringSettings,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._settings = settings
        self._now = now
        self._reads = Overtime("scoring:memory")

    async def close(self) -> None:
        """Waits for questions still going on; the database is closed by its owner."""
        await self._reads.finish()

    async def memory_of(self, contact: ContactRef, *, deadline: Deadline) -> CallerMemory:
        own = Deadline.after(self._settings.deadline_s)
        nearest = min(own, deadline, key=lambda each: each.at)
        try:
            return await self._reads.ask("memory", self._read(contact), deadline=nearest)
        except DeadlineExceeded:
            log.warning("what earlier calls left behind was not read in time")
        except (SQLAlchemyError, OSError):
            log.warning("what earlier calls left behind cannot be read", exc_info=True)
        return MEMORY_MISSED

    async def _read(self, contact: ContactRef) -> CallerMemory:
        now = self._now()
        keys = {"of_crm": contact.crm, "of_contact": contact.id, "since": now - _OFFERS_LAST}
        async with self._database.read(brief=True) as connection:
            rows = list(await connection.execute(_OF_CONTACT, keys))
        return _memory(rows, now) if rows else NO_MEMORY


def _memory(rows: Iterable[Any], now: datetime) -> CallerMemory:
    digits: dict[tuple[str, str], str] = {}
    choices: dict[tuple[str, str], float] = {}
    chosen: dict[tuple[str, str], float] = {}
    meetings: defaultdict[str, list[Meeting]] = defaultdict(list)
    last_agent: str | None = None
    features: ContactFeatures | None = None
    for row in rows:
        if row.kind == _CHOICE:
            digits[row.name, row.detail] = row.answer
            choices[row.name, row.detail] = Decayed(row.weight, row.at).seen_from(now)
            chosen[row.name, row.detail] = max(0.0, (now - row.at) / _DAY)
        elif row.kind == _OFFER:
            place = OfferPlace(row.detail) if row.detail is not None else None
            answer = OfferAnswer(row.answer)
            meetings[row.name].append(Meeting(answer, row.at, row.answered_at, place))
        elif row.kind == _STATE:
            features = features_of(row.name, row.detail, row.answer, now)
        else:
            last_agent = row.name
    offers = {offer: history_of(found, now) for offer, found in meetings.items()}
    return CallerMemory(
        digits=digits,
        choices=choices,
        chosen_days_ago=chosen,
        offers=offers,
        last_agent=last_agent,
        features=features,
    )
