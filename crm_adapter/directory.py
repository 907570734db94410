"""Who is calling: the matching ladder, from the network's text to a contact or to a plain "no".

withheld, internal, own   no look-up, and nobody becomes a lead
e164                      one contact has this very number
remembered                several have it; an agent said before which one calls from it
e164, company_line        several have it, and nobody is guessed; the agent chooses
suffix                    somebody's number ends alike (off by default): the agent chooses
index                     the CRM is away; our copy says who has this number
none                      a stranger, or something that is not a number
typed_key                 asked for and typed: says it of this caller, whatever the number says
"""

from __future__ import annotations

import logging

from calls.call import Call
from calls.caller import Caller, Candidate, Contact, Identity, IdentityOutcome
from calls.deadlines import Deadline
from calls.errors import DeadlineExceeded, SwitchboardError
from calls.ports import SegmentReader
from config.settings import CrmSettings
from crm_adapter import phone_numbers
from crm_adapter.adapter import CrmAdapter, HitKind, KeyField, NotFound
from crm_adapter.live import answers
from crm_adapter.live.answers import Answer
from crm_adapter.live.look_up import LookUp
from crm_adapter.phone_numbers import NumberKind, ReadNumber

log = logging.getLogger(__name__)

_SURE, _TYPED, _REMEMBERED, _SHARED, _UNATTESTED, _A_LEAD, _SUFFIX = (
    0.95,
    0.9,
    0.75,
    0.5,
    0.6,
    0.7,
    0.3,
)
#: What carriers vouch for (RFC 8588): A the caller, B the customer whose line it is.
_VOUCHED_FOR = ("A", "B")

_NO_LOOK_UP = {
    NumberKind.WITHHELD: Identity(IdentityOutcome.WITHHELD, "withheld", 1.0),
    NumberKind.INTERNAL: Identity(IdentityOutcome.INTERNAL, "internal", 1.0),
    NumberKind.OWN: Identity(IdentityOutcome.OWN, "own", 1.0),
    NumberKind.UNREADABLE: Identity(IdentityOutcome.NONE, "unreadable", 0.0),
}
_KEY_FIELDS = frozenset(KeyField)
_TOO_LATE = "The CRM did not answer in time: who is calling is not known yet."
_BROKEN = "The CRM cannot be asked just now: who is calling is not known."


class Directory:
    """Implements `calls.ports.ContactDirectory`."""

    def __init__(
        self,
        *,
        adapter: CrmAdapter,
        segments: SegmentReader,
        settings: CrmSettings,
        look_up: LookUp,
    ) -> None:
        self._adapter = adapter
        self._segments = segments
        self._settings = settings
        self.look_up = look_up

    async def identify(self, call: Call, *, region: str, deadline: Deadline) -> Caller:
        """As the port says; where the number dialled tells its own country, that one wins over
        `region`."""
        region = phone_numbers.region_of(call.dialled, region)
        number = self._read(call, region)
        if number.kind is not NumberKind.E164 or number.e164 is None:
            return _not_looked_up(number)
        try:
            answer = await self.look_up.ask(number.e164, region, deadline=deadline)
        except DeadlineExceeded:
            instead = _not_found_out(number.e164, IdentityOutcome.TIMEOUT, _TOO_LATE)
        except SwitchboardError as error:
            # The breaker warns once; a line for each caller would bury everything else.
            log.info("call %s: the CRM could not be asked: %s", call.id, error)
            instead = _not_found_out(number.e164, IdentityOutcome.ERROR, _BROKEN)
        else:
            return await self._caller(number.e164, answer, call, deadline)
        return await self._recalled(number.e164, region, call) or instead

    async def recall(self, call: Call, *, region: str) -> Caller | None:
        """As the port says."""
        region = phone_numbers.region_of(call.dialled, region)
        number = self._read(call, region)
        if number.kind is not NumberKind.E164 or number.e164 is None:
            return _not_looked_up(number)
        return await self._recalled(number.e164, region, call)

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
        await self.look_up.close()

    def _read(self, call: Call, region: str) -> ReadNumber:
        """The number dialled is ours too: a caller who shows it is a loop or a forgery."""
        dialled = phone_numbers.to_e164(call.dialled, region)
        own = frozenset(self._settings.own_numbers) | ({dialled} if dialled else frozenset())
        return phone_numbers.read_number(
            call.from_raw, region=region, withheld=call.withheld, own_numbers=own
        )

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

    async def _recalled(self, e164: str, region: str, call: Call) -> Caller | None:
        answer = await self.look_up.known(e164, region)
        if answer is None:
            return None
        return await self._caller(
            e164, answer, call, Deadline.after(self._settings.lookup_deadline_s)
        )

    async def _caller(self, e164: str, answer: Answer, call: Call, deadline: Deadline) -> Caller:
        if answer.contact is None:
            identity = _identity_without_contact(answer)
            return Caller(e164, identity, degraded=answer.degraded)
        candidates = tuple(hit.candidate for hit in answer.hits)
        confidence = self._confidence(answer, call)
        return Caller(
            e164,
            Identity(IdentityOutcome.UNIQUE, answer.method, confidence, candidates),
            contact=answer.contact,
            segments=await self._segments.segments_of(answer.contact.ref, deadline=deadline),
            degraded=answer.degraded,
        )

    def _confidence(self, answer: Answer, call: Call) -> float:
        """A number alone is no proof: anybody can show it where no carrier vouches for it."""
        if answer.method == answers.REMEMBERED:
            return _REMEMBERED
        if any(hit.kind is HitKind.LEAD for hit in answer.hits):
            return _A_LEAD
        if call.attestation is None:
            return _UNATTESTED if self._settings.require_attestation else _SURE
        return _SURE if call.attestation in _VOUCHED_FOR else _UNATTESTED


def _not_looked_up(number: ReadNumber) -> Caller:
    e164 = number.e164 if number.kind is NumberKind.OWN else None
    return Caller(e164, _NO_LOOK_UP[number.kind])


def _identity_without_contact(answer: Answer) -> Identity:
    if answer.is_nobody:
        return Identity(IdentityOutcome.NONE, answer.method, 1.0)
    candidates = tuple(hit.candidate for hit in answer.hits)
    if answer.method == answers.SUFFIX:
        return Identity(IdentityOutcome.MULTIPLE, answers.SUFFIX, _SUFFIX, candidates)
    method = answers.method_of_several(answer.hits, answer.method)
    return Identity(IdentityOutcome.MULTIPLE, method, _SHARED, candidates)


def _not_found_out(e164: str, outcome: IdentityOutcome, sentence: str) -> Caller:
    return Caller(e164, Identity(outcome, "e164", 0.0), degraded=(sentence,))
