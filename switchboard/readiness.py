"""What /readyz says of each part, and what /metrics counts."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from ami_bridge.agi_server import AgiServer
from ami_bridge.bridge import AmiBridge
from calls.bus import EventBus
from config.publishing import Rulebooks
from crm_adapter.adapter import CrmAdapter
from crm_adapter.call_records import CallRecorder
from crm_adapter.outbox_gauge import OutboxGauge
from switchboard.health import Health, PartState
from switchboard.probes import Probe
from switchboard.warm_up import WarmUp


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What is looked at. `redis` is None where none is set."""

    agi: AgiServer
    bridge: AmiBridge
    bus: EventBus
    rulebooks: Rulebooks
    crm: CrmAdapter
    crm_probe: Probe
    redis: Probe | None
    database: str
    warm_up: WarmUp
    outbox: OutboxGauge
    recorder: CallRecorder


def add_parts(health: Health, parts: Parts) -> None:
    """`needed` parts are those without which no call is served; a missing AMI costs pops and
    exact ends, a missing CRM costs names, and neither costs a call."""
    health.add_part("agi", lambda: _agi(parts))
    health.add_part("storage", lambda: _storage(parts))
    health.add_part("rulebook", lambda: _rulebook(parts))
    health.add_part("ami", lambda: _ami(parts))
    health.add_part("crm", lambda: _crm(parts))
    health.add_part("outbox", lambda: _outbox(parts))
    health.add_part("speech", lambda: _speech(parts))
    if parts.redis is not None:
        health.add_part("redis", parts.redis.state)
    health.registry.register(parts.outbox)
    health.add_counters(parts.bridge.counters)
    health.add_counters(lambda: _agi_counters(parts))
    health.add_counters(lambda: _bus_counters(parts))
    health.add_counters(lambda: _record_counters(parts))


def _agi(parts: Parts) -> PartState:
    port = parts.agi.port
    return PartState(bool(port), f"listens on {port}" if port else "not listening", needed=True)


def _storage(parts: Parts) -> PartState:
    # The embedded CRM lives in the same database: one question serves both.
    error = parts.crm_probe.error
    if error is None and parts.recorder.trouble is not None:
        error = f"{parts.recorder.trouble}; {parts.recorder.waiting} events wait in memory"
    return PartState(error is None, error or parts.database, needed=True)


def _rulebook(parts: Parts) -> PartState:
    version = parts.rulebooks.current.version
    if parts.rulebooks.is_folder_good:
        return PartState(True, f"version {version}", needed=True)
    first = next(p for p in parts.rulebooks.problems if p.is_error)
    return PartState(
        True, f"version {version}; the folder is broken and not taken: {first}", needed=True
    )


def _ami(parts: Parts) -> PartState:
    if parts.bridge.is_connected:
        return PartState(True, "connected, live view in step")
    return PartState(False, f"{parts.bridge.state}: pops and exact ends of calls wait for it")


def _crm(parts: Parts) -> PartState:
    error = parts.crm_probe.error
    return PartState(error is None, error or parts.crm.name)


def _outbox(parts: Parts) -> PartState:
    return PartState(not parts.outbox.dead, parts.outbox.sentence())


def _speech(parts: Parts) -> PartState:
    missing = parts.warm_up.problem
    return PartState(missing is None, missing or "fixed texts are rendered")


def _agi_counters(parts: Parts) -> dict[str, float]:
    counters = asdict(parts.agi.counters)
    return {
        "agi_waiting": counters["waiting"],
        "agi_live": counters["live"],
        "agi_calls_total": counters["total"],
        "agi_refused_total": counters["refused"],
        "agi_bad_requests_total": counters["bad"],
        "agi_failed_total": counters["failed"],
        "agi_left_total": counters["left"],
        "agi_worst_leave_seconds": counters["worst_leave_s"],
    }


def _bus_counters(parts: Parts) -> dict[str, float]:
    subscriptions = parts.bus.subscriptions
    return {
        "bus_shed_total": float(sum(s.shed for s in subscriptions)),
        "bus_failed_total": float(sum(s.failed for s in subscriptions)),
        "bus_waiting": float(sum(s.pending for s in subscriptions)),
    }


def _record_counters(parts: Parts) -> dict[str, float]:
    return {
        "records_waiting": float(parts.recorder.waiting),
        "records_refused_total": float(parts.recorder.refused),
    }
