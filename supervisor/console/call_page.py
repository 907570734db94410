"""One call for the supervisor page: what was decided and why, how it went on, and each pop's way to
the screen. Numbers are masked like everywhere people look."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime
from typing import Any

from calls.call import CallId
from crm_adapter.call_history import CallHistory
from screenpop.pops.explain_pop import DeliveryTrace
from storage.database import Database
from supervisor.explain import explain_call
from supervisor.pop_advice import advice
from supervisor.told_pops import Stopped, told_pops

#: Values that look like telephone numbers and are none.
_NO_NUMBERS = frozenset({"id", "ref", "at", "arrived_at", "ended_at", "answered_at", "version"})


class CallPages:
    """`mask` makes a text fit to be shown; `is_ours` tells the company's own numbers, which are
    shown whole; `hooks` are the webhooks that are sent pops."""

    def __init__(
        self,
        *,
        database: Database,
        mask: Callable[[str], str],
        is_ours: Callable[[str], bool],
        hooks: Collection[str] = (),
    ) -> None:
        self._database = database
        self._history = CallHistory(database=database)
        self._mask = mask
        self._is_ours = is_ours
        self._hooks = hooks

    async def page(self, call_id: CallId) -> dict[str, Any] | None:
        """`explained` is what `switchboard explain --call --json` prints, without the facts; None
        for a call that is not kept."""
        detail = await self._history.call_detail(call_id)
        if detail is None:
            return None
        told = await told_pops(self._database, call_id, hooks=self._hooks)
        explained = _without_facts(explain_call(detail))
        typed = explained["call"]["typed"]
        explained["call"]["typed"] = {name: f"…{digits[-2:]}" for name, digits in typed.items()}
        return {
            "explained": self._masked(explained),
            "pops": [_trace(step) for step in told.steps] if told is not None else [],
            "stops": [self._stop(stop) for stop in told.stops] if told is not None else [],
        }

    def _stop(self, stop: Stopped) -> dict[str, Any]:
        interface = stop.values.get("interface", "")
        shown = replace(stop, values={**stop.values, "interface": self._mask(interface)})
        english, chinese = advice(shown), advice(shown, chinese=True)
        return {
            "code": stop.code,
            "agent": stop.agent,
            "at": _ms(stop.at) if stop.at is not None else None,
            "happened": [english.happened, chinese.happened],
            "do": [english.do, chinese.do],
        }

    def _masked(self, value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: self._masked(part, name) for name, part in value.items()}
        if isinstance(value, list | tuple):
            return [self._masked(part, key) for part in value]
        if not isinstance(value, str) or key in _NO_NUMBERS or key.endswith("version"):
            return value
        if key == "dialled" and self._is_ours(value):
            return value
        return self._mask(value)


def _without_facts(explained: dict[str, Any]) -> dict[str, Any]:
    """The rules say on which values they hung; the whole list is as private as the call."""
    call = explained["call"]
    for kept in (*call["earlier_decisions"], *call["later_decisions"]):
        if kept["decision"] is not None:
            kept["decision"].pop("facts", None)
    if explained["decision"] is not None:
        explained["decision"].pop("facts", None)
    return explained


def _trace(trace: DeliveryTrace) -> dict[str, Any]:
    return {
        "agent": trace.agent,
        "interface": trace.interface,
        "known_by": trace.known_by,
        "kind": trace.kind,
        "event_at": _ms(trace.event_at),
        "sent_at": _ms(trace.sent_at),
        "sockets": trace.sockets,
        "acked_at": _ms(trace.acked_at) if trace.acked_at is not None else None,
        "rendered_ms": trace.rendered_ms,
    }


def _ms(at: datetime) -> float:
    return at.timestamp() * 1000
