"""Who is calling: the matching ladder, from the network's text to a contact or to a plain "no".

withheld, internal, own   no look-up, and nobody becomes a lead
e164                      one contact has this very number
several                   nobody is guessed; the agent chooses
none                      a stranger, or something that is not a number
typed_key                 asked for and typed: says it of this caller, whatever the number says
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from calls.call import Call
from calls.caller import Caller, Candidate, Contact, Identity, IdentityOutcome
from calls.deadlines import Deadline
from calls.errors import DeadlineExceeded, SwitchboardError
from calls.ports import SegmentReader
from config.settings import CrmSettings
from crm_adapter import phone_numbers
from crm_adapter.adapter import CrmAdapter, KeyField, NotFound, PhoneHit
from crm_adapter.phone_numbers import NumberKind

log = logging.getLogger(__name__)

#: More contacts than this on one number: a switchboard or a payphone, not a household.
MOST_CANDIDATES = 10
_SURE, _TYPED, _SHARED, _UNATTESTED = 0.95, 0.9, 0.5, 0.6

_NO_LOOK_UP = {
    NumberKind.WITHHELD: Identity(IdentityOutcome.WITHHELD, "withheld", 1.0),
    NumberKind.INTERNAL: Identity(IdentityOutcome.INTERNAL, "internal", 1.0),
    NumberKind.OWN: Identity(IdentityOutcome.OWN, "own", 1.0),
    NumberKind.UNREADABLE: Identity(IdentityOutcome.NONE, "unreadable", 0.0),
}
_KEY_FIELDS = frozenset(KeyField)
_TOO_LATE = "The CRM did not answer in time: who is calling is not known yet."
_BROKEN = "The CRM cannot be asked just now: who is calling is not known."


@dataclass(frozen=True, slots=True)
class _Answer:
    """`contact` is set only where there is exactly one hit."""

    hits: tuple[PhoneHit, ...]
    contact: Contact | None = None


class Directory:
    """Implements `calls.ports.ContactDirectory`. Two calls from one number at the same time ask
    the CRM once. An answer that a caller could not wait for is still awaited, up to
    `settings.late_deadline_s`, for whoever asks again."""

    def __init__(
        self, *, adapter: CrmAdapter, segments: SegmentReader, settings: CrmSettings
    ) -> None:
        self._adapter = adapter
        self._segments = segments
        self._settings = settings
        self._asked: dict[tuple[str, str], asyncio.Task[_Answer]] = {}

    async def identify(self, call: Call, *, region: str, deadline: Deadline) -> Caller:
        """As the port says; where the number dialled tells its own country, that one wins over
        `region`."""
        region = phone_numbers.region_of(call.dialled, region)
        number = phone_numbers.read_number(
            call.from_raw,
            region=region,
            withheld=call.withheld,
            own_numbers=self._own_numbers(call, region),
        )
        if number.kind is not NumberKind.E164 or number.e164 is None:
            e164 = number.e164 if number.kind is NumberKind.OWN else None
            return Caller(e164, _NO_LOOK_UP[number.kind])
        try:
            answer = await deadline.bound("the CRM", self._ask(number.e164, region))
        except DeadlineExceeded:
            return _not_found_out(number.e164, IdentityOutcome.TIMEOUT, _TOO_LATE)
        except SwitchboardError:
            log.warning("call %s: the CRM could not be asked", call.id, exc_info=True)
            return _not_found_out(number.e164, IdentityOutcome.ERROR, _BROKEN)
        return await self._caller(number.e164, answer, call, deadline)

    async def identify_typed(
        self, call: Call, field: str, digits: str, *, deadline: Deadline
    ) -> Caller | None:
        """As the port says; the caller keeps the number they call from."""
        if field not in _KEY_FIELDS:
            return None
        try:
            contact = await deadline.bound(
                "the CRM", self._holder_of(KeyField(field), digits, deadline)
            )
        except DeadlineExceeded:
            log.info("call %s: the CRM was too slow for a typed %s", call.id, field)
            return None
        except SwitchboardError:
            log.warning("call %s: the CRM could not be asked", call.id, exc_info=True)
            return None
        if contact is None:
            return None
        candidate = Candidate(contact.ref, contact.name, contact.company, contact.url)
        return Caller(
            self._number_of(call),
            Identity(IdentityOutcome.UNIQUE, "typed_key", _TYPED, (candidate,)),
            contact=contact,
            segments=await self._segments.segments_of(contact.ref, deadline=deadline),
        )

    async def close(self) -> None:
        """Gives up the questions still open."""
        tasks = list(self._asked.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _own_numbers(self, call: Call, region: str) -> frozenset[str]:
        """The number dialled is ours too: a caller who shows it is a loop or a forgery."""
        dialled = phone_numbers.to_e164(call.dialled, region)
        return frozenset(self._settings.own_numbers) | ({dialled} if dialled else frozenset())

    def _number_of(self, call: Call) -> str | None:
        region = phone_numbers.region_of(call.dialled, self._settings.region)
        return phone_numbers.read_number(call.from_raw, region=region, withheld=call.withheld).e164

    async def _holder_of(self, field: KeyField, digits: str, deadline: Deadline) -> Contact | None:
        found = await self._adapter.find_by_key(field, digits, limit=2, deadline=deadline)
        if len(found) != 1:
            return None
        try:
            return await self._adapter.get(found[0].ref, deadline=deadline)
        except NotFound:  # deleted between the two questions
            return None

    async def _ask(self, e164: str, region: str) -> _Answer:
        key = (e164, region)
        task = self._asked.get(key)
        if task is None:
            task = asyncio.create_task(self._look_up(e164, region), name="directory:look-up")
            self._asked[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))
        return await asyncio.shield(task)

    def _forget(self, key: tuple[str, str], task: asyncio.Task[_Answer]) -> None:
        del self._asked[key]
        if not task.cancelled():
            task.exception()  # seen here: nobody may be left who waits for it

    async def _look_up(self, e164: str, region: str) -> _Answer:
        deadline = Deadline.after(self._settings.late_deadline_s)
        offered = await self._adapter.find_by_phone(e164, limit=MOST_CANDIDATES, deadline=deadline)
        hits = tuple(
            hit
            for hit in offered
            if any(phone_numbers.same_number(e164, stored, region) for stored in hit.numbers)
        )
        if len(hits) != 1:
            return _Answer(hits)
        try:
            contact = await self._adapter.get(hits[0].candidate.ref, deadline=deadline)
        except NotFound:  # deleted between the two questions
            return _Answer(())
        return _Answer(hits, contact)

    async def _caller(self, e164: str, answer: _Answer, call: Call, deadline: Deadline) -> Caller:
        if answer.contact is None:
            return Caller(e164, _identity_without_contact(answer.hits))
        # STIR/SHAKEN "C": the carrier does not vouch for the number (RFC 8588).
        confidence = _UNATTESTED if call.attestation == "C" else _SURE
        return Caller(
            e164,
            Identity(IdentityOutcome.UNIQUE, "e164", confidence, (answer.hits[0].candidate,)),
            contact=answer.contact,
            segments=await self._segments.segments_of(answer.contact.ref, deadline=deadline),
        )


def _identity_without_contact(hits: tuple[PhoneHit, ...]) -> Identity:
    if not hits:
        return Identity(IdentityOutcome.NONE, "e164", 1.0)
    candidates = tuple(hit.candidate for hit in hits)
    return Identity(IdentityOutcome.MULTIPLE, "e164", _SHARED, candidates)


def _not_found_out(e164: str, outcome: IdentityOutcome, sentence: str) -> Caller:
    return Caller(e164, Identity(outcome, "e164", 0.0), degraded=(sentence,))
