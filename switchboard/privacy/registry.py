"""Every table, what it holds of people, and whose its rows are. A test refuses a table that is
missing here, and a column of a row that may stay of which nothing is said."""

from __future__ import annotations

import secrets
from dataclasses import replace
from functools import partial
from typing import Final

from sqlalchemy import ColumnElement, Table, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.caller import IdentityOutcome
from crm_adapter import call_tables, churn_tables
from crm_adapter.embedded import import_tables, merge_tables
from crm_adapter.embedded import tables as crm
from crm_adapter.live import index_tables
from crm_adapter.outbox import call_entity
from scoring import memory_tables
from scoring import tables as scoring
from scoring.drift import drift_tables
from scoring.features import state_tables
from scoring.nightly import nightly_tables
from scoring.policy import policy_tables
from scoring.policy.experiment_book import hashed
from screenpop.agents import agent_tables, membership_tables, second_factor_tables
from screenpop.delivery import token_tables
from screenpop.dialling import cost_tables
from screenpop.pops import pop_tables
from storage import audit_tables, erasure_tables, lease_tables, seal_tables
from switchboard.privacy.held import Age, Held, Kind
from switchboard.privacy.person import Person, is_theirs, with_opened

_CALLS, _LEGS, _OUTBOX = call_tables.calls, call_tables.call_legs, call_tables.outbox
_LEADS, _MISSED = call_tables.leads, call_tables.missed_tasks
_POPS, _WORDS, _SENT = pop_tables.pops, pop_tables.pop_words, pop_tables.pop_deliveries

#: Where `crm_adapter.payloads` and webhooks write whose it is, and where contents of pops, frames
#: and webhooks of frames do.
_FLAT = ((), ("data",))
_POP = ((), ("content",), ("data", "frame", "content"))
_NUMBERS = (*((*before, "number") for before in _FLAT), *((*at, "call", "number") for at in _POP))
_CONTACTS = (
    *((*before, "contact") for before in _FLAT),
    *((*at, "contact", "ref") for at in _POP),
    *((*at, "match", "selected") for at in _POP),
)


def _by_contact(table: Table, person: Person) -> ColumnElement[bool]:
    """Of a table that says which CRM's contact it is."""
    of = table.c
    name = of.contact_crm if "contact_crm" in of else of.crm
    return person.has_contact(of.contact_id, name)


def _of_contact(table: Table, person: Person) -> ColumnElement[bool]:
    """Of the embedded CRM's own."""
    return person.has_contact(table.c.contact_id)


def _of_all(table: Table, person: Person) -> ColumnElement[bool]:
    """By contact, number or call."""
    of = table.c
    asked = [person.has_number(of.number), person.has_call(of.system, of.linkedid)]
    return or_(*asked, _of_contact(table, person) if "contact_id" in of else asked[0])


def _of_pop(table: Table, person: Person) -> ColumnElement[bool]:
    of = table.c
    return or_(
        of.call_id.in_(sorted(map(str, person.calls))),
        of.pop_id.in_(sorted(person.pops)),
        person.is_of(of.payload, numbers=_NUMBERS, contacts=_CONTACTS),
    )


def _of_outbox(person: Person) -> ColumnElement[bool]:
    of, keys = _OUTBOX.c, sorted(person.keys)
    entities = [f"{kind}/{key}" for kind in ("lead", "task") for key in keys]
    entities += [call_entity(call) for call in sorted(person.calls, key=str)]
    return or_(
        of.key.in_(keys),
        of.entity.in_(entities),
        person.names_call(of.payload),
        person.is_of(of.payload, numbers=_NUMBERS, contacts=_CONTACTS),
    )


def _of_subject(person: Person) -> ColumnElement[bool]:
    of = policy_tables.experiment_subjects.c
    subjects = [hashed(each) for each in (*person.numbers, *map(str, person.contacts))]
    return or_(of.subject.in_(sorted(subjects)), person.has_call(of.system, of.linkedid))


def _of_merge(person: Person) -> ColumnElement[bool]:
    of = merge_tables.merges.c
    return or_(person.has_contact(of.kept_id), person.has_contact(of.merged_id))


def _has_open_pop(table: Table) -> ColumnElement[bool]:
    mine = and_(_POPS.c.pop_id == table.c.pop_id, _POPS.c.state != "closed")
    return select(_POPS.c.pop_id).where(mine).exists()


def _is_not_newest() -> ColumnElement[bool]:
    """Frames are numbered on from an agent's newest."""
    other = _SENT.alias("other")
    newest = select(func.max(other.c.seq)).where(other.c.agent == _SENT.c.agent)
    return _SENT.c.seq < newest.scalar_subquery()


