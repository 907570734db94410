"""A CRM in memory that answers at once, late, never, or fails."""

from __future__ import annotations

import asyncio

from calls.call import Call
from calls.caller import Caller, Contact, ContactRef, Identity, IdentityOutcome
from calls.deadlines import Deadline

MARIA = Caller(
    number="+12025550101",
    identity=Identity(IdentityOutcome.UNIQUE, "e164", 1.0),
    contact=Contact(ContactRef("demo", "1"), "Maria", "Garcia", language="en"),
)
STRANGER = Caller(number="+12025550150", identity=Identity(IdentityOutcome.NONE, "e164", 0.0))


class FakeDirectory:
    """Implements `calls.ports.ContactDirectory`. While `gate` is closed nobody is answered; with
    `keeps_deadlines` a question then ends as the port promises."""

    def __init__(self, caller: Caller = STRANGER) -> None:
        self.caller = caller
        #: By field and digits: who is found where they are typed.
        self.typed: dict[tuple[str, str], Caller] = {}
        #: What is known without the CRM.
        self.recalled: Caller | None = None
        self.fault: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.keeps_deadlines = True
        self.regions: list[str] = []
        self.cancelled = 0

    async def identify(self, call: Call, *, region: str, deadline: Deadline) -> Caller:
        self.regions.append(region)
        if self.fault is not None:
            raise self.fault
        try:
            async with asyncio.timeout(deadline.left_s if self.keeps_deadlines else None):
                await self.gate.wait()
        except TimeoutError:
            identity = Identity(IdentityOutcome.TIMEOUT, "deadline", 0.0)
            return Caller(number=None, identity=identity, degraded=("crm_timeout",))
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return self.caller

    async def recall(self, call: Call, *, region: str) -> Caller | None:
        if self.fault is not None:
            raise self.fault
        return self.recalled

    async def identify_typed(
        self, call: Call, field: str, digits: str, *, deadline: Deadline
    ) -> Caller | None:
        if self.fault is not None:
            return None
        try:
            async with asyncio.timeout(deadline.left_s):
                await self.gate.wait()
        except TimeoutError:
            return None
        return self.typed.get((field, digits))
