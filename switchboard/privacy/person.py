"""Who somebody is in our own tables: from one number to their contacts, and from these to all their
numbers and calls."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Column, ColumnElement, Text, and_, cast, false, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import KeyedColumnElement

from calls.call import CallId
from calls.caller import ContactRef
from calls.errors import SwitchboardError
from crm_adapter.call_tables import calls
from crm_adapter.embedded import tables as crm
from crm_adapter.embedded.adapter import CRM as EMBEDDED
from crm_adapter.embedded.merge_tables import merged_contacts
from crm_adapter.live import answers
from crm_adapter.live.index_tables import number_choices, phone_index
from crm_adapter.spellings import spellings

#: Of something in JSON.
Path = tuple[str | int, ...]
#: Calls looked for in one question: each is a condition of its own in some.
_AT_ONCE = 200
#: By these a call's contact is whose the number was; a caller who typed something may have used
#: somebody else's phone.
_BY_NUMBER = (answers.E164, answers.INDEX, answers.REMEMBERED)


class NotOnePerson(SwitchboardError):
    """The number belongs to several contacts, and nothing says which is meant."""


@dataclass(frozen=True, slots=True)
class Person:
    """`numbers` are those that are theirs alone; `number` may be shared, and is not among them
    then."""

    number: str
    numbers: frozenset[str]
    contacts: frozenset[ContactRef]
    names: frozenset[str] = frozenset()
    calls: frozenset[CallId] = frozenset()
    #: Keys of their leads and tasks.
    keys: frozenset[str] = frozenset()
    pops: frozenset[str] = frozenset()

    @property
    def spellings(self) -> list[str]:
        return sorted({spelled for number in self.numbers for spelled in spellings(number)})

    def in_parts(self) -> Iterator[Person]:
        """The same with a few calls and pops at a time, for questions of bounded length."""
        told, shown = sorted(self.calls, key=str), sorted(self.pops)
        for start in range(0, max(len(told), len(shown), 1), _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            yield replace(self, calls=frozenset(told[some]), pops=frozenset(shown[some]))

    def has_contact(
        self, contact: KeyedColumnElement[str], crm_name: KeyedColumnElement[str] | None = None
    ) -> ColumnElement[bool]:
        """Without a column of the CRM's name the table is the embedded one's."""
        if crm_name is None:
            return contact.in_(sorted(ref.id for ref in self.contacts if ref.crm == EMBEDDED))
        refs = sorted((ref.crm, ref.id) for ref in self.contacts)
        return tuple_(crm_name, contact).in_(refs) if refs else false()

    def has_number(self, column: KeyedColumnElement[str]) -> ColumnElement[bool]:
        return column.in_(sorted(self.numbers))

    def has_call(
        self, system: KeyedColumnElement[str], linkedid: KeyedColumnElement[str]
    ) -> ColumnElement[bool]:
        pairs = sorted((call.system, call.linkedid) for call in self.calls)
        return tuple_(system, linkedid).in_(pairs) if pairs else false()

    def is_of(
        self, payload: Column[Any], *, numbers: Iterable[Path], contacts: Iterable[Path]
    ) -> ColumnElement[bool]:
        """Whether JSON is about them: at these places stand its number and its contact, as `CRM:ID`
        or as a pair. What only names them beside somebody else is the other's."""
        told = [json.dumps(number) for number in sorted(self.numbers)] + self.contacts_told
        if not told:
            return false()
        refs = sorted((ref.crm, ref.id) for ref in self.contacts)
        asked = [payload[place].as_string().in_(sorted(self.numbers)) for place in numbers]
        for place in contacts:
            pair = (payload[(*place, 0)].as_string(), payload[(*place, 1)].as_string())
            asked.append(payload[place].as_string().in_([f"{name}:{ref}" for name, ref in refs]))
            if refs:
                asked.append(tuple_(*pair).in_(refs))
        return and_(is_any_in(payload, told), or_(*asked))

    @property
    def contacts_told(self) -> list[str]:
        """Their contacts as our own JSON writes them."""
        told = []
        for ref in self.contacts:
            crm_name, contact = json.dumps(ref.crm), json.dumps(ref.id)
            told += [
                f"[{crm_name}, {contact}]",
                f'"crm": {crm_name}, "id": {contact}',
                json.dumps(str(ref)),
            ]
        return sorted(told)


def is_any_in(column: ColumnElement[Any], texts: Iterable[str]) -> ColumnElement[bool]:
    found = (cast(column, Text).contains(text, autoescape=True) for text in texts)
    return or_(false(), *found)


