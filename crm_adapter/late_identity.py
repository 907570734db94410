"""Callers whom no dialog asks for are named all the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from calls.bus import EventBus
from calls.call import Direction
from calls.deadlines import Deadline
from calls.events import CallArrived, CallerIdentified, CallLeftUnknown, CallRemembered
from calls.ports import ContactDirectory
from config.settings import CrmSettings


class LateIdentifier:
    """Publishes `CallerIdentified(late=True)` for calls that the dialplan's fallback took, for
    those remembered or left unknown from before our start, and for whom our agents call, so that
    the agent and the record know the other end."""

    def __init__(
        self, *, bus: EventBus, directory: ContactDirectory, settings: CrmSettings
    ) -> None:
        self._bus = bus
        self._directory = directory
        self._settings = settings

    def subscribe(self) -> None:
        kinds = (CallArrived, CallRemembered, CallLeftUnknown)
        self._bus.subscribe("late-identity", self.handle, *kinds)

    async def handle(self, event: CallArrived | CallRemembered | CallLeftUnknown) -> None:
        call = event.call
        if call.is_placed:
            if call.direction is Direction.INTERNAL or not call.from_raw:
                return
            # The number dialled is not ours here.
            call = replace(call, dialled="")
        elif isinstance(event, CallArrived) and not event.fallback:
            return
        deadline = Deadline.after(self._settings.late_deadline_s)
        caller = await self._directory.identify(
            call, region=self._settings.region, deadline=deadline
        )
        at = datetime.now(UTC)
        self._bus.publish(CallerIdentified(event.call_id, at, caller, late=True))
