"""Who is calling? One question to the directory, worth an answer even after the caller's wait."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from calls import crash_points
from calls.bus import EventBus
from calls.call import Call
from calls.caller import Caller, Identity, IdentityOutcome
from calls.deadlines import Deadline
from calls.events import CallerIdentified
from calls.ports import ContactDirectory

log = logging.getLogger(__name__)

_NO_ANSWER = (IdentityOutcome.ERROR, IdentityOutcome.TIMEOUT)


class Inquiry:
    """Publishes CallerIdentified when the answer comes, as late where the dialog went on without
    it. Never raises for a directory that fails."""

    def __init__(
        self,
        *,
        call: Call,
        region: str,
        directory: ContactDirectory,
        bus: EventBus,
        deadline_s: float,
        now: Callable[[], datetime],
    ) -> None:
        self.call = call
        self._region = region
        self._directory = directory
        self._bus = bus
        self._deadline_s = deadline_s
        self._now = now
        #: The dialog went on without the answer.
        self.given_up = False
        #: The directory said something of the caller, even if that it knows nobody.
        self.answered = False
        #: E.164 and what it told of the caller, once the directory has read it, however late.
        self.number_found: str | None = None
        self.outcome: IdentityOutcome | None = None
        #: The caller has typed who they are, which outranks the number they call from.
        self.overruled = False

    async def run(self) -> Caller:
        crash_points.reached("identify.asked")
        caller = await self._ask()
        crash_points.reached("identify.answered")
        self.answered = caller.identity.outcome not in _NO_ANSWER
        self.number_found, self.outcome = caller.number, caller.identity.outcome
        if (self.answered or not self.given_up) and not self.overruled:
            self._publish(caller, late=self.given_up)
        return caller

    async def give_up_waiting(self) -> Caller:
        """What is known without the CRM, which the dialog goes on with."""
        self.given_up = True
        instead = await self._recall() or unknown_in_time()
        if not self.answered:
            self._publish(instead, late=False)
        return instead

    async def _recall(self) -> Caller | None:
        try:
            return await self._directory.recall(self.call, region=self._region)
        except Exception:
            log.exception("call %s: the directory failed", self.call.id)
            return None

    async def _ask(self) -> Caller:
        # The directory keeps the deadline; this second one is for a directory that does not.
        deadline = Deadline.after(self._deadline_s)
        backstop = Deadline.after(self._deadline_s * 1.5 + 0.1)
        try:
            return await backstop.bound(
                "the directory",
                self._directory.identify(self.call, region=self._region, deadline=deadline),
            )
        except Exception:
            log.exception("call %s: the directory failed", self.call.id)
            return nobody(IdentityOutcome.ERROR, "directory", "crm_error")

    def _publish(self, caller: Caller, *, late: bool) -> None:
        self._bus.publish(CallerIdentified(self.call.id, self._now(), caller=caller, late=late))


def unknown_in_time() -> Caller:
    return nobody(IdentityOutcome.TIMEOUT, "deadline", "crm_timeout")


def nobody(outcome: IdentityOutcome, method: str, degraded: str) -> Caller:
    return Caller(number=None, identity=Identity(outcome, method, 0.0), degraded=(degraded,))