async def person_of(
    link: AsyncConnection,
    number: str,
    *,
    only: Collection[ContactRef] = (),
    shared: bool = False,
) -> Person:
    """`only` are the contacts that are meant, where several have the number; `shared`: all of
    them. Raises NotOnePerson."""
    holders = await _holders(link, number)
    if only:
        unknown = [str(ref) for ref in only if ref not in holders]
        if unknown:
            raise NotOnePerson(f"{unknown[0]} does not have this number; {_listed(holders)}")
    elif len(holders) > 1 and not shared:
        raise NotOnePerson(
            f"this number belongs to {len(holders)} contacts ({_listed(holders)}): say whom you "
            "mean by --contact CRM:ID, or --shared for all of them"
        )
    contacts = await _with_merged(link, set(only) or holders)
    person = Person(number, await _own_numbers(link, number, contacts), frozenset(contacts))
    return await _with_calls(link, person)


def _listed(refs: Iterable[ContactRef]) -> str:
    return ", ".join(sorted(map(str, refs))) or "nobody has it"


async def _holders(link: AsyncConnection, number: str) -> set[ContactRef]:
    own = select(crm.contact_numbers.c.contact_id).where(crm.contact_numbers.c.e164 == number)
    found = {ContactRef(EMBEDDED, each) for each in await link.scalars(own)}
    of_calls = select(calls.c.contact_crm, calls.c.contact_id).where(
        calls.c.number == number,
        calls.c.contact_id.is_not(None),
        calls.c.identity_method.in_(_BY_NUMBER),
    )
    for question in (
        select(phone_index.c.crm, phone_index.c.ref).where(phone_index.c.e164 == number),
        select(number_choices.c.crm, number_choices.c.contact_id).where(
            number_choices.c.e164 == number
        ),
        of_calls.distinct(),
    ):
        found |= {ContactRef(*row) for row in await link.execute(question)}
    return found


async def _with_merged(link: AsyncConnection, refs: set[ContactRef]) -> set[ContactRef]:
    """And those that were merged into them."""
    kept = [ref.id for ref in refs if ref.crm == EMBEDDED]
    gone = select(merged_contacts.c.id).where(merged_contacts.c.contact_id.in_(kept))
    return refs | {ContactRef(EMBEDDED, each) for each in await link.scalars(gone)}


async def _own_numbers(
    link: AsyncConnection, number: str, contacts: Collection[ContactRef]
) -> frozenset[str]:
    ids = [ref.id for ref in contacts if ref.crm == EMBEDDED]
    theirs = select(crm.contact_numbers.c.e164).where(crm.contact_numbers.c.contact_id.in_(ids))
    numbers = {number, *await link.scalars(theirs)}
    pairs = [(ref.crm, ref.id) for ref in contacts]
    if pairs:
        indexed = select(phone_index.c.e164).where(
            tuple_(phone_index.c.crm, phone_index.c.ref).in_(pairs)
        )
        numbers |= set(await link.scalars(indexed))
    alone = set()
    for each in numbers:
        if await _holders(link, each) <= set(contacts):
            alone.add(each)
    return frozenset(alone)


async def _with_calls(link: AsyncConnection, person: Person) -> Person:
    question = select(
        calls.c.system, calls.c.linkedid, calls.c.lead_key, calls.c.contact_name, calls.c.from_name
    ).where(is_theirs(person))
    found = (await link.execute(question)).all()
    names = {name for row in found for name in (row.contact_name, row.from_name) if name}
    names |= await _names(link, person)
    return replace(
        person,
        calls=frozenset(CallId(row.system, row.linkedid) for row in found),
        keys=frozenset(row.lead_key for row in found if row.lead_key),
        names=frozenset(names),
    )


def is_theirs(person: Person) -> ColumnElement[bool]:
    """Of `calls`. A call from a number that somebody else has too is theirs by its contact, not by
    being one of those that it may have been."""
    of = calls.c
    spelled = person.spellings
    return or_(
        person.has_contact(of.contact_id, of.contact_crm),
        person.has_number(of.number),
        and_(of.number.is_(None), of.from_raw.in_(spelled)),
        and_(of.direction.is_not(None), of.dialled.in_(spelled)),
        # Who asks to be called back at a number of theirs is them where nobody else is known.
        and_(
            of.withheld,
            of.contact_id.is_(None),
            of.number.is_(None),
            person.is_of(of.callback, numbers=[("number",)], contacts=()),
        ),
    )


async def _names(link: AsyncConnection, person: Person) -> set[str]:
    of = crm.contacts.c
    own = select(of.first_name, of.last_name).where(person.has_contact(of.id))
    names = {" ".join(part for part in row if part) for row in await link.execute(own)}
    index = select(phone_index.c.name).where(
        person.has_contact(phone_index.c.ref, phone_index.c.crm)
    )
    return {name for name in names | set(await link.scalars(index)) if name}


def by_crm(contacts: Iterable[ContactRef]) -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for ref in contacts:
        found[ref.crm].append(ref.id)
    return {name: sorted(ids) for name, ids in sorted(found.items())}
