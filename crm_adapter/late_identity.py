"""Callers nobody could name in time are named as soon as the CRM answers."""

from __future__ import annotations

from datetime import UTC, datetime

from calls.bus import EventBus
from calls.call import Call, CallId
from calls.caller import IdentityOutcome
from calls.deadlines import Deadline
from calls.events import CallArrived, CallEnded, CallerIdentified
from calls.ports import ContactDirectory
from config.settings import CrmSettings

#: The end of a call may be missed (see `calls.bus`); the oldest gives way then.
_MOST_CALLS = 5_000


class FallbackIdentifier:
    """Publishes `CallerIdentified(late=True)` for calls that the dialplan's fallback took (no
    dialog asks for those) and for callers whose own dialog could not wait for the CRM."""

    def __init__(
        self, *, bus: EventBus, directory: ContactDirectory, settings: CrmSettings
    ) -> None:
        self._bus = bus
        self._directory = directory
        self._settings = settings
        #: Calls on the line: arrived and not ended.
        self._calls: dict[CallId, Call] = {}

    def subscribe(self) -> None:
        self._bus.subscribe("late-identity", self.handle, CallArrived, CallerIdentified, CallEnded)

    async def handle(self, event: CallArrived | CallerIdentified | CallEnded) -> None:
        if isinstance(event, CallEnded):
            self._calls.pop(event.call_id, None)
        elif isinstance(event, CallArrived):
            self._calls[event.call_id] = event.call
            if len(self._calls) > _MOST_CALLS:
                del self._calls[next(iter(self._calls))]
            if event.fallback:
                await self._identify(event.call)
        elif event.caller.identity.outcome is IdentityOutcome.TIMEOUT and not event.late:
            call = self._calls.get(event.call_id)
            if call is not None:
                await self._identify(call)

    async def _identify(self, call: Call) -> None:
        deadline = Deadline.after(self._settings.late_deadline_s)
        caller = await self._directory.identify(
            call, region=self._settings.region, deadline=deadline
        )
        at = datetime.now(UTC)
        self._bus.publish(CallerIdentified(call.id, at, caller, late=True))
