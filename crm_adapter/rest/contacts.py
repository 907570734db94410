"""Contacts, accounts and leads as the API knows them, with their histories."""

from __future__ import annotations

import asyncio
import logging
import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from calls.caller import Contact, ContactRef, Purchase
from calls.deadlines import Deadline
from crm_adapter.adapter import CrmError, HitKind, KeyField, NotFound, PhoneHit, Unsupported
from crm_adapter.mapped.phone_forms import FORMS, is_e164, phone_form, phone_forms
from crm_adapter.mapped.record_values import kind_and_id
from crm_adapter.rest import answers
from crm_adapter.rest.answers import CRM
from crm_adapter.rest.names import names_of
from crm_adapter.rest.questions import Questions
from crm_adapter.rest.shapes import ContactMap, GetPart, ListPart, LookupPart, RestMapping
from crm_adapter.rest.templates import Template

log = logging.getLogger(__name__)

#: Of each part of a contact's history.
RECENT = 20
#: Contacts that are kept in mind where the API has no question for one by its id.
_MOST_REMEMBERED = 5_000
_WHOLE = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
#: APIs keep ids in 32 bits with a sign, and fail for more.
_MOST_ID = 2**31

T = TypeVar("T")


class Contacts:
    def __init__(self, *, mapping: RestMapping, questions: Questions) -> None:
        self._mapping = mapping
        self._questions = questions
        self._maps = {lookup.kind: lookup.map for lookup in reversed(mapping.lookup)}
        self._urls = {lookup.kind: lookup.url for lookup in reversed(mapping.lookup)}
        self._types = {
            lookup.kind: lookup.type or lookup.kind.value for lookup in reversed(mapping.lookup)
        }
        self._gets: dict[HitKind, GetPart] = {got.kind: got for got in mapping.get}
        self._remembered: OrderedDict[str, Contact] = OrderedDict()

    @property
    def map_of_contacts(self) -> ContactMap | None:
        return self._maps.get(HitKind.CONTACT)

    def url_of(self, kind: HitKind) -> Template | None:
        return self._urls.get(kind)

    async def by_phone(self, e164: str, limit: int, deadline: Deadline) -> list[PhoneHit]:
        """Look-ups in the order of the mapping, each in that of its answers."""
        if not is_e164(e164):
            return []
        found = await _all(
            [self._look_up(lookup, e164, limit, deadline) for lookup in self._mapping.lookup]
        )
        hits: dict[ContactRef, PhoneHit] = {}
        for contact, hit in (pair for pairs in found for pair in pairs):
            hits.setdefault(contact.ref, hit)
            if hit.kind not in self._gets:
                self._remember(contact)
        return list(hits.values())[:limit]

    async def _look_up(
        self, lookup: LookupPart, e164: str, limit: int, deadline: Deadline
    ) -> list[tuple[Contact, PhoneHit]]:
        forms = phone_forms(e164, lookup.forms or self._mapping.phone.forms)
        spelled = {form: phone_form(e164, form) for form in FORMS}
        fixed = {**spelled, "phones": list(forms), "limit": limit}
        asked = forms if "phone" in names_of(lookup) else forms[:1]
        if self._mapping.phone.stop_on_first:
            for form in asked:
                found = await self._hits(lookup, {**fixed, "phone": form}, deadline)
                if found:
                    return found
            return []
        answered = await _all(
            [self._hits(lookup, {**fixed, "phone": form}, deadline) for form in asked]
        )
        return [pair for pairs in answered for pair in pairs]

    async def _hits(
        self, lookup: LookupPart, values: dict[str, Any], deadline: Deadline
    ) -> list[tuple[Contact, PhoneHit]]:
        records = await self._questions.records(lookup, values, deadline)
        return answers.hits_of(lookup.map, records, lookup.kind, lookup.url)

    async def by_key(
        self, field: KeyField, digits: str, limit: int, deadline: Deadline
    ) -> list[Contact]:
        part = self._mapping.keys.get(field)
        read = None if part is None else part.map or self.map_of_contacts
        if part is None or read is None:
            raise Unsupported(f"the mapping has no question for {field.value}")
        if not digits.isascii() or not digits.isdigit() or len(digits) > 64:
            return []
        values = {"digits": digits, "limit": limit}
        records = await self._questions.records(part, values, deadline)
        found: dict[ContactRef, Contact] = {}
        url = self.url_of(HitKind.CONTACT)
        for contact, _ in answers.hits_of(read, records, HitKind.CONTACT, url):
            found.setdefault(contact.ref, contact)
            if HitKind.CONTACT not in self._gets:
                self._remember(contact)
        return list(found.values())[:limit]

    async def one(self, ref: ContactRef, deadline: Deadline) -> tuple[Contact, str | None]:
        """Without its history; with its version. Raises NotFound."""
        kind, record = _kind_and_id(ref)
        if not self._can_be(record):
            raise NotFound(f"there is no {kind.value} of that id")
        got = self._gets.get(kind)
        if got is None:
            remembered = self._remembered.get(ref.id) if ref.crm == CRM else None
            if remembered is None:
                raise NotFound(f"there is no question for the {kind.value} {ref}, nor was it seen")
            return remembered, None
        found = await self._questions.answer(got, got.none_when, self.values_of(ref), deadline)
        item = None if found is None else got.item.of(found[0])
        read = got.map or self._maps[kind]
        if not isinstance(item, dict | list) or not item:
            raise NotFound(f"there is no {kind.value} {ref}")
        contact = answers.contact_of(read, item, kind, self.url_of(kind), known=record)
        assert contact is not None
        return contact[0], contact[2]

    def _can_be(self, record: str) -> bool:
        if self._mapping.ids == "number":
            return _WHOLE.fullmatch(record) is not None and int(record) < _MOST_ID
        return bool(record.strip()) and record.isprintable()

    def values_of(self, ref: ContactRef | None) -> dict[str, Any]:
        """What requests about one contact know of it."""
        if ref is None or ref.crm != CRM:
            return {"limit": RECENT}
        kind, record = _kind_and_id(ref)
        return {
            "id": record,
            "contact_id": record,
            "contact_kind": kind.value,
            "contact_type": self._types.get(kind, kind.value),
            "limit": RECENT,
        }

    async def histories(self, ref: ContactRef, deadline: Deadline) -> dict[str, Any]:
        """`purchases`, `orders`, `cases`; empty where the API does not answer."""
        if _kind_and_id(ref)[0] is HitKind.LEAD:
            return {}
        mapping, values = self._mapping, self.values_of(ref)
        purchases, orders, cases = await asyncio.gather(
            self._part("history", mapping.history, answers.purchases_of, values, deadline),
            self._part("orders", mapping.orders, answers.orders_of, values, deadline),
            self._part("cases", mapping.cases, answers.cases_of, values, deadline),
        )
        return {
            "purchases": purchases[:RECENT],
            "orders": orders[:RECENT],
            "cases": cases[:RECENT],
            "owns": frozenset(one.product for one in purchases if one.product),
        }

    async def purchases(
        self, ref: ContactRef, limit: int, deadline: Deadline
    ) -> Sequence[Purchase]:
        part = self._mapping.history
        if part is None:
            raise Unsupported("the mapping has no history")
        values = {**self.values_of(ref), "limit": limit}
        records = await self._questions.records(part, values, deadline)
        found = answers.purchases_of(part.map, records)[:limit]
        if not found:
            await self.one(ref, deadline)  # raises NotFound
        return found

    async def _part(
        self,
        what: str,
        part: Any,
        read: Callable[[Any, Sequence[Any]], tuple[T, ...]],
        values: dict[str, Any],
        deadline: Deadline,
    ) -> tuple[T, ...]:
        if part is None:
            return ()
        try:
            asked: ListPart = part
            return read(part.map, await self._questions.records(asked, values, deadline))
        except CrmError as error:
            log.debug("rest: %s is left out: %s", what, type(error).__name__)
            return ()

    def _remember(self, contact: Contact) -> None:
        self._remembered[contact.ref.id] = contact
        self._remembered.move_to_end(contact.ref.id)
        while len(self._remembered) > _MOST_REMEMBERED:
            self._remembered.popitem(last=False)


def _kind_and_id(ref: ContactRef) -> tuple[HitKind, str]:
    if ref.crm != CRM:
        raise NotFound(f"there is no contact {ref} in this CRM")
    kind, record = kind_and_id(ref.id)
    return HitKind(kind), record


async def _all(questions: Sequence[Any]) -> list[Any]:
    """All answers; the first failure ends the others, whose answers nobody would hear."""
    tasks: list[asyncio.Task[Any]] = []
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one, name="rest:question") for one in questions]
    except* CrmError as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]
