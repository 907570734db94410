"""What /readyz says of each part, and what /metrics counts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial

from ami_bridge.agi_server import AgiServer
from ami_bridge.ami_client import LinkState
from ami_bridge.bridge import AmiBridge
from calls.bus import EventBus
from config.publishing import Rulebooks
from crm_adapter.adapter import CrmAdapter
from crm_adapter.call_records import CallRecorder
from crm_adapter.outbox_gauge import OutboxGauge
from switchboard.health import Figures, Health, LoopLag, PartState
from switchboard.probes import Probe
from switchboard.warm_up import WarmUp

#: A loop that is so late makes callers wait and desktops stutter.
_LATE_P99_S, _LATE_WORST_S = 0.25, 1.0
#: What the CRM has not got for so long will not come by itself.
_OVERDUE_S = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What is looked at of every process. `bridges`: one for each Asterisk that it follows; `redis`
    is None where none is set; `outbox` and `recorder` are the desk's side's."""

    bridges: Sequence[AmiBridge]
    bus: EventBus
    rulebooks: Rulebooks
    crm: CrmAdapter
    crm_probe: Probe
    redis: Probe | None
    database: str
    outbox: OutboxGauge | None = None
    recorder: CallRecorder | None = None


def add_parts(health: Health, parts: Parts) -> None:
    """`needed` parts are those without which no call is served; a missing AMI costs pops and
    exact ends, a missing CRM costs names, and neither costs a call."""
    health.add_part("storage", lambda: _storage(parts))
    health.add_part("rulebook", lambda: _rulebook(parts))
    for name, bridge in _named(parts.bridges):
        health.add_part(name, partial(_ami, bridge))
    health.add_part("crm", lambda: _crm(parts))
    health.add_part("loop", lambda: _loop(health.lag))
    if parts.redis is not None:
        health.add_part("redis", parts.redis.state)
    health.add_figures(lambda: _figures(parts))
    health.add_counters(lambda: {"tasks": float(len(asyncio.all_tasks()))})
    health.add_counters(lambda: _ami_counters([bridge.counters() for bridge in parts.bridges]))
    health.add_counters(lambda: _bus_counters(parts))
    if (outbox := parts.outbox) is not None:
        health.add_part("outbox", lambda: _outbox(outbox))
        health.registry.register(outbox)
    if (recorder := parts.recorder) is not None:
        health.add_counters(lambda: _record_counters(recorder))


def add_callers_parts(health: Health, *, agi: AgiServer, warm_up: WarmUp) -> None:
    """Of a process that talks with callers."""
    health.add_part("agi", lambda: _agi(agi))
    health.add_part("speech", lambda: _speech(warm_up))
    health.add_counters(lambda: _agi_counters(agi))


def _rounded(age_s: float | None) -> float | None:
    return None if age_s is None else round(age_s, 3)


def _figures(parts: Parts) -> Figures:
    return {
        **{
            name.replace("ami", "ami_last_byte_age_s", 1): _rounded(bridge.client.last_byte_age_s)
            for name, bridge in _named(parts.bridges)
        },
        "outbox_oldest_s": None if parts.outbox is None else round(parts.outbox.oldest_s, 1),
        "rulebook_version": parts.rulebooks.current.version,
        "database": parts.database,
    }


def _agi(agi: AgiServer) -> PartState:
    if port := agi.port:
        return PartState(True, f"listens on {port}", needed=True)
    remedy = "it starts last and stops first: wait, or see the log"
    return PartState(False, "not listening", needed=True, remedy=remedy)


def _storage(parts: Parts) -> PartState:
    # The embedded CRM lives in the same database: one question serves both.
    error = parts.crm_probe.error
    recorder = parts.recorder
    if error is None and recorder is not None and recorder.trouble is not None:
        error = f"{recorder.trouble}; {recorder.waiting} events wait in memory"
    if error is None:
        return PartState(True, parts.database, needed=True)
    remedy = (
        "make room on its disk, or end what locks the file"
        if parts.database == "sqlite"
        else "see that PostgreSQL runs and lets us in (storage.url)"
    )
    return PartState(False, error, needed=True, remedy=f"{remedy}; what waits is written then")


