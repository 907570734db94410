"""Whoever answers "who is this?" answers alike: the twin and the real directory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import pytest

from calls.caller import Contact, ContactRef, IdentityOutcome
from calls.deadlines import Deadline
from calls.ports import ContactDirectory
from config.settings import CrmSettings
from crm_adapter.adapter import PhoneHit, Unavailable
from crm_adapter.directory import Directory
from crm_adapter.embedded.adapter import EmbeddedCrm
from storage.database import Database
from tests.fakes.crm_rows import DIALLED, NoSegments, add_contact, call_from
from tests.fakes.in_memory_directory import InMemoryDirectory

pytestmark = pytest.mark.contract

MARIA, HOME, STRANGER = "+12025550101", "+12025550103", "+12025550150"


class TroubledCrm(EmbeddedCrm):
    """The embedded CRM on a bad day."""

    stalls = False
    is_broken = False

    async def find_by_phone(
        self, key: str, *, limit: int, deadline: Deadline
    ) -> Sequence[PhoneHit]:
        if self.is_broken:
            raise Unavailable("out of order")
        if self.stalls:
            await asyncio.Event().wait()
        return await super().find_by_phone(key, limit=limit, deadline=deadline)


@dataclass
class World:
    directory: ContactDirectory
    crm: TroubledCrm | InMemoryDirectory


@pytest.fixture(params=["twin", "real"])
async def world(request: pytest.FixtureRequest, database: Database) -> AsyncIterator[World]:
    if request.param == "twin":
        olivia, noah = _contact("C-3", "Olivia", "Bennett"), _contact("C-4", "Noah", "Bennett")
        twin = InMemoryDirectory(
            {MARIA: [_contact("C-1", "Maria", "Garcia")], HOME: [olivia, noah]}
        )
        yield World(twin, twin)
        return
    await add_contact(database, "C-1", MARIA, first_name="Maria", last_name="Garcia")
    await add_contact(database, "C-3", HOME, first_name="Olivia", last_name="Bennett")
    await add_contact(database, "C-4", HOME, first_name="Noah", last_name="Bennett")
    crm = TroubledCrm(database=database)
    directory = Directory(adapter=crm, segments=NoSegments(), settings=CrmSettings())
    yield World(directory, crm)
    await directory.close()


def _contact(contact_id: str, first_name: str, last_name: str) -> Contact:
    return Contact(ContactRef("embedded", contact_id), first_name, last_name)


async def test_one_contact_is_unique_and_may_hear_personal_facts(world: World) -> None:
    caller = await world.directory.identify(
        call_from(MARIA), region="US", deadline=Deadline.after(5)
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
        call_from(HOME), region="US", deadline=Deadline.after(5)
    )
    assert caller.identity.outcome is IdentityOutcome.MULTIPLE
    assert caller.contact is None
    assert not caller.may_hear_personal_facts
    names = [candidate.name for candidate in caller.identity.candidates]
    assert names == ["Olivia Bennett", "Noah Bennett"]


async def test_a_stranger_keeps_the_number(world: World) -> None:
    caller = await world.directory.identify(
        call_from(STRANGER), region="US", deadline=Deadline.after(5)
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
        call_from(raw, withheld=withheld), region="US", deadline=Deadline.after(5)
    )
    assert (caller.identity.outcome, caller.number) == (outcome, number)


async def test_a_silent_crm_costs_the_deadline_and_no_more(world: World) -> None:
    world.crm.stalls = True
    loop = asyncio.get_running_loop()
    began = loop.time()
    caller = await world.directory.identify(
        call_from(MARIA), region="US", deadline=Deadline.after(0.05)
    )
    assert caller.identity.outcome is IdentityOutcome.TIMEOUT
    assert caller.number == MARIA
    assert caller.degraded
    assert 0.04 < loop.time() - began < 1


async def test_a_broken_crm_is_said_and_not_raised(world: World) -> None:
    world.crm.is_broken = True
    caller = await world.directory.identify(
        call_from(MARIA), region="US", deadline=Deadline.after(5)
    )
    assert caller.identity.outcome is IdentityOutcome.ERROR
    assert caller.degraded
