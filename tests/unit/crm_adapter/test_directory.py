"""The ladder's finer steps, on a CRM in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from calls.caller import Candidate, Contact, ContactRef, IdentityOutcome
from calls.deadlines import Deadline
from calls.records import CallRecord, NewLead, NewTask
from calls.segments import LifecycleStage, Segments, Tier
from config.settings import CrmSettings
from crm_adapter.adapter import KeyField, NotFound, PhoneHit, Timeout
from crm_adapter.directory import Directory
from tests.fakes.crm_rows import call_from
from tests.fakes.directories import directory_over

pytestmark = pytest.mark.unit

MARIA = "+12025550101"
SEGMENTS = Segments(Tier.VIP, LifecycleStage.LOYAL, 5, 5, 5, 6, 10, 17_124.0)


class LooseCrm:
    """Offers whatever `hits` says for any number, once `gate` is open."""

    name = "loose"

    def __init__(self) -> None:
        self.hits: list[PhoneHit] = []
        self.holders: list[Candidate] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked: list[str] = []
        self.is_gone = False
        self.error: Exception | None = None

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def check(self) -> None: ...

    async def find_by_phone(
        self, key: str, *, limit: int, deadline: Deadline
    ) -> Sequence[PhoneHit]:
        self.asked.append(key)
        await self.gate.wait()
        if self.error:
            raise self.error
        return self.hits[:limit]

    async def find_by_key(
        self, field: KeyField, digits: str, *, limit: int, deadline: Deadline
    ) -> Sequence[Candidate]:
        self.asked.append(f"{field}={digits}")
        await self.gate.wait()
        if self.error:
            raise self.error
        return self.holders[:limit]

    async def get(self, ref: ContactRef, *, deadline: Deadline) -> Contact:
        if self.is_gone:
            raise NotFound(str(ref))
        return Contact(ref, "Maria", "Garcia")

    async def create_lead(self, lead: NewLead, idem: str) -> str:
        raise AssertionError("a look-up writes nothing")

    async def log_call(self, record: CallRecord, idem: str) -> str:
        raise AssertionError("a look-up writes nothing")

    async def create_task(self, task: NewTask, idem: str) -> str:
        raise AssertionError("a look-up writes nothing")

    async def close_task(self, task_id: str, idem: str) -> bool:
        raise AssertionError("a look-up writes nothing")

    async def withdraw_lead(self, lead_id: str, idem: str) -> bool:
        raise AssertionError("a look-up writes nothing")

    async def confirm_lead(self, lead_id: str, agent: str, idem: str) -> bool:
        raise AssertionError("a look-up writes nothing")


class Vip:
    async def segments_of(self, contact: ContactRef, *, deadline: Deadline) -> Segments | None:
        return SEGMENTS


def hit(name: str, *numbers: str) -> PhoneHit:
    return PhoneHit(Candidate(ContactRef("loose", name), name), numbers)


@pytest.fixture
def crm() -> LooseCrm:
    return LooseCrm()


@pytest.fixture
async def directory(crm: LooseCrm) -> AsyncIterator[Directory]:
    settings = CrmSettings(own_numbers=("+12025550199",), late_deadline_s=2.0)
    directory = directory_over(crm, segments=Vip(), settings=settings)
    yield directory
    await directory.close()


def soon() -> Deadline:
    return Deadline.after(30)


async def test_segments_come_with_the_contact(crm: LooseCrm, directory: Directory) -> None:
    crm.hits = [hit("maria", MARIA)]
    caller = await directory.identify(call_from(MARIA), region="US", deadline=soon())
    assert caller.segments == SEGMENTS


async def test_a_hit_with_another_number_is_not_believed(
    crm: LooseCrm, directory: Directory
) -> None:
    crm.hits = [hit("suffix", "+442025550101"), hit("typed", "5550101")]
    caller = await directory.identify(call_from(MARIA), region="US", deadline=soon())
    assert caller.identity.outcome is IdentityOutcome.NONE


async def test_a_hit_stored_in_a_national_spelling_is_believed(
    crm: LooseCrm, directory: Directory
) -> None:
    crm.hits = [hit("other", "555-0101"), hit("maria", "+15005550000", "(202) 555-0101")]
    caller = await directory.identify(call_from(MARIA), region="US", deadline=soon())
    assert [candidate.name for candidate in caller.identity.candidates] == ["maria"]
    assert caller.identity.outcome is IdentityOutcome.UNIQUE


async def test_the_number_dialled_gives_the_region(crm: LooseCrm, directory: Directory) -> None:
    call = call_from("020 7946 0018", dialled="+442079460000")
    await directory.identify(call, region="US", deadline=soon())
    assert crm.asked == ["+442079460018"]


async def test_two_calls_from_one_number_ask_once(crm: LooseCrm, directory: Directory) -> None:
    crm.hits = [hit("maria", MARIA)]
    crm.gate.clear()
    both = [
        asyncio.create_task(directory.identify(call_from(MARIA), region="US", deadline=soon()))
        for _ in range(2)
    ]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    crm.gate.set()
    callers = await asyncio.gather(*both)
    assert crm.asked == [MARIA]
    assert callers[0] == callers[1]
    await directory.identify(call_from(MARIA), region="US", deadline=soon())
    assert crm.asked == [MARIA, MARIA]


async def test_one_caller_who_gives_up_does_not_cancel_the_other(
    crm: LooseCrm, directory: Directory
) -> None:
    crm.hits = [hit("maria", MARIA)]
    crm.gate.clear()
    patient = asyncio.create_task(
        directory.identify(call_from(MARIA), region="US", deadline=soon())
    )
    hasty = await directory.identify(call_from(MARIA), region="US", deadline=Deadline.after(0.01))
    assert hasty.identity.outcome is IdentityOutcome.TIMEOUT
    crm.gate.set()
    assert (await patient).identity.outcome is IdentityOutcome.UNIQUE
    assert crm.asked == [MARIA]


async def test_an_answer_nobody_waits_for_fails_quietly(
    crm: LooseCrm, directory: Directory
) -> None:
    crm.error = NotFound("odd")
    crm.gate.clear()
    await directory.identify(call_from(MARIA), region="US", deadline=Deadline.after(0.01))
    crm.gate.set()
    again = await directory.identify(call_from(MARIA), region="US", deadline=soon())
    assert again.identity.outcome is IdentityOutcome.ERROR


async def test_the_crm_s_own_timeout_is_a_timeout(crm: LooseCrm, directory: Directory) -> None:
    crm.error = Timeout("slow")
    caller = await directory.identify(call_from(MARIA), region="US", deadline=soon())
    assert caller.identity.outcome is IdentityOutcome.TIMEOUT


async def test_a_contact_deleted_in_between_is_a_stranger(
    crm: LooseCrm, directory: Directory
) -> None:
    crm.hits, crm.is_gone = [hit("maria", MARIA)], True
    caller = await directory.identify(call_from(MARIA), region="US", deadline=soon())
    assert caller.identity.outcome is IdentityOutcome.NONE


async def test_an_unattested_number_hears_no_personal_facts(
    crm: LooseCrm, directory: Directory
) -> None:
    crm.hits = [hit("maria", MARIA)]
    for attestation, may_hear in (("A", True), ("B", True), ("C", False), (None, True)):
        call = call_from(MARIA, attestation=attestation)
        caller = await directory.identify(call, region="US", deadline=soon())
        assert caller.may_hear_personal_facts is may_hear


async def test_own_numbers_are_not_looked_up(crm: LooseCrm, directory: Directory) -> None:
    caller = await directory.identify(call_from("2025550199"), region="US", deadline=soon())
    assert caller.identity.outcome is IdentityOutcome.OWN
    assert crm.asked == []


async def test_close_gives_up_open_questions(crm: LooseCrm, directory: Directory) -> None:
    crm.gate.clear()
    asking = asyncio.create_task(directory.identify(call_from(MARIA), region="US", deadline=soon()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await directory.close()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_a_typed_key_brings_segments_and_keeps_the_number(
    crm: LooseCrm, directory: Directory
) -> None:
    crm.holders = [hit("maria").candidate]
    call = call_from("(202) 555-0150")
    caller = await directory.identify_typed(call, "customer_id", "0042", deadline=soon())
    assert crm.asked == ["customer_id=0042"]
    assert caller is not None
    assert (caller.number, caller.segments) == ("+12025550150", SEGMENTS)
    assert caller.identity.method == "typed_key"
    assert caller.may_hear_personal_facts


async def test_a_field_that_says_nothing_of_the_caller_is_not_asked_for(
    crm: LooseCrm, directory: Directory
) -> None:
    call = call_from(MARIA)
    assert await directory.identify_typed(call, "zip_code", "1", deadline=soon()) is None
    assert crm.asked == []


async def test_a_holder_deleted_in_between_is_nobody(crm: LooseCrm, directory: Directory) -> None:
    crm.holders, crm.is_gone = [hit("maria").candidate], True
    call = call_from(MARIA)
    assert await directory.identify_typed(call, "order_number", "1", deadline=soon()) is None
