"""Calls as people ask for them: the latest, one in full, and how many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, ScalarSelect, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.call import CallId, CallOutcome, Direction, KeyPress
from calls.caller import ContactRef
from calls.records import KeptRecording, Leg, LegVia, OfferGiven
from crm_adapter import outbox
from crm_adapter.call_state import key_presses
from crm_adapter.call_tables import call_legs, calls, leads
from crm_adapter.call_tables import outbox as outbox_table
from crm_adapter.collected import kept_recordings, offers_given, route_taken
from storage.database import Database


@dataclass(frozen=True, slots=True)
class CallSummary:
    """One line of the history. `outcome` is None while the call lives."""

    call_id: CallId
    arrived_at: datetime
    ended_at: datetime | None
    number: str | None
    contact: ContactRef | None
    contact_name: str | None
    dialled: str
    queue: str | None
    answered_at: datetime | None
    outcome: CallOutcome | None
    fallback: bool


@dataclass(frozen=True, slots=True)
class CallDetail:
    """Everything kept of one call. `decision` is `Decision.as_json()` of the last one and `at`, its
    time (not in calls of old), None where none was made; `record_state` is pending, claimed, done
    or dead, of the record as it was told last, None before an answer or the call's end."""

    summary: CallSummary
    identity_outcome: str | None
    identity_method: str | None
    rulebook_version: str | None
    decision: dict[str, Any] | None
    menu_path: tuple[KeyPress, ...]
    legs: tuple[Leg, ...]
    lead_id: str | None
    record_id: str | None
    record_state: str | None
    identity_confidence: float | None = None
    #: Whom the number may belong to: crm, id, name, company.
    candidates: tuple[dict[str, Any], ...] = ()
    #: Those before `decision`, oldest first, at most five: rulebook_version, decision.
    earlier_decisions: tuple[dict[str, Any], ...] = ()
    arm: str | None = None
    #: By field: the digits that the caller typed.
    typed: Mapping[str, str] = field(default_factory=dict)
    recordings: tuple[KeptRecording, ...] = ()
    #: at, number, queue, position
    callback: dict[str, Any] | None = None
    #: Voicemail, transfer or hangup, and whose.
    routed: tuple[str, str | None] | None = None
    #: When each visit to a menu ended, as in `menu_path`.
    choices_at: tuple[datetime, ...] = ()
    queued_at: datetime | None = None
    offers: tuple[OfferGiven, ...] = ()
    direction: Direction = Direction.INBOUND


@dataclass(frozen=True, slots=True)
class CallCounts:
    """Records and leads count once the CRM has them; `owed` is what it is still to get, `dead`
    what it refused."""

    calls: int
    open_calls: int
    records_written: int
    leads_written: int
    owed: int
    dead: int


_SUMMARY = (
    calls.c.system,
    calls.c.linkedid,
    calls.c.arrived_at,
    calls.c.ended_at,
    calls.c.number,
    calls.c.contact_crm,
    calls.c.contact_id,
    calls.c.contact_name,
    calls.c.dialled,
    calls.c.queue,
    calls.c.answered_at,
    calls.c.outcome,
    calls.c.fallback,
)


class CallHistory:
    """Reads only."""

    def __init__(
        self, *, database: Database, tenant: str = "default", adapter: str = "embedded"
    ) -> None:
        self._database = database
        self._tenant = tenant
        self._adapter = adapter

    async def recent_calls(
        self,
        limit: int = 50,
        *,
        contact: ContactRef | None = None,
        number: str | None = None,
    ) -> list[CallSummary]:
        """Newest first; of one contact, or of one number (E.164), where told."""
        query = select(*_SUMMARY).order_by(calls.c.arrived_at.desc(), calls.c.linkedid.desc())
        if contact is not None:
            query = query.where(
                calls.c.contact_crm == contact.crm, calls.c.contact_id == contact.id
            )
        if number is not None:
            query = query.where(calls.c.number == number)
        async with self._database.read() as connection:
            return [_summary(row) for row in await connection.execute(query.limit(limit))]

    async def call_detail(self, call_id: CallId) -> CallDetail | None:
        """None for a call that is not known (any more)."""
        async with self._database.read() as connection:
            row = (await connection.execute(_detail_query(call_id))).one_or_none()
            if row is None:
                return None
            legs = await _legs(connection, call_id)
        return CallDetail(
            summary=_summary(row),
            identity_outcome=row.identity_outcome,
            identity_method=row.identity_method,
            rulebook_version=row.rulebook_version,
            decision=row.decision,
            menu_path=key_presses(row.menu_path),
            legs=legs,
            lead_id=row.lead_id,
            record_id=row.record_id,
            record_state=row.record_state,
            identity_confidence=row.identity_confidence,
            candidates=tuple(row.candidates or ()),
            earlier_decisions=tuple(row.earlier_decisions or ()),
            arm=row.arm,
            typed=row.typed or {},
            recordings=kept_recordings(row.recordings),
            callback=row.callback,
            routed=route_taken(row.routed),
            choices_at=_choices_at(row.menu_path),
            queued_at=row.queued_at,
            offers=offers_given(row.offers),
            direction=Direction(row.direction or Direction.INBOUND),
        )

    async def counts(self) -> CallCounts:
        query = select(
            _count(calls),
            _count(calls, calls.c.ended_at.is_(None)),
            _records_written(),
            _count(leads, leads.c.lead_id.is_not(None)),
            _outbox_count("pending") + _outbox_count("claimed"),
            _outbox_count("dead"),
        )
        async with self._database.read() as connection:
            return CallCounts(*(await connection.execute(query)).one())


