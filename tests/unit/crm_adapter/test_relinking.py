"""Records of contacts that the CRM has merged or deleted meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from calls.call import CallId, CallOutcome
from calls.caller import ContactRef
from calls.records import CallRecord, NewTask
from crm_adapter.adapter import NotFound, Unavailable
from crm_adapter.relinking import RelinkingWriter
from tests.fakes.scripted_crm import ScriptedCrm

pytestmark = pytest.mark.unit

MARIA = "+12025550101"
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
OLD = ContactRef("scripted", "old")
RECORD = CallRecord(
    call_id=CallId("pbx", "1.1"),
    arrived_at=AT,
    number=MARIA,
    dialled="+18005550100",
    contact=OLD,
    identity_outcome="unique",
    outcome=CallOutcome.ANSWERED,
)
TASK = NewTask("callback", CallId("pbx", "1.1"), AT, MARIA, OLD)


class Merging(ScriptedCrm):
    """Refuses what names a contact that it does not have."""

    def _keep(self, operation: str, store: dict, key: str, what: object) -> None:  # type: ignore[type-arg]
        contact = getattr(what, "contact", None)
        if contact is not None and contact.id not in self.contacts:
            raise NotFound("no such contact")
        super()._keep(operation, store, key, what)


@pytest.fixture
def crm() -> Merging:
    return Merging()


@pytest.fixture
def gone() -> list[ContactRef]:
    return []


@pytest.fixture
def writer(crm: Merging, gone: list[ContactRef]) -> RelinkingWriter:
    async def tell(ref: ContactRef) -> None:
        gone.append(ref)

    return RelinkingWriter(crm=crm, region="US", gone=tell)


async def test_a_merged_contact_s_record_goes_to_its_heir(
    crm: Merging, writer: RelinkingWriter, gone: list[ContactRef]
) -> None:
    heir = crm.add("new", MARIA)
    await writer.log_call(RECORD, "key-1")
    await writer.create_task(TASK, "key-2")
    assert (crm.records["key-1"].contact, crm.tasks["key-2"].contact) == (heir, heir)
    assert (writer.relinked, writer.unlinked, gone) == (2, 0, [OLD, OLD])


@pytest.mark.parametrize("holders", [0, 2])
async def test_nobody_is_guessed(crm: Merging, writer: RelinkingWriter, holders: int) -> None:
    for number in range(holders):
        crm.add(f"C-{number}", MARIA)
    await writer.log_call(RECORD, "key-1")
    assert crm.records["key-1"].contact is None
    assert (writer.relinked, writer.unlinked) == (0, 1)


async def test_a_record_that_names_nobody_is_not_sent_for_ever(
    crm: Merging, writer: RelinkingWriter
) -> None:
    crm.fail_before = lambda key, what: NotFound("no such module")
    with pytest.raises(NotFound):
        await writer.log_call(replace(RECORD, contact=None), "key-1")
    assert crm.asked_for == []


async def test_a_crm_that_goes_away_in_between_is_tried_again_later(
    crm: Merging, writer: RelinkingWriter
) -> None:
    crm.fault = Unavailable("down")
    with pytest.raises(Unavailable):
        await writer.log_call(RECORD, "key-1")
    crm.fault = None
    await writer.log_call(RECORD, "key-1")
    assert list(crm.records) == ["key-1"]


async def test_with_the_contact_in_place_nothing_is_asked(
    crm: Merging, writer: RelinkingWriter
) -> None:
    crm.add("old", MARIA)
    await writer.log_call(RECORD, "key-1")
    assert crm.records["key-1"].contact == OLD
    assert crm.asked_for == []


async def test_a_search_that_lags_behind_leads_to_nobody(
    crm: Merging, writer: RelinkingWriter
) -> None:
    crm.add("old", MARIA)
    del crm.contacts["old"]
    await writer.log_call(RECORD, "key-1")
    assert crm.records["key-1"].contact is None
    crm.add("older", MARIA)
    crm.hits[MARIA] = crm.hits[MARIA][1:]
    del crm.contacts["older"]
    await writer.log_call(RECORD, "key-2")
    assert crm.records["key-2"].contact is None
