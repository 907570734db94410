"""Salesforce over its REST API: "REST API Developer Guide", "SOQL and SOSL Reference", "Object
Reference" (Task).

Numbers are looked up by SOSL, which reads phone fields whatever stands between the digits but sees
new records late; the leads that we made are remembered for a minute. A call is a Task: it has a
date and seconds, no time of day, so its description tells that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, ClassVar

from calls.caller import Candidate, Case, Contact, ContactRef, Purchase
from calls.deadlines import Deadline
from calls.records import CallRecord, Direction, NewLead, NewTask
from config.crm_settings import SalesforceSettings
from crm_adapter import wording
from crm_adapter.adapter import (
    Capabilities,
    ChangePage,
    Conflict,
    CrmError,
    Forbidden,
    HitKind,
    Invalid,
    NotFound,
    PhoneHit,
    RateLimited,
    Unavailable,
)
from crm_adapter.adapters import (
    gathering,
    hosted,
    just_made,
    people,
    readings,
    refusals,
    set_up,
    texts,
)
from crm_adapter.adapters.hosted import BULK_BYTES, BULK_PAGE, MOST_HISTORY, QUESTION_S, HostedCrm
from crm_adapter.adapters.polling import Since
from crm_adapter.adapters.texts import call_text, is_newer, lead_text, task_text
from crm_adapter.adapters.written_once import Turns, call_key, record_key, written_once
from crm_adapter.http.client import CrmHttp, HttpLimits, quote
from crm_adapter.http.log_ins import oauth2
from crm_adapter.http.replies import Reply
from crm_adapter.http.traces import Trace
from crm_adapter.spellings import last_digits, spellings

_LEAD_PHONES = ("Phone", "MobilePhone")
_NEW, _TAKEN, _WITHDRAWN = (
    "Open - Not Contacted",
    "Working - Contacted",
    "Closed - Not Converted",
)
#: The daily limit is counted over 24 hours that move on; Salesforce tells no pause.
_LIMIT_PAUSE_S = 60.0
#: What OFFSET may be: "SOQL and SOSL Reference".
_MOST_SKIPPED = 2000
#: Duplicate rules that only warn would else refuse what an API writes.
_ALLOW = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}


class SalesforceCrm(HostedCrm):
    """Implements `crm_adapter.adapter.CrmAdapter`."""

    name = "salesforce"
    capabilities = Capabilities(
        purchases=True,
        cases=True,
        finds_leads=True,
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
        url = set_up.needed(settings.url, "salesforce.url").rstrip("/")
        key = set_up.secret(
            settings.client_secret, settings.client_secret_file, "salesforce.client_secret"
        )
        log_in = oauth2(
            token_address=f"{url}/services/oauth2/token",
            form={
                "grant_type": "client_credentials",
                "client_id": set_up.needed(settings.client_id, "salesforce.client_id"),
                "client_secret": set_up.needed(key, "salesforce.client_secret"),
            },
        )
        self._url, self._key = url, settings.key_field
        self._phones = {HitKind.CONTACT: settings.phone_fields, HitKind.LEAD: _LEAD_PHONES}
        self._turns, self._just_made = Turns(), just_made.JustMade(now)
        http = CrmHttp(
            crm=self.name,
            base_url=f"{url}/services/data/{settings.api_version}",
            log_in=log_in,
            limits=HttpLimits(
                connections=settings.concurrency,
                connect_s=settings.connect_s,
                most_bytes=BULK_BYTES,
            ),
            classify=_classify,
            trace=trace,
        )
        super().__init__(http=http, now=now)

    async def check(self) -> None:
        deadline = Deadline.after(QUESTION_S)
        for kind, fields in (("Contact", "Id"), ("Lead", self._key), ("Task", self._key)):
            try:
                await self._query(f"SELECT {fields} FROM {kind} LIMIT 1", deadline)
            except Invalid as error:
                raise Forbidden(
                    f"salesforce: our user may not read {kind}, or it has no field {fields}"
                ) from error

    async def find_by_phone(
        self, key: str, *, limit: int, deadline: Deadline
    ) -> Sequence[PhoneHit]:
        national = last_digits(key, 15)
        if national is None:
            return []
        # Digits alone: SOSL would read a plus as an operator.
        digits = [one for one in (national, *spellings(key)) if one.isdigit()]
        open_leads = f"IsConverted = false AND Status != '{_WITHDRAWN}'"
        contacts = f"Contact({','.join(self._person(HitKind.CONTACT))} LIMIT {limit})"
        leads = f"{','.join(self._person(HitKind.LEAD))} WHERE {open_leads} LIMIT {limit}"
        found = " OR ".join(dict.fromkeys(digits))
        sosl = f"FIND {{{found}}} IN PHONE FIELDS RETURNING {contacts},Lead({leads})"
        reply = await self._http.read("GET", "/search/", deadline=deadline, query={"q": sosl})
        hits = [self._hit(one) for one in readings.records(reply, "searchRecords")]
        made = self._just_made.of(key)
        if made is not None and f"{people.LEAD}{made}" not in {h.candidate.ref.id for h in hits}:
            hits += map(self._hit, await self._spared("new lead", self._lead(made, deadline)))
        return people.ordered(hits, limit)

    def _person(self, kind: HitKind) -> tuple[str, ...]:
        company = "Company" if kind is HitKind.LEAD else "Account.Name"
        always = ("Id", "FirstName", "LastName", company, "OwnerId", "LastModifiedDate")
        return (*always, *self._phones[kind])

    async def _lead(self, record_id: str, deadline: Deadline) -> list[readings.Record]:
        try:
            found = await self._record("Lead", record_id, ("Status",), deadline, HitKind.LEAD)
        except NotFound:
            return []
        return [] if readings.text(found.get("Status")) == _WITHDRAWN else [found]

    def _hit(self, found: readings.Record) -> PhoneHit:
        is_lead = readings.text(readings.record(found, "attributes").get("type")) == "Lead"
        kind = HitKind.LEAD if is_lead else HitKind.CONTACT
        record_id = readings.text(found.get("Id"))
        ref = self._ref(record_id, kind)
        first, last = readings.text(found.get("FirstName")), readings.text(found.get("LastName"))
        numbers = filter(None, (readings.text(found.get(one)) for one in self._phones[kind]))
        return PhoneHit(
            Candidate(
                ref, Contact(ref, first, last).name, _company(found), self._link(kind, record_id)
            ),
            tuple(dict.fromkeys(numbers)),
            kind,
            version=readings.said(found.get("LastModifiedDate")),
            owner=readings.said(found.get("OwnerId")),
        )

    def _link(self, kind: HitKind, record_id: str) -> str:
        return f"{self._url}/lightning/r/{_object(kind)}/{quote(record_id)}/view"

    async def _query(self, soql: str, deadline: Deadline) -> list[readings.Record]:
        reply = await self._http.read("GET", "/query/", deadline=deadline, query={"q": soql})
        return readings.records(reply, "records")

    async def _record(
        self,
        kind: str,
        path: str,
        fields: Sequence[str],
        deadline: Deadline,
        person: HitKind | None = None,
    ) -> readings.Record:
        """`path` is an id, or an external id's field and value."""
        wanted = (*fields, *(self._person(person) if person else ("Id",)))
        reply = await self._http.read(
            "GET",
            f"/sobjects/{kind}/{path}",
            deadline=deadline,
            query={"fields": ",".join(dict.fromkeys(wanted))},
        )
        found = reply.json_object()
        readings.identifier(reply, found.get("Id"))
        return found

    async def get(self, ref: ContactRef, *, deadline: Deadline) -> Contact:
        kind, record_id = self._kind_and_id(ref)
        found = await self._record(_object(kind), quote(record_id), (), deadline, kind)
        purchases: tuple[Purchase, ...] = ()
        cases: tuple[Case, ...] = ()
        if kind is HitKind.CONTACT:
            purchases, cases = await gathering.both(
                self._spared("purchases", self._purchases(record_id, MOST_HISTORY, deadline)),
                self._spared("cases", self._cases(record_id, deadline)),
            )
        return Contact(
            ref=ref,
            first_name=readings.text(found.get("FirstName")),
            last_name=readings.text(found.get("LastName")),
            company=_company(found),
            url=self._link(kind, record_id),
            owner=readings.said(found.get("OwnerId")),
            purchases=purchases,
            owns=people.bought(purchases),
            cases=cases,
        )

    async def get_purchase_history(
        self, ref: ContactRef, *, limit: int, deadline: Deadline
    ) -> Sequence[Purchase]:
        kind, record_id = self._kind_and_id(ref)
        if kind is HitKind.LEAD:
            return ()
        found = await self._purchases(record_id, limit, deadline)
        if not found:
            await self._record("Contact", quote(record_id), (), deadline)  # raises NotFound
        return found

    async def _purchases(
        self, contact: str, limit: int, deadline: Deadline
    ) -> tuple[Purchase, ...]:
        """Won opportunities in which the contact has a role."""
        found = await self._query(
            "SELECT Id, Name, Amount, CloseDate FROM Opportunity WHERE IsWon = true AND Id IN "
            f"(SELECT OpportunityId FROM OpportunityContactRole WHERE ContactId = '{contact}') "
            f"ORDER BY CloseDate DESC LIMIT {limit}",
            deadline,
        )
        return people.newest_first(filter(None, map(_purchase, found)), limit)

    async def _cases(self, contact: str, deadline: Deadline) -> list[Case]:
        found = await self._query(
            f"SELECT Id, Subject, Type, IsClosed, CreatedDate FROM Case WHERE ContactId = "
            f"'{contact}' ORDER BY CreatedDate DESC LIMIT {MOST_HISTORY}",
            deadline,
        )
        return [case for case in map(_case, found) if case]

    async def create_lead(self, lead: NewLead, idem: str) -> str:
        fields = {
            "LastName": texts.lead_name(lead),
            "Company": "Unknown",  # Salesforce insists on one
            "Phone": lead.number,
            "LeadSource": "Phone Inquiry",
            "Status": _NEW,
            "Description": lead_text(lead, idem),
        }
        record_id, _ = await self._once("Lead", record_key("lead", idem), fields)
        self._just_made.add(lead.number, record_id)
        return record_id

    async def log_call(self, record: CallRecord, idem: str) -> str:
        try:
            return await self._logged(record, idem, record.contact)
        except (Invalid, NotFound):
            if record.contact is None:
                raise
            # The contact was deleted meanwhile.
            return await self._logged(record, idem, None)

    async def _logged(self, record: CallRecord, idem: str, contact: ContactRef | None) -> str:
        fields = _call(record, idem) | self._who(contact)
        # TaskSubtype can be set only as the task is made.
        first = {**fields, "TaskSubtype": "Call"}
        task_id, was_there = await self._once("Task", call_key(record), first)
        if was_there:
            found = await self._record(
                "Task", quote(task_id), ("Description",), Deadline.after(QUESTION_S)
            )
            if is_newer(record, found.get("Description")):
                await self._http.write("PATCH", f"/sobjects/Task/{quote(task_id)}", json=fields)
        return task_id

    async def create_task(self, task: NewTask, idem: str) -> str:
        fields = {
            "Subject": texts.cleaned(wording.task_title(task)),
            "Status": "Not Started",
            "Priority": "Normal",
            "Description": task_text(task, idem),
        }
        fields |= self._who(task.contact)
        return (await self._once("Task", record_key("task", idem), fields))[0]

    def _who(self, contact: ContactRef | None) -> dict[str, str]:
        if contact is None or contact.crm != self.name:
            return {}
        return {"WhoId": self._kind_and_id(contact)[1]}

    async def close_task(self, task_id: str, idem: str) -> bool:
        return await self._settled("Task", task_id, "Not Started", "Completed")

    async def withdraw_lead(self, lead_id: str, idem: str) -> bool:
        return await self._settled("Lead", lead_id, _NEW, _WITHDRAWN)

    async def confirm_lead(self, lead_id: str, agent: str, idem: str) -> bool:
        return await self._settled("Lead", lead_id, _NEW, _TAKEN)

    async def _settled(self, kind: str, record_id: str, before: str, after: str) -> bool:
        """From one status to another, where no person was faster."""
        deadline = Deadline.after(QUESTION_S)
        try:
            found = await self._record(kind, quote(record_id), ("Status",), deadline)
            status = readings.text(found.get("Status"))
            if status == before:
                path = f"/sobjects/{kind}/{quote(record_id)}"
                await self._http.write("PATCH", path, json={"Status": after})
        except NotFound:
            return False
        return status in (before, after)

    async def _once(self, kind: str, key: str, fields: Mapping[str, Any]) -> tuple[str, bool]:
        """Upserts by our external id; what is there already stays as it is."""
        by_key = f"{self._key}/{quote(key)}"

        async def find() -> str | None:
            try:
                found = await self._record(kind, by_key, (), Deadline.after(QUESTION_S))
            except NotFound:
                return None
            return readings.said(found.get("Id"))

        async def create() -> str:
            path = f"/sobjects/{kind}/{by_key}"
            reply = await self._http.write("PATCH", path, json=dict(fields), headers=_ALLOW)
            return readings.identifier(reply, reply.json_object().get("id"))

        async with self._turns.of(key):
            return await written_once(find=find, create=create)

    async def update_fields(
        self, ref: ContactRef, changes: Mapping[str, str], *, expect_version: str | None, idem: str
    ) -> None:
        kind, record_id = self._kind_and_id(ref)
        fields, headers = self._renamed(changes), dict(_ALLOW)
        path = f"{_object(kind)}/{quote(record_id)}"
        if expect_version is not None:
            deadline = Deadline.after(QUESTION_S)
            found = await self._record(path.partition("/")[0], quote(record_id), (), deadline, kind)
            at = readings.moment(found.get("LastModifiedDate"))
            if at is None or readings.text(found.get("LastModifiedDate")) != expect_version:
                raise Conflict("the contact has changed meanwhile", existing=record_id)
            headers["If-Unmodified-Since"] = format_datetime(at, usegmt=True)
        await self._http.write("PATCH", f"/sobjects/{path}", json=fields, headers=headers)

    async def changes(self, cursor: str | None, *, limit: int, deadline: Deadline) -> ChangePage:
        since, limit = Since.parse(cursor).within(_MOST_SKIPPED, self.name), min(limit, BULK_PAGE)
        found = await self._query(
            f"SELECT {', '.join(self._person(HitKind.CONTACT))} FROM Contact "
            f"WHERE LastModifiedDate >= {since.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ} "
            f"ORDER BY LastModifiedDate, Id LIMIT {limit} OFFSET {since.offset}",
            deadline,
        )
        times = [readings.moment(one.get("LastModifiedDate")) for one in found]
        following, more = since.after(times, limit=limit)
        hits = tuple(self._hit(one) for one in found if readings.text(one.get("Id")))
        return ChangePage(hits, (), following, more)


