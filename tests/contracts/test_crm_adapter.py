"""What every CRM adapter must do, shown on every world there is (tests/crm_worlds tells how one
joins): finding people and reading what the CRM knows of them.

What is written is in test_crm_writes.py, what may go wrong on the way in test_crm_faults.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from calls.caller import ContactRef, IdentityOutcome
from config.settings import CrmSettings
from crm_adapter.adapter import (
    Conflict,
    Forbidden,
    HitKind,
    Invalid,
    KeyField,
    NotFound,
    Timeout,
)
from tests.crm_worlds.asking import all_changes, denied, hit_of, soon
from tests.crm_worlds.claims import unclaimed
from tests.crm_worlds.samples import ARRIVED, LEAD, LONDON
from tests.crm_worlds.world import CrmWorld
from tests.fakes.crm_rows import call_from
from tests.fakes.directories import directory_over

pytestmark = pytest.mark.contract

SPELLINGS = (
    "+442079460018",
    "442079460018",
    "00442079460018",
    "020 7946 0018",
    "02079460018",
    "(020) 7946-0018",
    "+44 (0)20 7946 0018",
)
ANOTHER = "+12125550101"


async def test_check_passes_where_calls_can_be_served(world: CrmWorld) -> None:
    await world.crm.check()


async def _identified(world: CrmWorld, shown: str) -> tuple[IdentityOutcome, ContactRef | None]:
    directory = directory_over(world.crm, settings=CrmSettings())
    call = call_from(shown, dialled="+442079460000")
    caller = await directory.identify(call, region="US", deadline=soon())
    await directory.close()
    return caller.identity.outcome, caller.contact.ref if caller.contact else None


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_the_caller_is_found_in_every_spelling(world: CrmWorld, spelling: str) -> None:
    ref = await world.add_contact(LONDON)
    assert await _identified(world, spelling) == (IdentityOutcome.UNIQUE, ref)


@pytest.mark.parametrize("stored", [*SPELLINGS, "+44 20 7946 0018"])
async def test_the_caller_is_found_however_somebody_typed_the_number(
    world: CrmWorld, stored: str
) -> None:
    ref = await world.add_contact(stored)
    assert await _identified(world, LONDON) == (IdentityOutcome.UNIQUE, ref)


async def test_a_number_that_ends_alike_is_somebody_else(world: CrmWorld) -> None:
    await world.add_contact(LONDON)
    assert await _identified(world, "+12079460018") == (IdentityOutcome.NONE, None)


async def test_a_second_number_leads_to_the_same_contact(world: CrmWorld) -> None:
    ref = await world.add_contact(ANOTHER, LONDON)
    hit = await hit_of(world.crm, LONDON)
    assert hit.candidate.ref == ref
    assert hit.kind is HitKind.CONTACT
    assert {digits(number) for number in hit.numbers} == {digits(ANOTHER), digits(LONDON)}


async def test_many_contacts_come_once_each_in_order_and_up_to_the_limit(world: CrmWorld) -> None:
    refs = {await world.add_contact(LONDON, f"+1212555010{n}") for n in (3, 1, 4, 2)}
    every = await world.crm.find_by_phone(LONDON, limit=10, deadline=soon())
    assert len(every) == 4
    assert {hit.candidate.ref for hit in every} == refs
    first = await world.other.find_by_phone(LONDON, limit=3, deadline=soon())
    assert [hit.candidate.ref for hit in first] == [hit.candidate.ref for hit in every[:3]]


@pytest.mark.parametrize("name", ["O'Brien", '"', "%", "*", "' OR 1=1 --", "\\", "王", "<b>x</b>"])
async def test_hostile_names_come_back_as_they_are(world: CrmWorld, name: str) -> None:
    ref = await world.add_contact(LONDON, last_name=name)
    await world.add_contact(ANOTHER, last_name="Bystander")
    hit = await hit_of(world.crm, LONDON)
    contact = await world.crm.get(ref, deadline=soon())
    assert contact.name == name
    assert hit.candidate.name == name


async def test_the_company_is_told(world: CrmWorld) -> None:
    ref = await world.add_contact(LONDON, last_name="Ng", company="O'Brien & <b>Sons</b>")
    contact = await world.crm.get(ref, deadline=soon())
    assert contact.company == "O'Brien & <b>Sons</b>"
    assert (await hit_of(world.crm, LONDON)).candidate.company == contact.company


async def test_a_first_and_a_last_name_make_the_name(world: CrmWorld) -> None:
    ref = await world.add_contact(LONDON, first_name="Mary Ann", last_name="Smith")
    assert (await world.crm.get(ref, deadline=soon())).name == "Mary Ann Smith"


@pytest.mark.parametrize(
    "key", ["", "%", "*", "' OR 1=1 --", "_" * 12, "+1" * 5_000, "+442079460018\0"]
)
async def test_a_hostile_key_finds_nobody(world: CrmWorld, key: str) -> None:
    await world.add_contact(LONDON)
    assert list(await world.crm.find_by_phone(key, limit=5, deadline=soon())) == []


async def test_who_was_just_added_is_found_at_once(world: CrmWorld) -> None:
    assert list(await world.crm.find_by_phone(LONDON, limit=5, deadline=soon())) == []
    ref = await world.add_contact(LONDON)
    assert (await hit_of(world.crm, LONDON)).candidate.ref == ref
    assert (await hit_of(world.other, LONDON)).candidate.ref == ref


async def test_an_open_lead_is_found_by_its_number(world: CrmWorld) -> None:
    if await denied(world.crm.capabilities.leads, lambda: world.crm.create_lead(LEAD, "key-1")):
        return
    lead_id = await world.crm.create_lead(LEAD, "key-1")
    hits = await world.crm.find_by_phone(LEAD.number, limit=5, deadline=soon())
    if unclaimed(world.crm.capabilities.finds_leads):
        assert list(hits) == []
        return
    [hit] = hits
    assert hit.kind is HitKind.LEAD
    assert lead_id in hit.candidate.ref.id
    contact = await world.crm.get(hit.candidate.ref, deadline=soon())
    assert contact.ref == hit.candidate.ref
    assert contact.purchases == ()


async def test_a_contact_and_a_lead_of_one_number_are_both_told(world: CrmWorld) -> None:
    capabilities = world.crm.capabilities
    if unclaimed(capabilities.leads and capabilities.finds_leads):
        return  # denied in the test before
    ref = await world.add_contact(LONDON)
    await world.crm.create_lead(replace(LEAD, number=LONDON), "key-1")
    hits = await world.crm.find_by_phone(LONDON, limit=5, deadline=soon())
    assert [hit.kind for hit in hits] == [HitKind.CONTACT, HitKind.LEAD]
    assert hits[0].candidate.ref == ref


async def test_a_contact_that_is_gone_is_not_found(world: CrmWorld) -> None:
    ref = await world.add_contact(LONDON)
    assert (await hit_of(world.crm, LONDON)).candidate.ref == ref
    await world.delete_contact(ref)
    with pytest.raises(NotFound):
        await world.crm.get(ref, deadline=soon())
    assert list(await world.crm.find_by_phone(LONDON, limit=5, deadline=soon())) == []


@pytest.mark.parametrize("contact_id", ["", "0", "-1", "9" * 30, "' OR 1=1 --", "../../etc", "a\0"])
async def test_an_id_that_is_nobodys_is_not_found(world: CrmWorld, contact_id: str) -> None:
    with pytest.raises(NotFound):
        await world.crm.get(ContactRef(world.crm.name, contact_id), deadline=soon())


async def test_a_contact_of_another_crm_is_not_found(world: CrmWorld) -> None:
    ref = await world.add_contact(LONDON)
    with pytest.raises(NotFound):
        await world.crm.get(ContactRef("elsewhere", ref.id), deadline=soon())


async def test_a_question_ends_at_its_deadline(world: CrmWorld) -> None:
    with pytest.raises(Timeout):
        await world.crm.find_by_phone(LONDON, limit=5, deadline=soon(0))


async def test_purchases_are_the_newest_twenty_newest_first(world: CrmWorld) -> None:
    ref = await world.add_contact(LONDON)
    ask = lambda: world.crm.get_purchase_history(ref, limit=5, deadline=soon())  # noqa: E731
    if await denied(world.crm.capabilities.purchases, ask):
        return
    stranger = await world.add_contact(ANOTHER)
    await world.add_purchase(stranger, product="theirs", at=ARRIVED, amount=Decimal(1))
    for day in (3, 1, 2):
        at = ARRIVED - timedelta(days=day)
        await world.add_purchase(ref, product=f"P-{day}", at=at, amount=Decimal("9.50") * day)
    contact = await world.crm.get(ref, deadline=soon())
    found = [(bought.product, bought.amount) for bought in contact.purchases]
    assert found == [("P-1", Decimal("9.5")), ("P-2", Decimal(19)), ("P-3", Decimal("28.5"))]
    assert contact.purchases[0].at.date() == (ARRIVED - timedelta(days=1)).date()
    assert contact.purchases[0].at.tzinfo is not None
    assert contact.owns == {"P-1", "P-2", "P-3"}
    history = await world.crm.get_purchase_history(ref, limit=2, deadline=soon())
    assert [bought.product for bought in history] == ["P-1", "P-2"]


async def test_more_than_twenty_purchases_are_cut(world: CrmWorld) -> None:
    if unclaimed(world.crm.capabilities.purchases):
        return  # denied in the test before
    ref = await world.add_contact(LONDON)
    for day in range(22):
        at = ARRIVED - timedelta(days=day)
        await world.add_purchase(ref, product=f"P-{day % 3}", at=at, amount=Decimal(day + 1))
    contact = await world.crm.get(ref, deadline=soon())
    assert [int(bought.amount) for bought in contact.purchases] == list(range(1, 21))
    history = await world.crm.get_purchase_history(ref, limit=100, deadline=soon())
    assert [int(bought.amount) for bought in history] == list(range(1, 23))


async def test_who_bought_nothing_has_an_empty_history(world: CrmWorld) -> None:
    ref = await world.add_contact(LONDON)
    contact = await world.crm.get(ref, deadline=soon())
    assert (contact.purchases, contact.orders, contact.cases) == ((), (), ())
    if world.crm.capabilities.purchases:
        assert list(await world.crm.get_purchase_history(ref, limit=5, deadline=soon())) == []
        await world.delete_contact(ref)
        with pytest.raises(NotFound):
            await world.crm.get_purchase_history(ref, limit=5, deadline=soon())


async def test_orders_come_newest_first_and_say_which_are_open(world: CrmWorld) -> None:
    ref = await world.add_contact(LONDON)
    if unclaimed(world.crm.capabilities.orders):
        assert (await world.crm.get(ref, deadline=soon())).orders == ()
        return
    stranger = await world.add_contact(ANOTHER)
    await world.add_order(stranger, number="100", at=ARRIVED)
    later, latest = ARRIVED + timedelta(days=1), ARRIVED + timedelta(days=2)
    await world.add_order(ref, number="101", at=ARRIVED)
    await world.add_order(ref, number="102", at=latest, is_open=False)
    await world.add_order(ref, number="103", at=later)
    orders = (await world.crm.get(ref, deadline=soon())).orders
    placed = [(order.placed_at.date(), order.is_open) for order in orders]
    # Closed ones may stand before, between or after.
    assert [at for at, is_open in placed if is_open] == [later.date(), ARRIVED.date()]
    assert [at for at, is_open in placed if not is_open] == [latest.date()]


async def test_cases_are_told(world: CrmWorld) -> None:
    ref = await world.add_contact(LONDON)
    if unclaimed(world.crm.capabilities.cases):
        assert (await world.crm.get(ref, deadline=soon())).cases == ()
        return
    await world.add_case(ref, subject="It <b>leaks</b>", at=ARRIVED)
    await world.add_case(ref, subject="Old", at=ARRIVED - timedelta(days=9), is_open=False)
    cases = (await world.crm.get(ref, deadline=soon())).cases
    assert {(case.subject, case.is_open) for case in cases} >= {("It <b>leaks</b>", True)}
    assert cases[0].is_open


KEYS = {
    KeyField.CUSTOMER_ID: "0042",
    KeyField.ACCOUNT_NUMBER: "7001",
    KeyField.ORDER_NUMBER: "000123",
}


@pytest.mark.parametrize("field", list(KEYS))
async def test_a_key_is_exact(world: CrmWorld, field: KeyField) -> None:
    digits, known = KEYS[field], world.crm.capabilities.keys
    ask = lambda: world.crm.find_by_key(field, digits, limit=5, deadline=soon())  # noqa: E731
    if await denied(field in known, ask):
        return
    ref = await world.add_contact(
        LONDON, last_name="Ng", customer_number="0042", account_number="7001"
    )
    await world.add_contact(ANOTHER, customer_number="42")
    await world.add_order(ref, number="000123", at=ARRIVED)
    [found] = await world.crm.find_by_key(field, digits, limit=5, deadline=soon())
    assert (found.ref, found.name) == (ref, "Ng")
    for other in (f"0{digits}", f"{digits}0", digits[1:], f" {digits}", f"{digits}\0", "%", ""):
        found_by_other = await world.crm.find_by_key(field, other, limit=5, deadline=soon())
        assert all(candidate.ref != ref for candidate in found_by_other)


async def test_an_account_of_several_gives_all_of_them_up_to_the_limit(world: CrmWorld) -> None:
    field = KeyField.ACCOUNT_NUMBER
    if unclaimed(field in world.crm.capabilities.keys):
        return  # denied in the test before
    refs = {await world.add_contact(account_number="7001") for _ in range(3)}
    every = await world.crm.find_by_key(field, "7001", limit=5, deadline=soon())
    assert {candidate.ref for candidate in every} == refs
    assert list(await world.other.find_by_key(field, "7001", limit=2, deadline=soon())) == list(
        every[:2]
    )


async def test_two_orders_of_one_contact_under_one_number_are_one_contact(world: CrmWorld) -> None:
    field = KeyField.ORDER_NUMBER
    if unclaimed(field in world.crm.capabilities.keys):
        return  # denied in the test before
    ref = await world.add_contact(LONDON)
    for _ in range(2):
        await world.add_order(ref, number="9", at=ARRIVED)
    [found] = await world.crm.find_by_key(field, "9", limit=5, deadline=soon())
    assert found.ref == ref


async def test_changes_tell_every_contact_page_after_page(world: CrmWorld) -> None:
    ask = lambda: world.crm.changes(None, limit=3, deadline=soon())  # noqa: E731
    if await denied(world.crm.capabilities.changes, ask):
        return
    refs = {await world.add_contact(f"+1212555010{n}") for n in range(8)}
    hits, _ = await all_changes(world.crm, None, limit=3)
    assert refs <= {hit.candidate.ref for hit in hits}
    told = {hit.candidate.ref: hit for hit in hits}
    assert all(told[ref].numbers for ref in refs)


async def test_changes_go_on_after_a_restart(world: CrmWorld) -> None:
    if unclaimed(world.crm.capabilities.changes):
        return  # denied in the test before
    renamed = await world.add_contact(LONDON, last_name="Before")
    for n in range(5):
        await world.add_contact(f"+1212555010{n}")
    _, cursor = await all_changes(world.crm, None, limit=2)
    await world.rename_contact(renamed, "After")
    added = await world.add_contact("+12125550109")
    hits, _ = await all_changes(world.other, cursor, limit=2)
    names = {hit.candidate.ref: hit.candidate.name for hit in hits}
    assert names[renamed] == "After"
    assert added in names


@pytest.mark.parametrize("cursor", ["", "x", "'; --", "9" * 400, "2026-13-45|1", "null", "{}"])
async def test_a_cursor_of_somebody_elses_is_refused(world: CrmWorld, cursor: str) -> None:
    ask = lambda: world.crm.changes(cursor, limit=3, deadline=soon())  # noqa: E731
    if await denied(world.crm.capabilities.changes, ask):
        return
    with pytest.raises(Invalid):
        await ask()


async def test_a_webhook_is_believed_only_as_it_was_signed(world: CrmWorld) -> None:
    if await denied(world.crm.capabilities.webhooks, lambda: _parsed(world, {}, b"{}")):
        return
    ref = await world.add_contact(LONDON)
    headers, body = world.webhook(ref)
    assert await _parsed(world, headers, body) == [ref]
    with pytest.raises(Forbidden):
        await _parsed(world, headers, body + b" ")
    with pytest.raises(Forbidden):
        await _parsed(world, {}, body)


async def _parsed(world: CrmWorld, headers: Mapping[str, str], body: bytes) -> list[ContactRef]:
    return list(world.crm.parse_webhook(headers, body))


def digits(number: str) -> str:
    return "".join(letter for letter in number if letter.isdigit())


async def test_a_field_is_changed_only_from_the_version_that_was_seen(world: CrmWorld) -> None:
    ref = await world.add_contact(LONDON, last_name="Before")
    field = next(iter(sorted(world.crm.capabilities.updates)), None)
    if await denied(field is not None, lambda: _update(world, ref, "last_name", "x", None)):
        return
    assert field is not None
    seen = (await hit_of(world.crm, LONDON)).version
    assert seen is not None
    await _update(world, ref, field, "first", seen)
    assert await world.contact_field(ref, field) == "first"
    with pytest.raises(Conflict):
        await _update(world, ref, field, "second", seen)
    assert await world.contact_field(ref, field) == "first"
    await _update(world, ref, field, "third", None)
    assert await world.contact_field(ref, field) == "third"
    with pytest.raises(Invalid):
        await _update(world, ref, "no_such_field", "x", None)
    await world.delete_contact(ref)
    with pytest.raises(NotFound):
        await _update(world, ref, field, "fourth", None)


async def _update(
    world: CrmWorld, ref: ContactRef, field: str, value: str, version: str | None
) -> None:
    await world.crm.update_fields(ref, {field: value}, expect_version=version, idem=f"u-{value}")