def _is_done() -> ColumnElement[bool]:
    """Delivered, and nothing that is still to be said is about what it made."""
    of, other = _OUTBOX.c, _OUTBOX.alias("other")
    is_open = [
        select(table.c.key).where(table.c.key == of.key, table.c.closed_at.is_(None)).exists()
        for table in (_LEADS, _MISSED)
    ]
    unsent = select(other.c.seq).where(other.c.entity == of.entity, other.c.state != "done")
    return and_(of.state == "done", ~unsent.exists(), *(~each for each in is_open))


_PLACED = _CALLS.c.direction.is_not(None)
_NOT_LOOKED_UP = IdentityOutcome.WITHHELD.value

_OF_CALLS = (
    Held(
        _CALLS,
        Kind.CALLS,
        is_theirs,
        Age(_CALLS.c.arrived_at, _CALLS.c.ended_at.is_not(None)),
        # What is counted of calls goes on to count this one.
        blank={
            "channel": "",
            "from_raw": "",
            "from_name": "",
            "withheld": True,
            "dialled": case((_PLACED, ""), else_=_CALLS.c.dialled),
            "number": None,
            # Else it is looked up at the next start.
            "identity_outcome": func.coalesce(_CALLS.c.identity_outcome, _NOT_LOOKED_UP),
            "candidates": None,
            "contact_crm": None,
            "contact_id": None,
            "contact_name": None,
            "contact_owner": None,
            "choice": None,
            "decision": None,
            "earlier_decisions": None,
            "typed": None,
            "recordings": None,
            "callback": None,
            "routed": None,
            "offers": None,
            "lead_key": None,
        },
        stays=(
            "language", "attestation", "direction", "arrived_at", "fallback", "identity_method",
            "identity_confidence", "rulebook_version", "lead_policy", "follow_up", "menu_path",
            "arm", "queue", "priority", "hold_programme", "queued_at", "first_queued_at",
            "answered_at", "ended_at", "outcome", "end_estimated", "failure",
        ),
    ),
    Held(
        _LEGS,
        Kind.CALLS,
        lambda person: person.has_call(_LEGS.c.system, _LEGS.c.linkedid),
        blank={"note": None},
        stays=(
            "agent", "interface", "queue", "rang_at", "answered_at", "ended_at", "disposition",
            "via",
        ),
    ),
    Held(
        crm.call_records,
        Kind.CALLS,
        partial(_of_all, crm.call_records),
        Age(crm.call_records.c.arrived_at, crm.call_records.c.ended_at.is_not(None)),
    ),
)  # fmt: skip

_OF_POPS = (
    Held(
        _POPS,
        Kind.POPS,
        partial(_of_pop, _POPS),
        Age(_POPS.c.offered_at, _POPS.c.state == "closed"),
    ),
    Held(
        _WORDS,
        Kind.POPS,
        lambda person: _WORDS.c.pop_id.in_(sorted(person.pops)),
        Age(_WORDS.c.offered_at, ~_has_open_pop(_WORDS)),
    ),
    Held(
        _SENT,
        Kind.TRACES,
        partial(_of_pop, _SENT),
        Age(_SENT.c.sent_at, and_(~_has_open_pop(_SENT), _is_not_newest())),
        # The row stays, for its number.
        blank={"pop_id": "", "call_id": "", "payload": {}},
        stays=(
            "kind", "event_at", "sent_at", "sockets", "logged_in", "acked_at", "rendered_ms",
        ),
    ),
)  # fmt: skip

_OWED = (
    Held(_OUTBOX, Kind.OUTBOX, _of_outbox, Age(_OUTBOX.c.finished_at, _is_done())),
    Held(_LEADS, Kind.LEADS, partial(_of_all, _LEADS), Age(_LEADS.c.closed_at)),
    Held(_MISSED, Kind.LEADS, partial(_of_all, _MISSED), Age(_MISSED.c.closed_at)),
)

_MENUS, _MEETINGS = memory_tables.menu_choices, memory_tables.offer_meetings
_SUBJECTS = policy_tables.experiment_subjects


def _profile(table: Table, aged_by: str | None = None) -> Held:
    age = None if aged_by is None else Age(table.c[aged_by])
    return Held(table, Kind.PROFILES, partial(_by_contact, table), age)


