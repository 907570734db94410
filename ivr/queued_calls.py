"""What is known of the callers in the queues, for those who come back to us out of one."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from calls.call import CallId
from calls.events import CallEnded
from config.actions import ToQueue
from ivr.deciding import CallCourse

#: The oldest is forgotten first.
LIMIT = 5000


@dataclass(frozen=True, slots=True)
class QueuedCall:
    """`end` is how the caller was sent to the queue."""

    course: CallCourse
    end: ToQueue


class QueuedCalls:
    """Forget a call by feeding `call_ended` from the bus."""

    def __init__(self) -> None:
        self._calls: OrderedDict[CallId, QueuedCall] = OrderedDict()

    def __len__(self) -> int:
        return len(self._calls)

    def remember(self, call_id: CallId, queued: QueuedCall) -> None:
        self._calls[call_id] = queued
        self._calls.move_to_end(call_id)
        if len(self._calls) > LIMIT:
            self._calls.popitem(last=False)

    def of(self, call_id: CallId) -> QueuedCall | None:
        return self._calls.get(call_id)

    async def call_ended(self, event: CallEnded) -> None:
        self._calls.pop(event.call_id, None)
