"""All calls that are over, oldest first, for what learns from them."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Text, cast, select, type_coerce

from calls.call import CallId, CallOutcome, Direction
from calls.caller import ContactRef
from calls.offers import OfferAnswer, OfferPlace
from calls.past_calls import PastCallTold, PastChoice, PastConsidered, PastOffer
from config.number_area import area_of
from crm_adapter.call_tables import calls
from storage.database import Database
from storage.sealed.columns import SealedJson, SealedJsonText

log = logging.getLogger(__name__)

T = TypeVar("T")
_JSON = ("menu_path", "offers", "decision")
_PLAIN = (
    "system",
    "linkedid",
    "contact_crm",
    "contact_id",
    "arrived_at",
    "ended_at",
    "answered_at",
    "queued_at",
    "first_queued_at",
    "dialled",
    "number",
    "withheld",
    "direction",
    "outcome",
    "arm",
    "rulebook_version",
)
#: Longer texts are not read; a decision has a few thousand letters.
MAX_TEXT = 1_000_000
MOST_STEPS = 200


class DatabaseCallHistories:
    """Implements `calls.ports.CallHistories` by one ordered, streamed query."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def calls(self, since: datetime) -> AsyncIterator[PastCallTold]:
        """Raises SQLAlchemyError or OSError where the database does not answer."""
        columns = calls.c
        # As texts: one row that is no JSON must not end the stream.
        texts = [_text_of(columns[name]).label(name) for name in _JSON]
        query = (
            select(*(columns[name] for name in _PLAIN), *texts)
            .where(columns.arrived_at >= since, columns.ended_at.is_not(None))
            .order_by(columns.arrived_at, columns.system, columns.linkedid)
        )
        broken = 0
        async with self._database.read() as connection, connection.stream(query) as rows:
            async for row in rows:
                told = _Told(row)
                past = told.call()
                broken += told.is_broken
                if past is not None:
                    yield past
        if broken:
            log.warning("%d calls are kept with something that no call says, left out", broken)


def _text_of(column: ColumnElement[Any]) -> ColumnElement[Any]:
    text = cast(column, Text)
    if isinstance(column.type, SealedJson):
        return type_coerce(text, SealedJsonText(column.type.place))
    return text


class _Told:
    """One row, taken apart with distrust."""

    def __init__(self, row: Any) -> None:
        self._row = row
        self.is_broken = False

    def call(self) -> PastCallTold | None:
        row = self._row
        outcome = self._one_of(CallOutcome, row.outcome)
        direction = self._one_of(Direction, row.direction or Direction.INBOUND)
        if outcome is None or direction is None:
            return None
        decision = self._read("decision", dict) or {}
        known = row.contact_crm and row.contact_id
        return PastCallTold(
            call_id=CallId(row.system, row.linkedid),
            contact=ContactRef(row.contact_crm, row.contact_id) if known else None,
            arrived_at=row.arrived_at,
            ended_at=row.ended_at,
            dialled=row.dialled,
            direction=direction,
            outcome=outcome,
            choices=tuple(self._each("menu_path", _choice)),
            wait_s=self._wait_s(),
            offers=tuple(self._each("offers", self._offer)),
            considered=tuple(self._parts(decision.get("offers"), _considered)),
            arm=row.arm,
            arms=_texts(decision.get("arms")),
            policy=_text(decision.get("policy")),
            model=_text(decision.get("model")),
            models=_texts(decision.get("models")),
            rulebook_version=row.rulebook_version,
            area=area_of(row.number, withheld=row.withheld),
        )

    def _wait_s(self) -> float | None:
        since = self._row.first_queued_at or self._row.queued_at
        if since is None:
            return None
        until = self._row.answered_at or self._row.ended_at
        return max(0.0, float((until - since).total_seconds()))

    def _offer(self, one: dict[str, Any]) -> PastOffer:
        place, answer = OfferPlace(one["place"]), OfferAnswer(one["answer"])
        return PastOffer(str(one["offer"]), place, answer, self._row.arrived_at)

    def _one_of(self, kind: Callable[[Any], T], value: Any) -> T | None:
        try:
            return kind(value)
        except ValueError:
            self.is_broken = True
            return None

    def _read(self, name: str, kind: type[T]) -> T | None:
        text = getattr(self._row, name)
        if text is None:
            return None
        try:
            value = json.loads(text) if len(text) <= MAX_TEXT else None
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, kind):
            return value
        self.is_broken = self.is_broken or text != "null"
        return None

    def _each(self, name: str, made: Callable[[dict[str, Any]], T]) -> Iterator[T]:
        return self._parts(self._read(name, list), made)

    def _parts(self, parts: Any, made: Callable[[dict[str, Any]], T]) -> Iterator[T]:
        for one in parts[:MOST_STEPS] if isinstance(parts, list) else ():
            try:
                yield made(one)
            except (KeyError, TypeError, ValueError, AttributeError):
                self.is_broken = True


def _choice(step: dict[str, Any]) -> PastChoice:
    at = datetime.fromisoformat(step["at"])
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    intent = step["intent"]
    return PastChoice(
        menu=str(step["menu"]),
        digits=str(step["digits"]),
        outcome=str(step["outcome"]),
        intent=None if intent is None else str(intent),
        at=at,
    )


def _considered(one: dict[str, Any]) -> PastConsidered:
    return PastConsidered(
        str(one["offer"]),
        bool(one["chosen"]),
        _share(one.get("propensity")),
        _share(one.get("probability")),
    )


def _share(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and math.isfinite(value)
    return float(value) if is_number and 0 <= value <= 1 else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _texts(value: Any) -> dict[str, str]:
    found = value if isinstance(value, dict) else {}
    return {str(name): arm for name, arm in found.items() if isinstance(arm, str)}