_LEARNED = (
    _profile(call_tables.pin_tries),
    _profile(churn_tables.churn_tasks, "created_at"),
    Held(
        index_tables.number_choices,
        Kind.PROFILES,
        lambda person: or_(
            person.has_number(index_tables.number_choices.c.e164),
            _by_contact(index_tables.number_choices, person),
        ),
        Age(index_tables.number_choices.c.chosen_at),
    ),
    _profile(scoring.contact_segments, "computed_at"),
    _profile(scoring.churn_warnings),
    _profile(state_tables.contact_states, "updated_at"),
    Held(
        _MEETINGS,
        Kind.PROFILES,
        lambda person: or_(
            _by_contact(_MEETINGS, person),
            person.has_call(_MEETINGS.c.system, _MEETINGS.c.linkedid),
        ),
        Age(_MEETINGS.c.at),
        # What offers are learned from.
        blank={"contact_crm": "", "contact_id": "", "reason": None},
        stays=(
            "place", "answer", "at", "answered_at", "tier", "lifecycle", "agent", "before_agent",
        ),
    ),
    # Those of nobody are of everybody together.
    Held(
        _MENUS,
        Kind.PROFILES,
        partial(_by_contact, _MENUS),
        Age(_MENUS.c.last_at, _MENUS.c.contact_id != ""),
    ),
    _profile(memory_tables.contact_agents, "at"),
    Held(
        _SUBJECTS,
        Kind.EXPERIMENTS,
        _of_subject,
        Age(_SUBJECTS.c.at),
        # The hash of a number is found again by trying all numbers.
        blank={"subject": lambda: secrets.token_hex(16), "linkedid": ""},
        stays=("arm", "system", "at", "zero_out", "abandoned", "repeated_at"),
    ),
)  # fmt: skip

_AWAY = merge_tables.merged_contacts
#: What refers to a contact before the contact.
_OF_CRM = (
    *(
        Held(table, Kind.CRM, partial(_of_contact, table))
        for table in (
            crm.contact_numbers, crm.contact_emails, crm.purchases, crm.orders, crm.cases,
            crm.appointments,
        )
    ),
    Held(crm.accounts, Kind.CRM, partial(_of_contact, crm.accounts), secret=("pin_hash",)),
    Held(crm.leads, Kind.CRM, partial(_of_all, crm.leads)),
    Held(crm.tasks, Kind.CRM, partial(_of_all, crm.tasks)),
    Held(_AWAY, Kind.CRM, partial(_of_contact, _AWAY)),
    Held(merge_tables.merges, Kind.CRM, _of_merge),
    Held(crm.contacts, Kind.CRM, lambda person: person.has_contact(crm.contacts.c.id)),
    # Nobody is erased while an import is under way: it would bring them back.
    Held(import_tables.imports, Kind.CRM),
    Held(import_tables.import_parts, Kind.CRM),
    Held(
        index_tables.phone_index,
        Kind.COPY,
        lambda person: person.has_contact(
            index_tables.phone_index.c.ref, index_tables.phone_index.c.crm
        ),
    ),
)  # fmt: skip

_AUDIT = audit_tables.audit_entries
_OF_AUDIT = (
    Held(
        _AUDIT,
        Kind.AUDIT,
        lambda person: person.is_of(
            _AUDIT.c.details, numbers=[("number",)], contacts=[("contact",), ("other",)]
        ),
        blank={"details": None, "salt": None},
        stays=(
            "at", "action", "result", "actor", "origin", "subject", "details_hash", "key_id",
            "before", "mac",
        ),
    ),
)  # fmt: skip

_OF_NOBODY = tuple(
    Held(table, kind)
    for kind, tables in {
        Kind.STAFF: (
            agent_tables.agents,
            agent_tables.agent_sessions,
            second_factor_tables.second_factors,
            second_factor_tables.recovery_codes,
            token_tables.agent_tokens,
            membership_tables.queue_memberships,
        ),
        Kind.NOBODY: (
            crm.products,
            crm.datasets,
            index_tables.index_states,
            scoring.segment_runs,
            memory_tables.folded_calls,
            memory_tables.product_associations,
            nightly_tables.nightly_runs,
            nightly_tables.nightly_leases,
            drift_tables.drift_findings,
            policy_tables.offer_policy_gates,
            policy_tables.experiment_arms,
            lease_tables.leases,
            cost_tables.dialling_costs,
            seal_tables.seals,
            erasure_tables.erasures,
            audit_tables.audit_heads,
        ),
    }.items()
    for table in tables
)

#: In the order in which they are erased: whatever leads to a person goes last, so that whoever was
#: interrupted finds the rest again.
REGISTRY: Final = (*_OF_POPS, *_OWED, *_LEARNED, *_OF_CALLS, *_OF_CRM, *_OF_AUDIT, *_OF_NOBODY)
OF_PEOPLE: Final = tuple(held for held in REGISTRY if held.of is not None)
AGEING: Final = tuple(held for held in REGISTRY if held.age is not None)


#: What `Person.is_of` and `Person.names_call` look into.
_TELLING = (_OUTBOX.c.payload, _POPS.c.payload, _SENT.c.payload, _AUDIT.c.details)


async def with_what_names_them(link: AsyncConnection, person: Person) -> Person:
    """And their leads, tasks and pops, by which other rows name them."""
    person = await with_opened(link, person, _TELLING)
    keys, pops = set(person.keys), set(person.pops)
    for held in (held for held in _OWED if held.table is not _OUTBOX):
        keys |= {key for (key,) in await held.keys_of(link, person)}
    pops |= {key for (key,) in await _OF_POPS[0].keys_of(link, person)}
    return replace(person, keys=frozenset(keys), pops=frozenset(pops))
