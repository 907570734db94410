"""Zoho CRM over its REST API v8: zoho.com/crm/developer/docs/api/v8 (COQL, upsert, insert,
notifications).

COQL looks numbers up and reads by our key: unlike the search it needs no index that lags behind.
204 without a body is "none". A record's error stands inside the answer, whatever the status. Calls
and tasks have no upsert: their unique field refuses a second insert with the id of the first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import urlsplit

from calls.caller import Candidate, Case, Contact, ContactRef, Order, Purchase
from calls.deadlines import Deadline
from calls.records import CallRecord, Direction, NewLead, NewTask
from config.crm_settings import ZohoSettings
from crm_adapter import wording
from crm_adapter.adapter import (
    AuthFailed,
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
)
from crm_adapter.adapters import (
    gathering,
    hosted,
    people,
    readings,
    refusals,
    set_up,
    texts,
    webhook_proofs,
)
from crm_adapter.adapters.hosted import MOST_HISTORY, QUESTION_S, HostedCrm
from crm_adapter.adapters.polling import Since
from crm_adapter.adapters.texts import call_text, is_newer, lead_text, task_text
from crm_adapter.adapters.written_once import Turns, call_key, record_key, written_once
from crm_adapter.http.client import CrmHttp, HttpLimits, quote
from crm_adapter.http.log_ins import oauth2
from crm_adapter.http.replies import Reply
from crm_adapter.http.traces import Trace
from crm_adapter.spellings import last_digits

_PHONES = {
    HitKind.CONTACT: ("Phone", "Mobile", "Home_Phone", "Other_Phone"),
    HitKind.LEAD: ("Phone", "Mobile"),
}
_MODULE_OF = {HitKind.CONTACT: "Contacts", HitKind.LEAD: "Leads"}
_NEW, _TAKEN, _WITHDRAWN = "Not Contacted", "Contacted", "Junk Lead"
#: The end by which numbers are looked up: few share it, and every spelling keeps it together.
_END = 4
#: The most that COQL gives at once (more costs more credits).
_MOST = 200
#: Of one COQL question, page after page: "Query API".
_MOST_SKIPPED = 100_000 - _MOST
_LIMIT_PAUSE_S = 60.0
_DELIVERED = ("Delivered", "Cancelled")


class ZohoCrm(HostedCrm):
    """Implements `crm_adapter.adapter.CrmAdapter`."""

    name = "zoho"
    capabilities = Capabilities(
        purchases=True,
        orders=True,
        cases=True,
        finds_leads=True,
        updates=frozenset(("first_name", "last_name")),
        changes=True,
        webhooks=True,
        unique_keys=True,
    )
    fields: ClassVar = {"first_name": "First_Name", "last_name": "Last_Name"}

    def __init__(
        self,
        *,
        settings: ZohoSettings,
        region: str,
        trace: Trace | None = None,
        now: Callable[[], datetime] = hosted.utc_now,
    ) -> None:
        url = set_up.needed(settings.url, "zoho.url").rstrip("/")
        key = set_up.secret(
            settings.client_secret, settings.client_secret_file, "zoho.client_secret"
        )
        token = set_up.secret(
            settings.refresh_token, settings.refresh_token_file, "zoho.refresh_token"
        )
        log_in = oauth2(
            token_address=f"{settings.accounts_url.rstrip('/')}/oauth/v2/token",
            form={
                "grant_type": "refresh_token",
                "client_id": set_up.needed(settings.client_id, "zoho.client_id"),
                "client_secret": set_up.needed(key, "zoho.client_secret"),
                "refresh_token": set_up.needed(token, "zoho.refresh_token"),
            },
            scheme="Zoho-oauthtoken",
        )
        self._key, self._turns = settings.key_field, Turns()
        self._screen = _screen(url)
        self._token = set_up.secret(
            settings.webhook_token, settings.webhook_token_file, "zoho.webhook_token"
        )
        http = CrmHttp(
            crm=self.name,
            base_url=f"{url}/crm/v8",
            log_in=log_in,
            limits=HttpLimits(connections=settings.concurrency, connect_s=settings.connect_s),
            classify=_classify,
            also=(settings.accounts_url,),
            trace=trace,
        )
        super().__init__(http=http, now=now)

    async def check(self) -> None:
        deadline = Deadline.after(QUESTION_S)
        for module in ("Contacts", "Leads", "Calls", "Tasks"):
            field = "Last_Name" if module == "Contacts" else self._key
            try:
                await self._coql(
                    f"select {field} from {module} where id is not null limit 1", deadline
                )
            except Invalid as error:
                raise Invalid(f"zoho: {module} has no field {field}") from error
            except Forbidden as error:
                raise Forbidden(f"zoho: no right to read {module}: {error}") from error

    async def _coql(self, query: str, deadline: Deadline) -> list[readings.Record]:
        body = {"select_query": query}
        reply = await self._http.read("POST", "/coql", deadline=deadline, json=body)
        return _data(reply)

    async def find_by_phone(
        self, key: str, *, limit: int, deadline: Deadline
    ) -> Sequence[PhoneHit]:
        end, national = last_digits(key, _END), last_digits(key, 15)
        if end is None or national is None:
            return []
        contacts, leads = await gathering.all_of(
            self._ending(HitKind.CONTACT, end, deadline), self._ending(HitKind.LEAD, end, deadline)
        )
        hits = [self._hit(one, HitKind.CONTACT) for one in contacts]
        hits += [self._hit(one, HitKind.LEAD) for one in leads]
        return people.ordered((hit for hit in hits if people.ends_in(hit.numbers, national)), limit)

    async def _ending(self, kind: HitKind, end: str, deadline: Deadline) -> list[readings.Record]:
        wanted = _nested([f"({phone} like '%{end}')" for phone in _PHONES[kind]])
        if kind is HitKind.LEAD:
            wanted = f"({wanted} and (Lead_Status != '{_WITHDRAWN}'))"
        fields = ", ".join(_person(kind))
        query = f"select {fields} from {_MODULE_OF[kind]} where {wanted} limit {_MOST}"
        return await self._coql(query, deadline)

    def _hit(self, found: readings.Record, kind: HitKind) -> PhoneHit:
        record_id = readings.text(found.get("id"))
        ref = self._ref(record_id, kind)
        first, last = readings.text(found.get("First_Name")), readings.text(found.get("Last_Name"))
        numbers = filter(None, (readings.text(found.get(one)) for one in _PHONES[kind]))
        link = self._link(kind, record_id)
        return PhoneHit(
            Candidate(ref, Contact(ref, first, last).name, _company(found), link),
            tuple(dict.fromkeys(numbers)),
            kind,
            version=readings.said(found.get("Modified_Time")),
            owner=_owner(found),
        )

    def _link(self, kind: HitKind, record_id: str) -> str | None:
        return f"{self._screen}/crm/tab/{_MODULE_OF[kind]}/{quote(record_id)}"

    async def _record(self, path: str, deadline: Deadline) -> readings.Record:
        """Raises NotFound for an empty answer as well."""
        reply = await self._http.read("GET", f"/{path}", deadline=deadline)
        found = _data(reply)
        if not found:
            raise NotFound("zoho has no such record")
        readings.identifier(reply, found[0].get("id"))
        return found[0]

    async def get(self, ref: ContactRef, *, deadline: Deadline) -> Contact:
        kind, record_id = self._kind_and_id(ref)
        found = await self._record(f"{_MODULE_OF[kind]}/{quote(record_id)}", deadline)
        purchases: tuple[Purchase, ...] = ()
        orders: tuple[Order, ...] = ()
        cases: tuple[Case, ...] = ()
        if kind is HitKind.CONTACT:
            purchases, (orders, cases) = await gathering.both(
                self._spared("purchases", self._purchases(record_id, MOST_HISTORY, deadline)),
                gathering.both(
                    self._spared("orders", self._orders(record_id, deadline)),
                    self._spared("cases", self._cases(record_id, deadline)),
                ),
            )
        return Contact(
            ref=ref,
            first_name=readings.text(found.get("First_Name")),
            last_name=readings.text(found.get("Last_Name")),
            company=_company(found),
            url=self._link(kind, record_id),
            owner=_owner(found),
            purchases=purchases,
            owns=people.bought(purchases),
            orders=orders,
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
            await self._record(f"Contacts/{quote(record_id)}", deadline)  # raises NotFound
        return found

    async def _related(
        self, contact: str, name: str, fields: str, deadline: Deadline
    ) -> list[readings.Record]:
        query = {"fields": fields, "per_page": str(_MOST)}
        path = f"/Contacts/{quote(contact)}/{name}"
        return _data(await self._http.read("GET", path, deadline=deadline, query=query))

    async def _purchases(
        self, contact: str, limit: int, deadline: Deadline
    ) -> tuple[Purchase, ...]:
        fields = "Deal_Name,Amount,Closing_Date,Stage,Currency"
        found = await self._related(contact, "Deals", fields, deadline)
        return people.newest_first(filter(None, map(_purchase, found)), limit)

    async def _orders(self, contact: str, deadline: Deadline) -> list[Order]:
        fields = "Subject,SO_Number,Status,Due_Date,Created_Time"
        found = await self._related(contact, "SalesOrders", fields, deadline)
        known = [order for order in map(_order, found) if order]
        return sorted(known, key=lambda one: (one.is_open, one.placed_at), reverse=True)[
            :MOST_HISTORY
        ]

    async def _cases(self, contact: str, deadline: Deadline) -> list[Case]:
        fields = "Subject,Status,Type,Created_Time"
        found = await self._related(contact, "Cases", fields, deadline)
        known = [case for case in map(_case, found) if case]
        return sorted(known, key=lambda case: case.opened_at, reverse=True)[:MOST_HISTORY]

    async def create_lead(self, lead: NewLead, idem: str) -> str:
        record = {
            "Last_Name": texts.lead_name(lead),
            "Phone": lead.number,
            "Lead_Source": "Cold Call",
            "Lead_Status": _NEW,
            "Description": lead_text(lead, idem),
        }
        return (await self._once("Leads", record_key("lead", idem), record))[0]

    async def log_call(self, record: CallRecord, idem: str) -> str:
        try:
            return await self._logged(record, idem, record.contact)
        except (Invalid, NotFound):
            if record.contact is None:
                raise
            # The contact was deleted meanwhile.
            return await self._logged(record, idem, None)

    async def _logged(self, record: CallRecord, idem: str, contact: ContactRef | None) -> str:
        told = _call(record, idem) | self._who(contact)
        call_id, was_there = await self._once("Calls", call_key(record), told)
        if was_there:
            found = await self._record(f"Calls/{quote(call_id)}", Deadline.after(QUESTION_S))
            if is_newer(record, found.get("Description")):
                await self._put("Calls", call_id, told)
        return call_id

    async def create_task(self, task: NewTask, idem: str) -> str:
        told = {
            "Subject": texts.cleaned(wording.task_title(task)),
            "Status": "Not Started",
            "Description": task_text(task, idem),
        }
        told |= self._who(task.contact)
        return (await self._once("Tasks", record_key("task", idem), told))[0]

    def _who(self, contact: ContactRef | None) -> dict[str, Any]:
        if contact is None or contact.crm != self.name:
            return {}
        kind, contact_id = self._kind_and_id(contact)
        if kind is HitKind.LEAD:
            return {"What_Id": {"id": contact_id}, "$se_module": "Leads"}
        return {"Who_Id": {"id": contact_id}}

    async def close_task(self, task_id: str, idem: str) -> bool:
        return await self._settled("Tasks", task_id, "Status", "Not Started", "Completed")

    async def withdraw_lead(self, lead_id: str, idem: str) -> bool:
        return await self._settled("Leads", lead_id, "Lead_Status", _NEW, _WITHDRAWN)

    async def confirm_lead(self, lead_id: str, agent: str, idem: str) -> bool:
        return await self._settled("Leads", lead_id, "Lead_Status", _NEW, _TAKEN)

    async def _settled(
        self, module: str, record_id: str, field: str, before: str, after: str
    ) -> bool:
        """From one status to another, where no person was faster."""
        deadline = Deadline.after(QUESTION_S)
        try:
            found = await self._record(f"{module}/{quote(record_id)}", deadline)
            status = readings.text(found.get(field))
            if status == before:
                await self._put(module, record_id, {field: after})
        except NotFound:
            return False
        return status in (before, after)

    async def _put(
        self,
        module: str,
        record_id: str,
        told: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
    ) -> None:
        path, body = f"/{module}/{quote(record_id)}", {"data": [dict(told)]}
        await self._http.write("PUT", path, json=body, headers=headers)

    async def _once(self, module: str, key: str, told: Mapping[str, Any]) -> tuple[str, bool]:
        async def find() -> str | None:
            query = f"select id from {module} where {self._key} = '{key}' limit 1"
            found = await self._coql(query, Deadline.after(QUESTION_S))
            return readings.said(found[0].get("id")) if found else None

        async def create() -> str:
            body: dict[str, Any] = {"data": [{**told, self._key: key}]}
            path = f"/{module}"
            if module == "Leads":
                path, body["duplicate_check_fields"] = "/Leads/upsert", [self._key]
            reply = await self._http.write("POST", path, json=body)
            written = _data(reply)
            details = readings.record(written[0] if written else None, "details")
            return readings.identifier(reply, details.get("id"))

        async with self._turns.of(key):
            return await written_once(find=find, create=create)

    async def update_fields(
        self, ref: ContactRef, changes: Mapping[str, str], *, expect_version: str | None, idem: str
    ) -> None:
        kind, record_id = self._kind_and_id(ref)
        told, headers = self._renamed(changes), None
        if expect_version is not None:
            path = f"{_MODULE_OF[kind]}/{quote(record_id)}"
            found = await self._record(path, Deadline.after(QUESTION_S))
            if readings.text(found.get("Modified_Time")) != expect_version:
                raise Conflict("the contact has changed meanwhile", existing=record_id)
            headers = {"If-Unmodified-Since": expect_version}
        await self._put(_MODULE_OF[kind], record_id, told, headers)

    async def changes(self, cursor: str | None, *, limit: int, deadline: Deadline) -> ChangePage:
        limit = min(limit, _MOST)
        since = Since.parse(cursor).within(_MOST_SKIPPED, self.name)
        found = await self._coql(
            f"select {', '.join(_person(HitKind.CONTACT))} from Contacts "
            f"where Modified_Time >= '{_time(since.at)}' "
            f"order by Modified_Time asc limit {since.offset}, {limit}",
            deadline,
        )
        times = [readings.moment(one.get("Modified_Time")) for one in found]
        following, more = since.after(times, limit=limit)
        hits = tuple(
            self._hit(one, HitKind.CONTACT) for one in found if readings.text(one.get("id"))
        )
        return ChangePage(hits, (), following, more)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> Sequence[ContactRef]:
        """Zoho signs nothing: it repeats the token that the channel was opened with."""
        told = readings.record(webhook_proofs.webhook_json(body))
        webhook_proofs.expect_same(readings.text(told.get("token")), self._token, "Zoho")
        module, ids = readings.text(told.get("module")), told.get("ids")
        if module not in _MODULE_OF.values() or not isinstance(ids, list):
            return ()
        kind = HitKind.LEAD if module == "Leads" else HitKind.CONTACT
        return [self._ref(one, kind) for one in dict.fromkeys(map(readings.text, ids)) if one]


def _data(reply: Reply) -> list[readings.Record]:
    return [] if reply.status == 204 else readings.records(reply, "data")


_CODES: dict[str, type[CrmError]] = {
    "INVALID_TOKEN": AuthFailed,
    "AUTHENTICATION_FAILURE": AuthFailed,
    "OAUTH_SCOPE_MISMATCH": Forbidden,
    "NO_PERMISSION": Forbidden,
    "TOO_MANY_REQUESTS": RateLimited,
    "LIMIT_EXCEEDED": RateLimited,
    "INVALID_URL_PATTERN": Invalid,
    "ALREADY_MODIFIED": Conflict,
    "RECORD_MODIFIED": Conflict,
    "DUPLICATE_DATA": Conflict,
    "RESOURCE_NOT_FOUND": NotFound,
    "RECORD_NOT_FOUND": NotFound,
}


def _classify(reply: Reply, is_write: bool) -> CrmError | None:
    """By `code`: of the whole, or of the one record inside `data`, also with 200 to 207."""
    error = refusals.by_status(reply, is_write)
    if reply.status == 412:
        return Conflict("the record has changed meanwhile")
    try:
        told = readings.record(reply.json())
    except CrmError:
        return error
    inside = readings.listed(told.get("data"))
    if inside and readings.text(inside[0].get("status")) == "error":
        told = inside[0]
    elif error is None and readings.text(told.get("status")) != "error":
        return None
    return _named(error, told, reply)


def _named(error: CrmError | None, told: readings.Record, reply: Reply) -> CrmError | None:
    code = readings.text(told.get("code"))
    details = readings.record(told, "details")
    message = f"zoho: {code} {readings.text(told.get('message'))[:200]}".strip()
    kind = _CODES.get(code)
    if kind is RateLimited or isinstance(error, RateLimited):
        after_s = error.after_s if isinstance(error, RateLimited) else None
        return RateLimited(message, after_s=_LIMIT_PAUSE_S if after_s is None else after_s)
    if kind is Conflict:
        twin = readings.record(details, "duplicate_record").get("id") or details.get("id")
        return Conflict(message, existing=readings.said(twin))
    if code == "INVALID_DATA" and "id" in readings.text(told.get("message")).lower().split():
        return NotFound(message)
    if kind is None and (error is None or isinstance(error, Invalid)):
        return Invalid(message, field=readings.said(details.get("api_name")))
    return error if kind is None else kind(message)


def _screen(url: str) -> str:
    """Where people work: of the same data centre."""
    ending = (urlsplit(url).hostname or "").partition("zohoapis.")[2] or "com"
    return f"https://crm.zoho.{ending}"


def _person(kind: HitKind) -> tuple[str, ...]:
    company = "Company" if kind is HitKind.LEAD else "Account_Name.Account_Name"
    return ("First_Name", "Last_Name", company, "Owner", "Modified_Time", *_PHONES[kind])


def _nested(conditions: Sequence[str]) -> str:
    """COQL wants pairs in parentheses."""
    told = conditions[0]
    for condition in conditions[1:]:
        told = f"({told} or {condition})"
    return told


def _company(found: readings.Record) -> str | None:
    account = found.get("Account_Name")
    named = readings.said(readings.record(account).get("name")) or readings.said(account)
    flat = readings.said(found.get("Account_Name.Account_Name"))
    return named or flat or readings.said(found.get("Company"))


def _owner(found: readings.Record) -> str | None:
    owner = readings.record(found, "Owner")
    return readings.said(owner.get("email")) or readings.said(owner.get("id"))


def _purchase(found: readings.Record) -> Purchase | None:
    at, name = readings.moment(found.get("Closing_Date")), readings.text(found.get("Deal_Name"))
    if at is None or readings.text(found.get("Stage")) != "Closed Won":
        return None
    amount, currency = readings.amount(found.get("Amount")), readings.text(found.get("Currency"))
    return Purchase(name, name, "", at, amount, currency)


def _order(found: readings.Record) -> Order | None:
    placed, status = readings.moment(found.get("Created_Time")), readings.text(found.get("Status"))
    if placed is None:
        return None
    number = readings.text(found.get("SO_Number"))
    return Order(
        id=readings.text(found.get("id")),
        product_name=readings.text(found.get("Subject")),
        status=status,
        placed_at=placed,
        due_on=readings.day(found.get("Due_Date")),
        is_open=status not in _DELIVERED,
        number=number if number.isdecimal() else None,
    )


def _case(found: readings.Record) -> Case | None:
    opened = readings.moment(found.get("Created_Time"))
    if opened is None:
        return None
    return Case(
        readings.text(found.get("id")),
        readings.text(found.get("Subject")),
        readings.text(found.get("Type")).lower(),
        readings.text(found.get("Status")) != "Closed",
        opened,
    )


def _call(record: CallRecord, idem: str) -> dict[str, Any]:
    minutes, seconds = divmod(record.talk_s, 60)
    kind = "Outbound" if record.direction is Direction.OUTBOUND else "Inbound"
    is_missed = record.answered_at is None and record.direction is Direction.INBOUND
    return {
        "Subject": texts.cleaned(wording.call_title(record)),
        "Call_Type": "Missed" if is_missed else kind,
        "Call_Start_Time": _time(record.answered_at or record.arrived_at),
        "Call_Duration": f"{minutes:02}:{seconds:02}",
        "Description": call_text(record, idem),
    }


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}+00:00"
