"""Whoever answers "who is this?" answers alike: the twin and the real directory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import pytest

from calls.caller import Candidate, Contact, ContactRef, IdentityOutcome
from calls.deadlines import Deadline
from calls.ports import ContactDirectory
from crm_adapter.adapter import KeyField, PhoneHit, Unavailable
from crm_adapter.embedded.adapter import EmbeddedCrm
from storage.database import Database
from tests.fakes.crm_rows import DIALLED, add_contact, add_order, call_from
from tests.fakes.directories import directory_over
from tests.fakes.in_memory_directory import InMemoryDirectory
from tests.punctual import in_time

pytestmark = pytest.mark.contract

MARIA, HOME, STRANGER = "+12025550101", "+12025550103", "+12025550150"


class TroubledCrm(EmbeddedCrm):
    """The embedded CRM on a bad day."""

    stalls = False
    is_broken = False

    async def find_by_phone(
        self, key: str, *, limit: int, deadline: Deadline
    ) -> Sequence[PhoneHit]:
        await self._suffer()
        return await super().find_by_phone(key, limit=limit, deadline=deadline)

    async def find_by_key(
        self, field: KeyField, digits: str, *, limit: int, deadline: Deadline
    ) -> Sequence[Candidate]:
        await self._suffer()
        return await super().find_by_key(field, digits, limit=limit, deadline=deadline)

    async def _suffer(self) -> None:
        if self.is_broken:
            raise Unavailable("out of order")
        if self.stalls:
            await asyncio.Event().wait()


@dataclass
class World:
    directory: ContactDirectory
    crm: TroubledCrm | InMemoryDirectory


@pytest.fixture(params=["twin", "real"])
async def world(request: pytest.FixtureRequest, database: Database) -> AsyncIterator[World]:
    if request.param == "twin":
        olivia, noah = _contact("C-3", "Olivia", "Bennett"), _contact("C-4", "Noah", "Bennett")
        maria = _contact("C-1", "Maria", "Garcia")
        keys = {
            ("customer_id", "0042"): [maria],
            ("order_number", "100017"): [maria],
            ("account_number", "7001"): [olivia, noah],
        }
        twin = InMemoryDirectory({MARIA: [maria], HOME: [olivia, noah]}, keys=keys)
        yield World(twin, twin)
        return
    names = {"first_name": "Maria", "last_name": "Garcia", "customer_number": "0042"}
    maria_ref = await add_contact(database, "C-1", MARIA, **names)
    await add_order(database, "O-1", maria_ref, number="100017")
    for contact_id, first_name in (("C-3", "Olivia"), ("C-4", "Noah")):
        names = {"first_name": first_name, "last_name": "Bennett", "account_number": "7001"}
        await add_contact(database, contact_id, HOME, **names)
    crm = TroubledCrm(database=database)
    directory = directory_over(crm)
    yield World(directory, crm)
    await directory.close()


def _contact(contact_id: str, first_name: str, last_name: str) -> Contact:
    return Contact(ContactRef("embedded", contact_id), first_name, last_name)


async def test_one_contact_is_unique_and_may_hear_personal_facts(world: World) -> None:
    caller = await world.directory.identify(
        call_from(MARIA), region="US", deadline=Deadline.after(30)
    )
    assert caller.identity.outcome is IdentityOutcome.UNIQUE
    assert caller.number == MARIA
    assert caller.contact is not None
    assert caller.contact.name == "Maria Garcia"
    assert [candidate.name for candidate in caller.identity.candidates] == ["Maria Garcia"]
    assert caller.may_hear_personal_facts
    assert caller.segments is None
    assert caller.degraded == ()


async def test_several_contacts_are_candidates_and_nobody_is_guessed(world: World) -> None:
    caller = await world.directory.identify(
        call_from(HOME), region="US", deadline=Deadline.after(30)
    )
    assert caller.identity.outcome is IdentityOutcome.MULTIPLE
    assert caller.contact is None
    assert not caller.may_hear_personal_facts
    names = [candidate.name for candidate in caller.identity.candidates]
    assert names == ["Olivia Bennett", "Noah Bennett"]


async def test_a_stranger_keeps_the_number(world: World) -> None:
    caller = await world.directory.identify(
        call_from(STRANGER), region="US", deadline=Deadline.after(30)
    )
    assert caller.identity.outcome is IdentityOutcome.NONE
    assert caller.number == STRANGER
    assert not caller.is_known


@pytest.mark.parametrize(
    ("raw", "withheld", "outcome", "number"),
    [
        (MARIA, True, IdentityOutcome.WITHHELD, None),
        ("", False, IdentityOutcome.WITHHELD, None),
        ("100", False, IdentityOutcome.INTERNAL, None),
        (DIALLED, False, IdentityOutcome.OWN, DIALLED),
        ("100&PJSIP/evil", False, IdentityOutcome.NONE, None),
    ],
)
async def test_some_are_never_looked_up(
    world: World, raw: str, withheld: bool, outcome: IdentityOutcome, number: str | None
) -> None:
    world.crm.is_broken = True
    caller = await world.directory.identify(
        call_from(raw, withheld=withheld), region="US", deadline=Deadline.after(30)
    )
    assert (caller.identity.outcome, caller.number) == (outcome, number)


async def test_a_silent_crm_costs_the_deadline_and_no_more(world: World) -> None:
    world.crm.stalls = True
    loop = asyncio.get_running_loop()
    began = loop.time()
    asked = world.directory.identify(call_from(MARIA), region="US", deadline=Deadline.after(0.05))
    caller = await in_time(asked, 0.05)
    assert caller.identity.outcome is IdentityOutcome.TIMEOUT
    assert caller.number == MARIA
    assert caller.degraded
    assert loop.time() - began > 0.04


async def test_a_broken_crm_is_said_and_not_raised(world: World) -> None:
    world.crm.is_broken = True
    caller = await world.directory.identify(
        call_from(MARIA), region="US", deadline=Deadline.after(30)
    )
    assert caller.identity.outcome is IdentityOutcome.ERROR
    assert caller.degraded


@pytest.mark.parametrize(("field", "digits"), [("customer_id", "0042"), ("order_number", "100017")])
@pytest.mark.parametrize(("raw", "withheld"), [(HOME, False), (STRANGER, False), (MARIA, True)])
async def test_a_typed_key_outranks_the_number(
    world: World, field: str, digits: str, raw: str, withheld: bool
) -> None:
    call = call_from(raw, withheld=withheld)
    caller = await world.directory.identify_typed(call, field, digits, deadline=Deadline.after(30))
    assert caller is not None
    assert caller.number == (None if withheld else raw)
    assert caller.contact is not None
    assert caller.contact.name == "Maria Garcia"
    assert caller.identity.outcome is IdentityOutcome.UNIQUE
    assert (caller.identity.method, caller.identity.confidence) == ("typed_key", 0.9)
    assert [candidate.name for candidate in caller.identity.candidates] == ["Maria Garcia"]


@pytest.mark.parametrize(
    ("field", "digits"),
    [
        ("customer_id", "42"),
        ("customer_id", "00042"),
        ("customer_id", "100017"),
        ("customer_id", ""),
        ("customer_id", "004*"),
        ("account_number", "7001"),
        ("zip_code", "0042"),
        ("order_number", "1" * 500),
    ],
)
async def test_what_fits_nobody_or_several_says_nothing(
    world: World, field: str, digits: str
) -> None:
    deadline = Deadline.after(30)
    call = call_from(STRANGER)
    assert await world.directory.identify_typed(call, field, digits, deadline=deadline) is None


@pytest.mark.parametrize("trouble", ["stalls", "is_broken"])
async def test_a_typed_key_nobody_can_look_up_says_nothing(world: World, trouble: str) -> None:
    setattr(world.crm, trouble, True)
    deadline = Deadline.after(0.05)
    call = call_from(STRANGER)
    caller = await world.directory.identify_typed(call, "customer_id", "0042", deadline=deadline)
    assert caller is None