def _detail_query(call_id: CallId) -> Select[*tuple[Any, ...]]:
    return (
        select(
            *_SUMMARY,
            calls.c.identity_outcome,
            calls.c.identity_method,
            calls.c.rulebook_version,
            calls.c.identity_confidence,
            calls.c.candidates,
            calls.c.decision,
            calls.c.earlier_decisions,
            calls.c.arm,
            calls.c.menu_path,
            calls.c.typed,
            calls.c.recordings,
            calls.c.callback,
            calls.c.routed,
            calls.c.offers,
            calls.c.queued_at,
            calls.c.direction,
            leads.c.lead_id,
            _newest_of_record(call_id, outbox_table.c.result).label("record_id"),
            _newest_of_record(call_id, outbox_table.c.state).label("record_state"),
        )
        .select_from(calls.outerjoin(leads, leads.c.key == calls.c.lead_key))
        .where(calls.c.system == call_id.system, calls.c.linkedid == call_id.linkedid)
    )


def _newest_of_record(call_id: CallId, column: ColumnElement[Any]) -> ScalarSelect[Any]:
    """The last that is not NULL: a revision under way has no id yet, though the CRM has one."""
    return (
        select(column)
        .where(
            outbox_table.c.entity == outbox.call_entity(call_id),
            outbox_table.c.operation == outbox.LOG_CALL,
            column.is_not(None),
        )
        .order_by(outbox_table.c.seq.desc())
        .limit(1)
        .scalar_subquery()
    )


async def _legs(connection: AsyncConnection, call_id: CallId) -> tuple[Leg, ...]:
    query = (
        select(call_legs)
        .where(call_legs.c.system == call_id.system, call_legs.c.linkedid == call_id.linkedid)
        .order_by(call_legs.c.position)
    )
    return tuple(
        Leg(
            agent=row.agent,
            interface=row.interface,
            rang_at=row.rang_at,
            answered_at=row.answered_at,
            ended_at=row.ended_at,
            disposition=row.disposition,
            note=row.note,
            via=LegVia(row.via or LegVia.QUEUE),
        )
        for row in await connection.execute(query)
    )


def _summary(row: Row[*tuple[Any, ...]]) -> CallSummary:
    known = row.contact_crm is not None and row.contact_id is not None
    return CallSummary(
        call_id=CallId(row.system, row.linkedid),
        arrived_at=row.arrived_at,
        ended_at=row.ended_at,
        number=row.number,
        contact=ContactRef(row.contact_crm, row.contact_id) if known else None,
        contact_name=row.contact_name,
        dialled=row.dialled,
        queue=row.queue,
        answered_at=row.answered_at,
        outcome=CallOutcome(row.outcome) if row.outcome else None,
        fallback=row.fallback,
    )


def _choices_at(path: list[dict[str, Any]] | None) -> tuple[datetime, ...]:
    return tuple(datetime.fromisoformat(step["at"]) for step in path or ())


def _count(table: Any, *conditions: Any) -> Any:
    return select(func.count()).select_from(table).where(*conditions).scalar_subquery()


def _outbox_count(state: str) -> Any:
    return _count(outbox_table, outbox_table.c.state == state)


def _records_written() -> Any:
    """Calls, not entries: a record that was amended is still one."""
    return (
        select(func.count(func.distinct(outbox_table.c.entity)))
        .where(outbox_table.c.state == "done", outbox_table.c.operation == outbox.LOG_CALL)
        .scalar_subquery()
    )
