"""The key by which a waiting caller leaves the queue to be called back, once that was offered."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable

from calls.bus import EventBus
from calls.call import CallId
from calls.errors import Unavailable
from calls.events import AgentAnswered, CallEnded, CallEvent, HoldMessagesReached
from calls.ports import QueueExits

log = logging.getLogger(__name__)

#: What Asterisk may take to open or close the way out.
DEADLINE_S = 2.0
#: Calls that are remembered to have the key.
OPEN_LIMIT = 5000


class CallbackKeys:
    """Opens the way out as the offer begins to be heard, and closes it when an agent answers."""

    def __init__(self, *, exits: QueueExits, bus: EventBus) -> None:
        self._exits = exits
        self._bus = bus
        self._open: OrderedDict[CallId, None] = OrderedDict()

    def subscribe(self, *buses: EventBus) -> None:
        """To these too."""
        for bus in (self._bus, *buses):
            bus.subscribe("hold-keys", self.seen, HoldMessagesReached, AgentAnswered, CallEnded)

    async def seen(self, event: CallEvent) -> None:
        call_id = event.call_id
        if not isinstance(event, HoldMessagesReached):
            if call_id in self._open:
                del self._open[call_id]
                await self._in_time(call_id, self._exits.forbid_exit(call_id))
        elif "callback" in event.kinds:
            # Each time: the key works once, and who came back into the queue may use it again.
            if await self._in_time(call_id, self._exits.allow_exit(call_id)):
                self._open[call_id] = None
            while len(self._open) > OPEN_LIMIT:
                self._open.popitem(last=False)

    async def _in_time(self, call_id: CallId, asked: Awaitable[None]) -> bool:
        try:
            async with asyncio.timeout(DEADLINE_S):
                await asked
        except (Unavailable, TimeoutError) as error:
            log.warning("hold: the callback key of %s could not be changed: %r", call_id, error)
            return False
        return True