#: Error codes by what they mean; "Status Codes and Error Responses".
_CODES: dict[str, type[CrmError]] = {
    "REQUEST_LIMIT_EXCEEDED": RateLimited,
    "NOT_FOUND": NotFound,
    "ENTITY_IS_DELETED": NotFound,
    "MALFORMED_ID": NotFound,
    "INVALID_ID_FIELD": NotFound,
    "INSUFFICIENT_ACCESS": Forbidden,
    "INSUFFICIENT_ACCESS_OR_READONLY": Forbidden,
    "API_DISABLED_FOR_ORG": Forbidden,
    "DUPLICATE_VALUE": Conflict,
    "UNABLE_TO_LOCK_ROW": Unavailable,
    "SERVER_UNAVAILABLE": Unavailable,
}
_ON_RECORD = re.compile(r"record with id: ([A-Za-z0-9]{15,18})")


def _classify(reply: Reply, is_write: bool) -> CrmError | None:
    """Errors are a list; their codes say more than the status (a limit is 403)."""
    error = refusals.by_status(reply, is_write)
    if error is None:
        return None
    if reply.status == 300:
        return Invalid("salesforce holds several records with our key: make its field unique")
    if reply.status == 412:
        return Conflict("the record has changed meanwhile")
    try:
        first = (readings.listed(reply.json()) or [{}])[0]
    except CrmError:
        return error
    return _named(error, first)


