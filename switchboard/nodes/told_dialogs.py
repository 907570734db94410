"""Which callers talk with which process, told from one to another."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from ami_bridge.agi_server import DialogWatcher
from calls.bus import EventBus
from calls.call import CallId, CallOutcome
from calls.clocks import Clock
from calls.events import CallEvent
from switchboard.nodes.event_wire import DialogEnded, DialogStarted


class ToldDialogs:
    """Implements `DialogWatcher` where callers are talked with: `here` is told, and the desk's
    process over `bus`, in the order in which it hears of everything else of the call."""

    def __init__(self, *, here: DialogWatcher, bus: EventBus) -> None:
        self._here = here
        self._bus = bus
        self._live: dict[CallId, None] = {}

    def dialog_started(self, call_id: CallId, now: Clock | None = None) -> None:
        self._live[call_id] = None
        self._here.dialog_started(call_id, now)
        self._bus.publish(DialogStarted(call_id, _now()))

    def dialog_ended(
        self,
        call_id: CallId,
        *,
        hung_up: bool,
        queued: bool,
        left_for: CallOutcome | None = None,
    ) -> None:
        self._live.pop(call_id, None)
        self._here.dialog_ended(call_id, hung_up=hung_up, queued=queued, left_for=left_for)
        self._bus.publish(DialogEnded(call_id, _now(), hung_up, queued, left_for))

    def tell_again(self) -> None:
        """For a desk that has only just begun."""
        for call_id in self._live:
            self._bus.publish(DialogStarted(call_id, _now()))


class HeardDialogs:
    """Where the desk is kept: what the others tell becomes what `calls` and `publish` are told of
    callers that one talks with oneself."""

    def __init__(self, *, calls: DialogWatcher, publish: Callable[[CallEvent], None]) -> None:
        self._calls = calls
        self._publish = publish
        self._live: dict[str, set[CallId]] = {}

    def take(self, who: str, event: CallEvent) -> None:
        live = self._live.setdefault(who, set())
        match event:
            case DialogStarted():
                if event.call_id not in live:
                    live.add(event.call_id)
                    self._calls.dialog_started(event.call_id)
            case DialogEnded():
                live.discard(event.call_id)
                self._calls.dialog_ended(
                    event.call_id,
                    hung_up=event.hung_up,
                    queued=event.queued,
                    left_for=event.left_for,
                )
            case _:
                self._publish(event)

    def gone(self, who: str) -> None:
        """That process is no more: the dialplan's fallback has taken its callers to a queue."""
        for call_id in self._live.pop(who, set()):
            self._calls.dialog_ended(call_id, hung_up=False, queued=True)


def _now() -> datetime:
    return datetime.now(UTC)
