"""What became of the pops of one call: each step, and where one stopped why."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from calls.call import CallId, Direction
from calls.records import LegVia
from crm_adapter import pop_hooks
from crm_adapter.call_history import CallDetail, CallHistory
from screenpop.pops.explain_pop import DeliveryTrace, explain_pop
from screenpop.pops.pop_stops import NOT_SHOWN, late_by, stop_of
from storage.database import Database

#: A call that rang a hundred agents for an hour has a longer story than anybody reads.
MOST_STOPS = 30


@dataclass(frozen=True, slots=True)
class Stopped:
    """`code` is a key of `pop_advice.WORDS`, which `values` fill; it happened `count` times to the
    same agent, or webhook."""

    code: str
    values: dict[str, str] = field(default_factory=dict)
    agent: str | None = None
    at: datetime | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class ToldPops:
    steps: Sequence[DeliveryTrace]
    stops: Sequence[Stopped]


async def told_pops(
    database: Database,
    call_id: CallId,
    *,
    hooks: Collection[str],
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> ToldPops | None:
    """`hooks` are the webhooks that are sent pops. None for a call that is not known."""
    steps = await explain_pop(database, call_id)
    detail = await CallHistory(database=database).call_detail(call_id)
    if detail is None and not steps:
        return None
    async with database.read() as connection:
        pop_ids = {step.pop_id for step in steps}
        troubles = await pop_hooks.troubles(connection, hooks, pop_ids)
    stops = [
        *(_before_any_pop(detail, steps) if detail is not None else ()),
        *_of_offers(steps, now()),
        *map(_of_webhook, troubles),
    ]
    return ToldPops(steps, _together(stops)[:MOST_STOPS])


def _before_any_pop(detail: CallDetail, steps: Sequence[DeliveryTrace]) -> Iterator[Stopped]:
    if detail.direction is not Direction.INBOUND:
        yield Stopped("placed")
        return
    if not detail.legs and not steps:
        queue = detail.summary.queue
        if detail.summary.ended_at is None:
            yield Stopped("not_yet")
        elif queue is None:
            yield Stopped("never_queued", {"call": str(detail.summary.call_id)})
        else:
            yield Stopped("nobody_rang", {"queue": queue})
    shown = {step.agent for step in steps}
    for leg in detail.legs:
        values = {"agent": leg.agent, "interface": leg.interface}
        if leg.agent == leg.interface:
            yield Stopped("unmapped", values, None, leg.rang_at)
        elif leg.agent not in shown and leg.via is not LegVia.CONFERENCE:
            yield Stopped("no_trace", values, leg.agent, leg.rang_at)


def _of_offers(steps: Sequence[DeliveryTrace], now: datetime) -> Iterator[Stopped]:
    for step in steps:
        if step.kind not in ("pop.offer", NOT_SHOWN):
            continue
        offer = _seen_by_then(step, steps)
        stop = stop_of(offer, now)
        if stop is not None:
            rang_s = ((offer.closed_at or now) - offer.event_at).total_seconds()
            values = {
                "agent": offer.agent,
                "interface": offer.interface,
                "sockets": str(offer.sockets),
                "late_s": f"{late_by(offer).total_seconds():.1f}",
                "rang_s": f"{max(0.0, rang_s):.1f}",
                "reason": offer.close_reason or "",
            }
            yield Stopped(stop.value, values, offer.agent, offer.event_at)


def _seen_by_then(offer: DeliveryTrace, steps: Sequence[DeliveryTrace]) -> DeliveryTrace:
    """Who opens a desktop later acknowledges the newest frame of a pop only."""
    later = [s.acked_at for s in steps if s.pop_id == offer.pop_id and s.acked_at is not None]
    return replace(offer, acked_at=min(later)) if offer.acked_at is None and later else offer


def _of_webhook(trouble: pop_hooks.HookTrouble) -> Stopped:
    code = "webhook_given_up" if trouble.given_up else "webhook_waits"
    values = {"hook": trouble.hook, "error": trouble.error, "key": trouble.key}
    return Stopped(code, values, count=trouble.count)


def _together(stops: Sequence[Stopped]) -> list[Stopped]:
    """What happened again to the same agent is told once, as it was the last time."""
    found: dict[tuple[str, str], Stopped] = {}
    for stop in stops:
        whose = stop.values.get("interface", "") or stop.values.get("hook", "")
        before = found.get((stop.code, whose))
        count = stop.count + (before.count if before else 0)
        found[(stop.code, whose)] = replace(stop, count=count)
    return list(found.values())
