"""A directory in memory, held to the same contract as the real one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from calls.call import Call
from calls.caller import Caller, Candidate, Contact, ContactRef, Identity, IdentityOutcome
from calls.deadlines import Deadline
from calls.errors import DeadlineExceeded
from calls.segments import Segments

_DEGRADED = {
    IdentityOutcome.TIMEOUT: ("The CRM did not answer in time.",),
    IdentityOutcome.ERROR: ("The CRM cannot be asked just now.",),
}


class InMemoryDirectory:
    """Implements `calls.ports.ContactDirectory` for callers who show clean E.164. `stalls` and
    `is_broken` play the CRM that does not answer, or badly; `asked` are the look-ups."""

    def __init__(
        self,
        contacts: Mapping[str, Sequence[Contact]],
        *,
        segments: Mapping[ContactRef, Segments] | None = None,
        keys: Mapping[tuple[str, str], Sequence[Contact]] | None = None,
    ) -> None:
        """`keys`: by field and digits, who has them."""
        self.contacts = contacts
        self.keys = keys or {}
        self.segments = segments or {}
        self.stalls = False
        self.is_broken = False
        self.asked: list[str] = []

    async def recall(self, call: Call, *, region: str) -> Caller | None:
        """Remembers nobody."""
        return self._not_looked_up(call)

    async def identify(self, call: Call, *, region: str, deadline: Deadline) -> Caller:
        not_looked_up = self._not_looked_up(call)
        if not_looked_up is not None:
            return not_looked_up
        number = call.from_raw
        self.asked.append(number)
        if self.is_broken:
            return _without_contact(number, IdentityOutcome.ERROR)
        if self.stalls:
            try:
                await deadline.bound("the CRM", asyncio.Event().wait())
            except DeadlineExceeded:
                return _without_contact(number, IdentityOutcome.TIMEOUT)
        return self._known(number)

    async def identify_typed(
        self, call: Call, field: str, digits: str, *, deadline: Deadline
    ) -> Caller | None:
        contacts = self.keys.get((field, digits), ())
        if self.is_broken or len(contacts) != 1:
            return None
        if self.stalls:
            try:
                await deadline.bound("the CRM", asyncio.Event().wait())
            except DeadlineExceeded:
                return None
        [contact] = contacts
        candidate = Candidate(contact.ref, contact.name, contact.company, contact.url)
        shown = not call.withheld and call.from_raw.startswith("+")
        return Caller(
            call.from_raw if shown else None,
            Identity(IdentityOutcome.UNIQUE, "typed_key", 0.9, (candidate,)),
            contact=contact,
            segments=self.segments.get(contact.ref),
        )

    def _not_looked_up(self, call: Call) -> Caller | None:
        number = call.from_raw
        if call.withheld or not number:
            return _without_contact(None, IdentityOutcome.WITHHELD)
        if number == call.dialled:
            return _without_contact(number, IdentityOutcome.OWN)
        if not number.startswith("+"):
            is_short = number.isdigit()
            return _without_contact(
                None, IdentityOutcome.INTERNAL if is_short else IdentityOutcome.NONE
            )
        return None

    def _known(self, number: str) -> Caller:
        contacts = self.contacts.get(number, ())
        candidates = tuple(Candidate(c.ref, c.name, c.company, c.url) for c in contacts)
        if not contacts:
            return _without_contact(number, IdentityOutcome.NONE)
        if len(contacts) > 1:
            return Caller(number, Identity(IdentityOutcome.MULTIPLE, "e164", 0.5, candidates))
        return Caller(
            number,
            Identity(IdentityOutcome.UNIQUE, "e164", 0.95, candidates),
            contact=contacts[0],
            segments=self.segments.get(contacts[0].ref),
        )


def _without_contact(number: str | None, outcome: IdentityOutcome) -> Caller:
    identity = Identity(outcome, outcome.value, 0.0)
    return Caller(number, identity, degraded=_DEGRADED.get(outcome, ()))