def _rulebook(parts: Parts) -> PartState:
    version = parts.rulebooks.current.version
    if parts.rulebooks.is_folder_good:
        return PartState(True, f"version {version}", needed=True)
    first = next(p for p in parts.rulebooks.problems if p.is_error)
    return PartState(
        True, f"version {version}; the folder is broken and not taken: {first}", needed=True
    )


def _named(bridges: Sequence[AmiBridge]) -> Iterable[tuple[str, AmiBridge]]:
    """By the part's name: `ami` where there is one, else `ami:SYSTEM`."""
    if len(bridges) == 1:
        return [("ami", bridges[0])]
    return [(f"ami:{bridge.tracker.system}", bridge) for bridge in bridges]


def _ami(bridge: AmiBridge) -> PartState:
    doubt = "".join(f"; {each}" for each in bridge.doubts)
    if bridge.is_connected:
        return PartState(True, f"connected, live view in step{doubt}")
    remedy = {
        LinkState.REFUSED: "give ami.secret_file the secret of Asterisk's manager.conf",
        LinkState.AWAY: "see that Asterisk runs and ami.host and ami.port are its manager's",
        LinkState.CONNECTED: "wait: it is being compared with Asterisk",
    }[bridge.state]
    told = f"{bridge.state}: pops and exact ends of calls wait for it{doubt}"
    return PartState(False, told, remedy=remedy)


def _crm(parts: Parts) -> PartState:
    if (error := parts.crm_probe.error) is None:
        return PartState(True, parts.crm.name)
    return PartState(False, error, remedy="`switchboard crm check` says what is missing")


def _outbox(outbox: OutboxGauge) -> PartState:
    ok = not outbox.dead and outbox.oldest_s < _OVERDUE_S
    remedy = "" if ok else "mend the CRM or the receiver that `switchboard outbox status` names"
    return PartState(ok, outbox.sentence(), remedy=remedy)


def _speech(warm_up: WarmUp) -> PartState:
    if (missing := warm_up.problem) is None:
        return PartState(True, "fixed texts are rendered")
    return PartState(False, missing, remedy="wait while it renders, else `switchboard doctor`")


def _loop(lag: LoopLag) -> PartState:
    told = f"at most {lag.worst_s:.2f} s late in the last minute, mostly {lag.p99_s:.2f} s"
    if lag.p99_s < _LATE_P99_S and lag.worst_s < _LATE_WORST_S:
        return PartState(True, told)
    remedy = (
        "give the machine more processor, or fewer calls at once (agi.max_sessions); SIGUSR1 logs "
        "what the server is doing"
    )
    return PartState(False, told, remedy=remedy)


def _agi_counters(agi: AgiServer) -> dict[str, float]:
    counters = asdict(agi.counters)
    return {
        "agi_waiting": counters["waiting"],
        "agi_live": counters["live"],
        "agi_calls_total": counters["total"],
        "agi_refused_total": counters["refused"],
        "agi_bad_requests_total": counters["bad"],
        "agi_strangers_total": float(agi.peers.strangers),
        "agi_failed_total": counters["failed"],
        "agi_left_total": counters["left"],
        "agi_worst_leave_seconds": counters["worst_leave_s"],
    }


def _ami_counters(of_each: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Of all Asterisks together; ages are the oldest's, and `ami_connected` how many are there."""
    told = {name: sum(one[name] for one in of_each) for name in of_each[0]}
    age = "ami_last_byte_age_seconds"
    return told | {age: max(one[age] for one in of_each)}


def _bus_counters(parts: Parts) -> dict[str, float]:
    subscriptions = parts.bus.subscriptions
    return {
        "bus_shed_total": float(sum(s.shed for s in subscriptions)),
        "bus_failed_total": float(sum(s.failed for s in subscriptions)),
        "bus_waiting": float(sum(s.pending for s in subscriptions)),
    }


def _record_counters(recorder: CallRecorder) -> dict[str, float]:
    return {
        "records_waiting": float(recorder.waiting),
        "records_refused_total": float(recorder.refused),
    }