def _named(error: CrmError, told: readings.Record) -> CrmError:
    kind = _CODES.get(readings.text(told.get("errorCode")))
    message = f"salesforce: {readings.text(told.get('message'))[:200]}"
    if kind is RateLimited:
        return RateLimited(message, after_s=_LIMIT_PAUSE_S)
    if kind is Conflict:
        existing = _ON_RECORD.search(message)
        return Conflict(message, existing=existing[1] if existing else None)
    if kind is not None:
        return kind(message)
    named = told.get("fields")
    if isinstance(error, Invalid) and isinstance(named, list) and named:
        return Invalid(message, field=readings.said(named[0]))
    return error


def _object(kind: HitKind) -> str:
    return "Lead" if kind is HitKind.LEAD else "Contact"


def _company(found: readings.Record) -> str | None:
    account = readings.said(readings.record(found, "Account").get("Name"))
    return account or readings.said(found.get("Company"))


def _purchase(found: readings.Record) -> Purchase | None:
    at, name = readings.moment(found.get("CloseDate")), readings.text(found.get("Name"))
    if at is None:
        return None
    return Purchase(name, name, "", at, readings.amount(found.get("Amount")), "")


def _case(found: readings.Record) -> Case | None:
    opened = readings.moment(found.get("CreatedDate"))
    if opened is None:
        return None
    return Case(
        readings.text(found.get("Id")),
        readings.text(found.get("Subject")),
        readings.text(found.get("Type")).lower(),
        not readings.truth(found.get("IsClosed")),
        opened,
    )


def _call(record: CallRecord, idem: str) -> dict[str, Any]:
    started = record.answered_at or record.arrived_at
    kinds = {Direction.OUTBOUND: "Outbound", Direction.INTERNAL: "Internal"}
    return {
        "Subject": texts.cleaned(wording.call_title(record)),
        "Status": "In Progress" if record.is_live else "Completed",
        "Priority": "Normal",
        "CallType": kinds.get(record.direction, "Inbound"),
        "CallDurationInSeconds": record.talk_s,
        "CallObject": str(record.call_id)[:255],
        "CallDisposition": record.outcome.value,
        "ActivityDate": f"{started.astimezone(UTC):%Y-%m-%d}",
        "Description": call_text(record, idem),
    }
