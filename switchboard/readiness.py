"""What /readyz says of each part, and what /metrics counts."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from switchboard.health import Health, PartState

if TYPE_CHECKING:
    from switchboard.wiring import Centre


def add_parts(health: Health, centre: Centre) -> None:
    """`needed` parts are those without which no call is served; a missing AMI costs pops and
    exact ends, a missing CRM costs names, and neither costs a call."""
    health.add_part("agi", lambda: _agi(centre))
    health.add_part("storage", lambda: _storage(centre))
    health.add_part("rulebook", lambda: _rulebook(centre))
    health.add_part("ami", lambda: _ami(centre))
    health.add_part("crm", lambda: _crm(centre))
    health.add_part("speech", lambda: _speech(centre))
    if centre.settings.redis.url is not None:
        health.add_part("redis", centre.redis_probe.state)
    health.add_counters(centre.bridge.counters)
    health.add_counters(lambda: _agi_counters(centre))
    health.add_counters(lambda: _bus_counters(centre))


def _agi(centre: Centre) -> PartState:
    port = centre.agi.port
    return PartState(bool(port), f"listens on {port}" if port else "not listening", needed=True)


def _storage(centre: Centre) -> PartState:
    # The embedded CRM lives in the same database: one question serves both.
    error = centre.crm_probe.error
    return PartState(error is None, error or centre.database.engine.dialect.name, needed=True)


def _rulebook(centre: Centre) -> PartState:
    version = centre.rulebooks.current.version
    if centre.rulebooks.is_folder_good:
        return PartState(True, f"version {version}", needed=True)
    first = next(p for p in centre.rulebooks.problems if p.is_error)
    return PartState(
        True, f"version {version}; the folder is broken and not taken: {first}", needed=True
    )


def _ami(centre: Centre) -> PartState:
    if centre.bridge.is_connected:
        return PartState(True, "connected, live view in step")
    return PartState(False, f"{centre.bridge.state}: pops and exact ends of calls wait for it")


def _crm(centre: Centre) -> PartState:
    error = centre.crm_probe.error
    return PartState(error is None, error or centre.crm.name)


def _speech(centre: Centre) -> PartState:
    missing = centre.warm_up.problem
    return PartState(missing is None, missing or "fixed texts are rendered")


def _agi_counters(centre: Centre) -> dict[str, float]:
    counters = asdict(centre.agi.counters)
    return {
        "agi_waiting": counters["waiting"],
        "agi_live": counters["live"],
        "agi_calls_total": counters["total"],
        "agi_refused_total": counters["refused"],
        "agi_bad_requests_total": counters["bad"],
        "agi_failed_total": counters["failed"],
    }


def _bus_counters(centre: Centre) -> dict[str, float]:
    subscriptions = centre.bus.subscriptions
    return {
        "bus_shed_total": float(sum(s.shed for s in subscriptions)),
        "bus_failed_total": float(sum(s.failed for s in subscriptions)),
        "bus_waiting": float(sum(s.pending for s in subscriptions)),
    }
