"""How long callers wait for an agent, counted as it happens: the service level in `/metrics`."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Histogram

from calls import events
from calls.call import CallId

#: The oldest is forgotten first: more than these are not followed.
MAX_CALLS = 5_000
_SECONDS = (5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0)


@dataclass(slots=True)
class _Waiting:
    queue: str
    since: datetime
    answered: bool = False


class QueueLevels:
    """Counts what `day_figures` reads: from the first queue to the first agent's answer, once for
    each call. Calls that are open when the server starts are left out. `within_s` is a bucket of
    its own; `handle` is the bus's handler of `FOLLOWED`."""

    FOLLOWED = (events.CallQueued, events.AgentAnswered, events.CallEnded)

    def __init__(self, registry: CollectorRegistry, *, within_s: float) -> None:
        self._calls: OrderedDict[CallId, _Waiting] = OrderedDict()
        self._wait = Histogram(
            "switchboard_queue_wait_seconds",
            "From the first queue to an agent's answer",
            labelnames=("queue",),
            registry=registry,
            buckets=sorted({*_SECONDS, within_s}),
        )
        self._unanswered = Counter(
            "switchboard_queue_unanswered",
            "Calls that came into a queue and ended without an agent",
            labelnames=("queue",),
            registry=registry,
        )

    async def handle(self, event: events.CallEvent) -> None:
        call = self._calls.get(event.call_id)
        match event:
            case events.CallQueued():
                if call is None:
                    self._calls[event.call_id] = _Waiting(event.queue, event.at)
                    if len(self._calls) > MAX_CALLS:
                        self._calls.popitem(last=False)
                else:
                    call.queue = event.queue
            case events.AgentAnswered():
                if call is not None and not call.answered:
                    call.answered = True
                    seconds = max(0.0, (event.at - call.since).total_seconds())
                    self._wait.labels(event.queue or call.queue).observe(seconds)
            case events.CallEnded():
                self._calls.pop(event.call_id, None)
                if call is not None and not call.answered:
                    self._unanswered.labels(call.queue).inc()
            case _:
                pass
