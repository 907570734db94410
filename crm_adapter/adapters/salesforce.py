"""Salesforce over its REST API: "REST API Developer Guide", "SOQL and SOSL Reference", "Object
Reference" (Task).

Numbers are looked up by SOSL, which reads phone fields whatever stands between the digits but sees
new records late; the leads that we made are remembered for a minute. A call is a Task: it has a
date and seconds, no time of day, so its description tells that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from email.utils import format_datetime
from typing import ClassVar

from calls.caller import Case, ContactRef, Purchase
from calls.deadlines import Deadline
from config.crm_settings import SalesforceSettings
from crm_adapter import rights
from crm_adapter.adapter import (
    Capabilities,
    ChangePage,
    Conflict,
    Forbidden,
    HitKind,
    Invalid,
    NotFound,
    PhoneHit,
)
from crm_adapter.adapters import (
    hosted,
    people,
    readings,
    salesforce_records,
    salesforce_rights,
    set_up,
)
from crm_adapter.adapters.hosted import BULK_BYTES, BULK_PAGE, MOST_HISTORY, QUESTION_S
from crm_adapter.adapters.hosted_people import HostedPeople
from crm_adapter.adapters.just_made import JustMade
from crm_adapter.adapters.people import Person
from crm_adapter.adapters.polling import Since
from crm_adapter.adapters.salesforce_wire import ALLOW, SalesforceWire, classify, object_of
from crm_adapter.adapters.salesforce_writes import WITHDRAWN, SalesforceWrites
from crm_adapter.http.client import quote
from crm_adapter.http.log_ins import oauth2
from crm_adapter.http.traces import Trace
from crm_adapter.spellings import last_digits, spellings

#: What OFFSET may be: "SOQL and SOSL Reference".
_MOST_SKIPPED = 2000


class SalesforceCrm(HostedPeople):
    """Implements `crm_adapter.adapter.CrmAdapter`."""

    name = SalesforceWrites.crm
    capabilities = Capabilities(
        purchases=True,
        cases=True,
        finds_leads=True,
        task_due="day",
        updates=frozenset(("first_name", "last_name")),
        changes=True,
        unique_keys=True,
    )
    fields: ClassVar = {"first_name": "FirstName", "last_name": "LastName"}

    def __init__(
        self,
        *,
        settings: SalesforceSettings,
        region: str,
        trace: Trace | None = None,
        now: Callable[[], datetime] = hosted.utc_now,
    ) -> None:
        self._url = set_up.needed_url(settings.url, "salesforce.url")
        form = {"grant_type": "client_credentials"} | set_up.client_form(settings, self.name)
        self._key = settings.key_field
        self._phones: dict[HitKind, Sequence[str]] = {
            HitKind.CONTACT: settings.phone_fields,
            HitKind.LEAD: salesforce_records.LEAD_PHONES,
        }
        self._just_made = JustMade(now)
        http = set_up.http_of(
            self.name,
            settings,
            base_url=f"{self._url}/services/data/{settings.api_version}",
            log_in=oauth2(token_address=f"{self._url}/services/oauth2/token", form=form),
            classify=classify,
            trace=trace,
            most_bytes=BULK_BYTES,
        )
        self._wire = SalesforceWire(http)
        writes = SalesforceWrites(wire=self._wire, key=self._key, just_made=self._just_made)
        super().__init__(http=http, writer=writes, now=now)

    async def check(self) -> None:
        deadline = Deadline.after(QUESTION_S)
        for kind, fields in (("Contact", "Id"), ("Lead", self._key), ("Task", self._key)):
            try:
                await self._wire.query(f"SELECT {fields} FROM {kind} LIMIT 1", deadline)  # noqa: S608 -- SOQL: ids matched a pattern, names are ours
            except Invalid as error:
                raise Forbidden(
                    f"salesforce: our user may not read {kind}, or it has no field {fields}"
                ) from error
        self.warnings = await rights.warnings_of(
            self.name,
            salesforce_rights.asked(self._wire, self._key, deadline),
            salesforce_rights.ADVICE,
        )

    async def find_by_phone(
        self, key: str, *, limit: int, deadline: Deadline
    ) -> Sequence[PhoneHit]:
        national = last_digits(key, 15)
        if national is None:
            return []
        # Digits alone: SOSL would read a plus as an operator.
        digits = [one for one in (national, *spellings(key)) if one.isdigit()]
        open_leads = f"IsConverted = false AND Status != '{WITHDRAWN}'"
        contacts = f"Contact({','.join(self._wanted(HitKind.CONTACT))} LIMIT {limit})"
        leads = f"{','.join(self._wanted(HitKind.LEAD))} WHERE {open_leads} LIMIT {limit}"
        found = " OR ".join(dict.fromkeys(digits))
        sosl = f"FIND {{{found}}} IN PHONE FIELDS RETURNING {contacts},Lead({leads})"
        told = [self._read(one) for one in await self._wire.search(sosl, deadline)]
        made = self._just_made.of(key)
        if made is not None and (HitKind.LEAD, made) not in {(one.kind, one.id) for one in told}:
            told += await self._spared("new lead", self._lead(made, deadline))
        return people.ordered(map(self._hit, told), limit)

    async def _lead(self, record_id: str, deadline: Deadline) -> list[Person]:
        wanted = ("Status", *self._wanted(HitKind.LEAD))
        try:
            found = await self._wire.record("Lead", record_id, wanted, deadline)
        except NotFound:
            return []
        is_gone = readings.text(found.get("Status")) == WITHDRAWN
        return [] if is_gone else [self._read(found)]

    def _wanted(self, kind: HitKind) -> tuple[str, ...]:
        return salesforce_records.person_fields(kind, self._phones[kind])

    def _read(self, found: readings.Record) -> Person:
        kind = salesforce_records.kind_of(found)
        return salesforce_records.person(found, kind, self._phones[kind])

    async def _person(self, kind: HitKind, record_id: str, deadline: Deadline) -> Person:
        wanted = self._wanted(kind)
        found = await self._wire.record(object_of(kind), quote(record_id), wanted, deadline)
        return salesforce_records.person(found, kind, self._phones[kind])

    async def _purchases(
        self, contact: str, limit: int, deadline: Deadline
    ) -> tuple[Purchase, ...]:
        """Won opportunities in which the contact has a role."""
        found = await self._wire.query(
            "SELECT Id, Name, Amount, CloseDate FROM Opportunity WHERE IsWon = true AND Id IN "  # noqa: S608 -- SOQL: ids matched a pattern, names are ours
            f"(SELECT OpportunityId FROM OpportunityContactRole WHERE ContactId = '{contact}') "
            f"ORDER BY CloseDate DESC LIMIT {limit}",
            deadline,
        )
        return people.newest_first(map(salesforce_records.purchase, found), limit)

    async def _cases(self, contact: str, deadline: Deadline) -> Sequence[Case]:
        found = await self._wire.query(
            f"SELECT Id, Subject, Type, IsClosed, CreatedDate FROM Case WHERE ContactId = "  # noqa: S608 -- SOQL: ids matched a pattern, names are ours
            f"'{contact}' ORDER BY CreatedDate DESC LIMIT {MOST_HISTORY}",
            deadline,
        )
        return people.newest_cases(map(salesforce_records.case, found), MOST_HISTORY)

    def _link(self, kind: HitKind, record_id: str) -> str:
        return f"{self._url}/lightning/r/{object_of(kind)}/{quote(record_id)}/view"

    async def update_fields(
        self, ref: ContactRef, changes: Mapping[str, str], *, expect_version: str | None, idem: str
    ) -> None:
        kind, record_id = self._kind_and_id(ref)
        fields, headers = self._renamed(changes), dict(ALLOW)
        seen = await self._expect(kind, record_id, expect_version)
        if seen is not None:
            if seen.changed_at is None:
                raise Conflict("salesforce tells no time of the last change", existing=record_id)
            headers["If-Unmodified-Since"] = format_datetime(seen.changed_at, usegmt=True)
        path = f"/sobjects/{object_of(kind)}/{quote(record_id)}"
        await self._http.write("PATCH", path, json=fields, headers=headers)

    async def changes(self, cursor: str | None, *, limit: int, deadline: Deadline) -> ChangePage:
        since, limit = Since.parse(cursor).within(_MOST_SKIPPED, self.name), min(limit, BULK_PAGE)
        found = await self._wire.query(
            f"SELECT {', '.join(self._wanted(HitKind.CONTACT))} FROM Contact "  # noqa: S608 -- SOQL: ids matched a pattern, names are ours
            f"WHERE LastModifiedDate >= {salesforce_records.time(since.at)} "
            f"ORDER BY LastModifiedDate, Id LIMIT {limit} OFFSET {since.offset}",
            deadline,
        )
        told = [self._read(one) for one in found]
        return self._page(told, *since.after([one.changed_at for one in told], limit=limit))
