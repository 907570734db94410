"""Finding and reading people in a hosted CRM: how each of them asks differs, what is made of the
answers does not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import ClassVar

from calls.caller import Candidate, Case, Contact, ContactRef, Order, Purchase
from calls.deadlines import Deadline
from crm_adapter.adapter import ChangePage, Conflict, CrmWriter, HitKind, PhoneHit
from crm_adapter.adapters import gathering, people
from crm_adapter.adapters.hosted import MOST_HISTORY, QUESTION_S, HostedCrm, utc_now
from crm_adapter.adapters.people import Person
from crm_adapter.delegating import DelegatingWriter
from crm_adapter.http.client import CrmHttp
from crm_adapter.spellings import last_digits


class HostedPeople(DelegatingWriter, HostedCrm):
    """A CRM's reading half; `writer` is its other one."""

    #: So many of the last digits must agree before a record counts; None: the CRM itself compares
    #: whole numbers.
    compared: ClassVar[int | None] = None

    def __init__(
        self, *, http: CrmHttp, writer: CrmWriter, now: Callable[[], datetime] = utc_now
    ) -> None:
        HostedCrm.__init__(self, http=http, now=now)
        DelegatingWriter.__init__(self, writer)

    async def find_by_phone(
        self, key: str, *, limit: int, deadline: Deadline
    ) -> Sequence[PhoneHit]:
        end = last_digits(key, self.compared or 1)
        if end is None:
            return []
        found = await gathering.all_of(
            self._having(HitKind.CONTACT, key, limit, deadline),
            self._having(HitKind.LEAD, key, limit, deadline),
        )
        everybody = [person for persons in found for person in persons]
        if self.compared is not None:
            everybody = [one for one in everybody if people.ends_in(one.numbers, end)]
        return people.ordered(map(self._hit, everybody), limit)

    async def _look(self, number: str) -> Sequence[PhoneHit]:
        """Who has it, on the way to a write."""
        deadline = Deadline.after(QUESTION_S)
        return await self.find_by_phone(number, limit=MOST_HISTORY, deadline=deadline)

    async def get(self, ref: ContactRef, *, deadline: Deadline) -> Contact:
        kind, record_id = self._place(ref)
        person = await self._person(kind, record_id, deadline)
        if kind is HitKind.LEAD:
            return self._contact(ref, person)
        purchases, (orders, cases) = await gathering.both(
            self._spared("purchases", self._purchases(record_id, MOST_HISTORY, deadline)),
            gathering.both(
                self._spared("orders", self._orders(record_id, deadline)),
                self._spared("cases", self._cases(record_id, deadline)),
            ),
        )
        return self._contact(ref, person, purchases, orders, cases)

    async def get_purchase_history(
        self, ref: ContactRef, *, limit: int, deadline: Deadline
    ) -> Sequence[Purchase]:
        kind, record_id = self._place(ref)
        if kind is HitKind.LEAD:
            return ()
        found = await self._purchases(record_id, limit, deadline)
        if not found:
            await self._person(kind, record_id, deadline)  # raises NotFound
        return found

    # What a CRM answers to each question. ---------------------------------------------------------

    async def _having(
        self, kind: HitKind, key: str, limit: int, deadline: Deadline
    ) -> Sequence[Person]:
        """Those who may have the number; more where the CRM compares loosely."""
        raise NotImplementedError

    async def _person(self, kind: HitKind, record_id: str, deadline: Deadline) -> Person:
        """Raises NotFound."""
        raise NotImplementedError

    async def _purchases(
        self, contact: str, limit: int, deadline: Deadline
    ) -> tuple[Purchase, ...]:
        """Newest first."""
        raise NotImplementedError

    async def _orders(self, contact: str, deadline: Deadline) -> Sequence[Order]:
        return ()

    async def _cases(self, contact: str, deadline: Deadline) -> Sequence[Case]:
        return ()

    def _link(self, kind: HitKind, record_id: str) -> str | None:
        """Where people look at the record."""
        raise NotImplementedError

    def _place(self, ref: ContactRef) -> tuple[HitKind, str]:
        """Raises NotFound for what cannot be an id there."""
        return self._kind_and_id(ref)

    # What is made of the answers. -----------------------------------------------------------------

    def _hit(self, person: Person) -> PhoneHit:
        ref = self._ref(person.id, person.kind)
        name = person.name or Contact(ref, person.first_name, person.last_name).name
        link = self._link(person.kind, person.id)
        return PhoneHit(
            Candidate(ref, name, person.company, link),
            tuple(dict.fromkeys(filter(None, person.numbers))),
            person.kind,
            version=person.version,
            owner=person.owner,
        )

    def _contact(
        self,
        ref: ContactRef,
        person: Person,
        purchases: tuple[Purchase, ...] = (),
        orders: tuple[Order, ...] = (),
        cases: tuple[Case, ...] = (),
    ) -> Contact:
        return Contact(
            ref=ref,
            first_name=person.first_name,
            last_name=person.last_name,
            company=person.company,
            language=person.language,
            url=self._link(*self._place(ref)),
            owner=person.owner,
            purchases=purchases,
            owns=people.bought(purchases),
            orders=orders,
            cases=cases,
        )

    def _page(self, told: Iterable[Person], cursor: str, more: bool) -> ChangePage:
        return ChangePage(tuple(self._hit(one) for one in told if one.id), (), cursor, more)

    async def _expect(self, kind: HitKind, record_id: str, version: str | None) -> Person | None:
        """The person as it is now; None where any version will do. Raises Conflict."""
        if version is None:
            return None
        person = await self._person(kind, record_id, Deadline.after(QUESTION_S))
        if person.version != version:
            raise Conflict("the contact has changed meanwhile", existing=record_id)
        return person
