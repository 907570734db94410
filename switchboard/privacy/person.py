"""Who somebody is in our own tables: from one number to their contacts, and from these to all their
numbers and calls."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Table,
    Text,
    and_,
    cast,
    false,
    or_,
    select,
    tuple_,
    type_coerce,
)
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
from storage.sealed.columns import seals_of

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
    #: Where JSON is sealed, and SQL cannot look into it: by column, what was found to name them, by
    #: the primary keys of its rows.
    opened: Mapping[Column[Any], Mapping[tuple[Any, ...], Any]] | None = None

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
        if self.opened is not None:
            places = (tuple(numbers), tuple(contacts))
            return self._is_among(payload, lambda found: self._tells_of_them(found, *places))
        if not told:
            return false()
        refs = sorted((ref.crm, ref.id) for ref in self.contacts)
        inside = type_coerce(payload, JSON)
        asked = [inside[place].as_string().in_(sorted(self.numbers)) for place in numbers]
        for place in contacts:
            pair = (inside[(*place, 0)].as_string(), inside[(*place, 1)].as_string())
            asked.append(inside[place].as_string().in_([f"{name}:{ref}" for name, ref in refs]))
            if refs:
                asked.append(tuple_(*pair).in_(refs))
        return and_(is_any_in(payload, told), or_(*asked))

    def names_call(self, payload: Column[Any]) -> ColumnElement[bool]:
        """Whether JSON names one of their calls, anywhere."""
        told = [json.dumps(str(call)) for call in sorted(self.calls, key=str)]
        if self.opened is not None:
            return self._is_among(payload, lambda found: names_any(found, told))
        return is_any_in(payload, told)

    def _is_among(self, column: Column[Any], of: Callable[[Any], bool]) -> ColumnElement[bool]:
        assert self.opened is not None
        assert isinstance(column.table, Table)
        keys = sorted(key for key, found in self.opened.get(column, {}).items() if of(found))
        return tuple_(*column.table.primary_key).in_(keys) if keys else false()

    def _tells_of_them(self, found: Any, numbers: Sequence[Path], contacts: Sequence[Path]) -> bool:
        refs = {(ref.crm, ref.id) for ref in self.contacts}
        told = {f"{name}:{ref}" for name, ref in refs}
        if any(_at(found, place) in self.numbers for place in numbers):
            return True
        for stands in (_at(found, place) for place in contacts):
            pair = tuple(stands[:2]) if isinstance(stands, list) else None
            if pair in refs or (isinstance(stands, str) and stands in told):
                return True
        return False

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


def names_any(found: Any, texts: Iterable[str]) -> bool:
    """As `is_any_in`, of what was read."""
    written = json.dumps(found)
    return any(text in written for text in texts)


def _at(found: Any, place: Path) -> Any:
    for step in place:
        if isinstance(step, str):
            found = found.get(step) if isinstance(found, dict) else None
        else:
            found = found[step] if isinstance(found, list) and len(found) > step else None
    return None if isinstance(found, dict) else found


async def with_opened(
    link: AsyncConnection, person: Person, columns: Iterable[Column[Any]]
) -> Person:
    """Where these are sealed, reads all of them for what may be of the person: some ten thousand
    rows a second."""
    if seals_of(link.dialect) is None:
        return person
    told = [json.dumps(number) for number in sorted(person.numbers)] + person.contacts_told
    told += [json.dumps(str(call)) for call in sorted(person.calls, key=str)]
    opened = dict(person.opened or {})
    for column in columns:
        assert isinstance(column.table, Table)
        key = tuple(column.table.primary_key)
        question = select(*key, column).where(column.is_not(None))
        async with link.stream(question) as rows:
            opened[column] = {
                tuple(row[:-1]): row[-1] async for row in rows if names_any(row[-1], told)
            }
    return replace(person, opened=opened)


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
    return await _with_all(link, number, await _own_numbers(link, {number}, contacts), contacts)


@dataclass(slots=True)
class Known:
    """What of somebody who was erased is there again. `had_contacts`: a contact was known of them
    when they were erased."""

    numbers: set[str]
    contacts: set[ContactRef]
    had_contacts: bool


async def known_again(link: AsyncConnection, known: Known) -> tuple[Person, list[str]]:
    """And what only people can say: a number of theirs that somebody else has here stays."""
    contacts = await _with_merged(link, known.contacts)
    doubts = []
    for number in sorted(known.numbers):
        holders = await _holders(link, number)
        if len(holders) == 1 and not known.had_contacts:
            contacts |= await _with_merged(link, holders)
        elif not holders <= contacts:
            doubts.append(
                f"somebody who had {number} was erased; here it belongs to others, who stay "
                f"({_listed(holders - contacts)}): `switchboard privacy erase` those who are meant"
            )
    numbers = await _own_numbers(link, known.numbers, contacts)
    return await _with_all(link, next(iter(numbers), ""), numbers, contacts), doubts


async def _with_all(
    link: AsyncConnection, number: str, numbers: frozenset[str], contacts: Collection[ContactRef]
) -> Person:
    person = Person(number, numbers, frozenset(contacts))
    return await _with_calls(link, await with_opened(link, person, [calls.c.callback]))


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
    link: AsyncConnection, numbers: Collection[str], contacts: Collection[ContactRef]
) -> frozenset[str]:
    """Of these and of the contacts' others, those that nobody else has."""
    ids = [ref.id for ref in contacts if ref.crm == EMBEDDED]
    theirs = select(crm.contact_numbers.c.e164).where(crm.contact_numbers.c.contact_id.in_(ids))
    found = {*numbers, *await link.scalars(theirs)}
    pairs = [(ref.crm, ref.id) for ref in contacts]
    if pairs:
        indexed = select(phone_index.c.e164).where(
            tuple_(phone_index.c.crm, phone_index.c.ref).in_(pairs)
        )
        found |= set(await link.scalars(indexed))
    alone = set()
    for each in found:
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
