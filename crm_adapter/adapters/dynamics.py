"""Dynamics 365 (Dataverse) over its Web API v9.2: learn.microsoft.com, "Use the Microsoft Dataverse
Web API".

Our key is an alternate key, so leads and tasks are made with `If-None-Match: *` (412: it is there)
and calls with a plain upsert. Calls are as long as whole minutes there; their descriptions tell the
seconds. A finished call is read-only until it is opened again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, ClassVar

from yarl import URL

from calls.caller import Candidate, Case, Contact, ContactRef, Order, Purchase
from calls.deadlines import Deadline
from calls.records import CallRecord, Direction, NewLead, NewTask
from config.crm_settings import DynamicsSettings
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
    Unavailable,
)
from crm_adapter.adapters import gathering, hosted, people, readings, refusals, set_up, texts
from crm_adapter.adapters.hosted import BULK_BYTES, BULK_PAGE, MOST_HISTORY, QUESTION_S, HostedCrm
from crm_adapter.adapters.polling import Walk
from crm_adapter.adapters.texts import call_text, is_newer, lead_text, task_text
from crm_adapter.adapters.written_once import Turns, call_key, record_key, written_once
from crm_adapter.http.client import CrmHttp, HttpLimits, quote
from crm_adapter.http.log_ins import oauth2
from crm_adapter.http.replies import Reply
from crm_adapter.http.traces import Trace
from crm_adapter.spellings import spellings

_PHONES = {
    HitKind.CONTACT: ("telephone1", "mobilephone", "telephone2"),
    HitKind.LEAD: ("telephone1", "mobilephone", "telephone2"),
}
_SET_OF = {HitKind.CONTACT: "contacts", HitKind.LEAD: "leads"}
_ID_OF = {"contacts": "contactid", "leads": "leadid", "phonecalls": "activityid"}
_ID_OF["tasks"] = "activityid"
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_ETAG = re.compile(r'W/"[0-9]{1,20}"', re.ASCII)
#: What is written comes back, so that we learn its id.
_BACK = {"Prefer": "return=representation"}
_ONLY_NEW = {**_BACK, "If-None-Match": "*"}
_ONLY_THERE = {"If-Match": "*"}
#: (statecode, statuscode) of leads and tasks: "Status and status reason codes".
_NEW, _TAKEN, _WITHDRAWN = (0, 1), (0, 2), (2, 7)
_OPEN_TASK, _DONE_TASK = (0, 2), (1, 5)
#: States of a sales order: active, submitted, cancelled, fulfilled, invoiced.
_OPEN_ORDERS, _CANCELLED, _BOUGHT = (0, 1), 2, (3, 4)
_SOLD = "(statecode eq 3 or statecode eq 4)"
_SALE = "salesorderid,name,ordernumber,totalamount,statecode,createdon,requestdeliveryby"
_MOST = 5000


class DynamicsCrm(HostedCrm):
    """Implements `crm_adapter.adapter.CrmAdapter`."""

    name = "dynamics"
    capabilities = Capabilities(
        purchases=True,
        orders=True,
        cases=True,
        finds_leads=True,
        updates=frozenset(("first_name", "last_name")),
        changes=True,
        unique_keys=True,
    )
    fields: ClassVar = {"first_name": "firstname", "last_name": "lastname"}

    def __init__(
        self,
        *,
        settings: DynamicsSettings,
        region: str,
        trace: Trace | None = None,
        now: Callable[[], datetime] = hosted.utc_now,
    ) -> None:
        url = set_up.needed(settings.url, "dynamics.url").rstrip("/")
        tenant = set_up.needed(settings.tenant, "dynamics.tenant")
        key = set_up.secret(
            settings.client_secret, settings.client_secret_file, "dynamics.client_secret"
        )
        log_in = oauth2(
            token_address=f"{settings.login_url.rstrip('/')}/{quote(tenant)}/oauth2/v2.0/token",
            form={
                "grant_type": "client_credentials",
                "client_id": set_up.needed(settings.client_id, "dynamics.client_id"),
                "client_secret": set_up.needed(key, "dynamics.client_secret"),
                "scope": f"{url}/.default",
            },
        )
        self._url, self._key, self._turns = url, settings.key_column, Turns()
        http = CrmHttp(
            crm=self.name,
            base_url=f"{url}/api/data/v9.2",
            log_in=log_in,
            limits=HttpLimits(
                connections=settings.concurrency,
                connect_s=settings.connect_s,
                most_bytes=BULK_BYTES,
            ),
            classify=_classify,
            also=(settings.login_url,),
            trace=trace,
        )
        super().__init__(http=http, now=now)

    async def check(self) -> None:
        deadline = Deadline.after(QUESTION_S)
        for entity in ("contacts", "leads", "phonecalls", "tasks"):
            column = "contactid" if entity == "contacts" else self._key
            try:
                await self._list(entity, {"$select": column, "$top": "1"}, deadline)
            except Invalid as error:
                raise Invalid(f"dynamics: {entity} have no column {column}: {error}") from error
            except Forbidden as error:
                raise Forbidden(f"dynamics: no right to read {entity}: {error}") from error

    async def _list(
        self, path: str, query: Mapping[str, str], deadline: Deadline
    ) -> list[readings.Record]:
        reply = await self._http.read("GET", f"/{path}", deadline=deadline, query=query)
        return readings.records(reply, "value")

    async def find_by_phone(
        self, key: str, *, limit: int, deadline: Deadline
    ) -> Sequence[PhoneHit]:
        ways = spellings(key)
        if not ways:
            return []
        contacts, leads = await gathering.all_of(
            self._having(HitKind.CONTACT, ways, limit, deadline),
            self._having(HitKind.LEAD, ways, limit, deadline),
        )
        hits = [self._hit(one, HitKind.CONTACT) for one in contacts]
        return people.ordered(hits + [self._hit(one, HitKind.LEAD) for one in leads], limit)

    async def _having(
        self, kind: HitKind, ways: Sequence[str], limit: int, deadline: Deadline
    ) -> list[readings.Record]:
        wanted = " or ".join(f"{one} eq '{way}'" for one in _PHONES[kind] for way in ways)
        if kind is HitKind.LEAD:
            wanted = f"({wanted}) and statecode eq 0"
        query = self._person(kind) | {"$filter": wanted, "$top": str(limit)}
        return await self._list(_SET_OF[kind], query | {"$orderby": "createdon asc"}, deadline)

    def _person(self, kind: HitKind) -> dict[str, str]:
        always = ("firstname", "lastname", "_ownerid_value", "modifiedon", *_PHONES[kind])
        if kind is HitKind.LEAD:
            return {"$select": ",".join(("leadid", "companyname", *always))}
        company = "parentcustomerid_account($select=name)"
        return {"$select": ",".join(("contactid", *always)), "$expand": company}

    def _hit(self, found: readings.Record, kind: HitKind) -> PhoneHit:
        record_id = readings.text(found.get(_ID_OF[_SET_OF[kind]]))
        ref = self._ref(record_id, kind)
        first, last = readings.text(found.get("firstname")), readings.text(found.get("lastname"))
        numbers = filter(None, (readings.text(found.get(one)) for one in _PHONES[kind]))
        link = self._link(kind, record_id)
        return PhoneHit(
            Candidate(ref, Contact(ref, first, last).name, _company(found), link),
            tuple(dict.fromkeys(numbers)),
            kind,
            version=readings.said(found.get("@odata.etag")),
            owner=readings.said(found.get("_ownerid_value")),
        )

    def _link(self, kind: HitKind, record_id: str) -> str:
        entity = "lead" if kind is HitKind.LEAD else "contact"
        return f"{self._url}/main.aspx?pagetype=entityrecord&etn={entity}&id={quote(record_id)}"

    def _guid(self, ref: ContactRef) -> tuple[HitKind, str]:
        kind, record_id = self._kind_and_id(ref)
        if not _GUID.fullmatch(record_id):
            raise NotFound(f"there is no contact {ref}")
        return kind, record_id

    async def _record(
        self, path: str, query: Mapping[str, str], deadline: Deadline
    ) -> readings.Record:
        """`path` names one record by its id or our key."""
        reply = await self._http.read("GET", f"/{path}", deadline=deadline, query=query)
        found = reply.json_object()
        readings.identifier(reply, found.get(_ID_OF[path.partition("(")[0]]))
        return found

    async def get(self, ref: ContactRef, *, deadline: Deadline) -> Contact:
        kind, record_id = self._guid(ref)
        found = await self._record(f"{_SET_OF[kind]}({record_id})", self._person(kind), deadline)
        sold: tuple[readings.Record, ...] = ()
        cases: tuple[Case, ...] = ()
        if kind is HitKind.CONTACT:
            sold, cases = await gathering.both(
                self._spared("orders", self._sold(record_id, MOST_HISTORY, deadline)),
                self._spared("cases", self._cases(record_id, deadline)),
            )
        purchases = people.newest_first(filter(None, map(_purchase, sold)), MOST_HISTORY)
        orders = sorted(
            filter(None, map(_order, sold)), key=lambda one: (one.is_open, one.placed_at)
        )
        return Contact(
            ref=ref,
            first_name=readings.text(found.get("firstname")),
            last_name=readings.text(found.get("lastname")),
            company=_company(found),
            url=self._link(kind, record_id),
            owner=readings.said(found.get("_ownerid_value")),
            purchases=purchases,
            owns=people.bought(purchases),
            orders=tuple(orders[::-1]),
            cases=cases,
        )

    async def get_purchase_history(
        self, ref: ContactRef, *, limit: int, deadline: Deadline
    ) -> Sequence[Purchase]:
        kind, record_id = self._guid(ref)
        if kind is HitKind.LEAD:
            return ()
        sold = await self._sold(record_id, limit, deadline, only=_SOLD)
        if not sold:
            # Raises NotFound.
            await self._record(f"contacts({record_id})", {"$select": "contactid"}, deadline)
        return people.newest_first(filter(None, map(_purchase, sold)), limit)

    async def _sold(
        self, contact: str, limit: int, deadline: Deadline, *, only: str = "statecode ne 2"
    ) -> list[readings.Record]:
        query = {
            "$select": _SALE,
            "$expand": "transactioncurrencyid($select=isocurrencycode)",
            "$filter": f"_customerid_value eq {contact} and {only}",
            "$orderby": "createdon desc",
            "$top": str(min(limit, _MOST)),
        }
        return await self._list("salesorders", query, deadline)

    async def _cases(self, contact: str, deadline: Deadline) -> list[Case]:
        query = {
            "$select": "incidentid,title,casetypecode,statecode,createdon",
            "$filter": f"_customerid_value eq {contact}",
            "$orderby": "createdon desc",
            "$top": str(MOST_HISTORY),
        }
        found = await self._list("incidents", query, deadline)
        return [case for case in map(_case, found) if case]

    async def create_lead(self, lead: NewLead, idem: str) -> str:
        told = {
            "subject": texts.cleaned(wording.lead_title(lead)),
            "lastname": texts.lead_name(lead),
            "telephone1": lead.number,
            "description": lead_text(lead, idem),
        }
        return await self._once("leads", record_key("lead", idem), told)

    async def create_task(self, task: NewTask, idem: str) -> str:
        told = {
            "subject": texts.cleaned(wording.task_title(task)),
            "description": task_text(task, idem),
        }
        return await self._once(
            "tasks", record_key("task", idem), told | self._regarding(task.contact, "task")
        )

    async def _once(self, entity: str, key: str, told: Mapping[str, Any]) -> str:
        by_key, column = self._by_key(entity, key), _ID_OF[entity]

        async def find() -> str | None:
            try:
                deadline = Deadline.after(QUESTION_S)
                found = await self._record(by_key, {"$select": column}, deadline)
            except NotFound:
                return None
            return readings.said(found.get(column))

        async def create() -> str:
            path = f"/{by_key}"
            reply = await self._http.write("PATCH", path, json=dict(told), headers=_ONLY_NEW)
            return readings.identifier(reply, reply.json_object().get(column))

        async with self._turns.of(key):
            return (await written_once(find=find, create=create))[0]

    def _by_key(self, entity: str, key: str) -> str:
        return f"{entity}({self._key}='{quote(key)}')"

    async def log_call(self, record: CallRecord, idem: str) -> str:
        async with self._turns.of(call_key(record)):
            # Once more where another process was faster and has finished the call; without the
            # contact where that was deleted meanwhile.
            for _ in range(2):
                with suppress(Invalid, NotFound):
                    return await self._logged(record, idem, record.contact)
            return await self._logged(record, idem, None)

    async def _logged(self, record: CallRecord, idem: str, contact: ContactRef | None) -> str:
        by_key = self._by_key("phonecalls", call_key(record))
        wanted = {"$select": "activityid,description,statecode"}
        try:
            found = await self._record(by_key, wanted, Deadline.after(QUESTION_S))
        except NotFound:
            found = {}
        if found and not is_newer(record, found.get("description")):
            return readings.text(found.get("activityid"))
        if found.get("statecode") == 1:
            await self._http.write("PATCH", f"/{by_key}", json=_state((0, 1)), headers=_ONLY_THERE)
        told = _call(record, idem) | self._regarding(contact, "phonecall")
        reply = await self._http.write("PATCH", f"/{by_key}", json=told, headers=_BACK)
        call_id = readings.identifier(reply, reply.json_object().get("activityid"))
        if not record.is_live:
            # Made and received are both "completed".
            done = (1, 2 if record.direction is Direction.OUTBOUND else 4)
            await self._http.write("PATCH", f"/{by_key}", json=_state(done), headers=_ONLY_THERE)
        return call_id

    def _regarding(self, contact: ContactRef | None, activity: str) -> dict[str, str]:
        if contact is None or contact.crm != self.name:
            return {}
        kind, record_id = self._guid(contact)
        entity = "lead" if kind is HitKind.LEAD else "contact"
        bound = f"regardingobjectid_{entity}_{activity}@odata.bind"
        return {bound: f"/{_SET_OF[kind]}({record_id})"}

    async def close_task(self, task_id: str, idem: str) -> bool:
        return await self._settled("tasks", task_id, _OPEN_TASK, _DONE_TASK)

    async def withdraw_lead(self, lead_id: str, idem: str) -> bool:
        return await self._settled("leads", lead_id, _NEW, _WITHDRAWN)

    async def confirm_lead(self, lead_id: str, agent: str, idem: str) -> bool:
        return await self._settled("leads", lead_id, _NEW, _TAKEN)

    async def _settled(
        self, entity: str, record_id: str, before: tuple[int, int], after: tuple[int, int]
    ) -> bool:
        """From one status to another, where no person was faster."""
        path, wanted = f"{entity}({quote(record_id)})", {"$select": "statecode,statuscode"}
        wanted["$select"] += f",{_ID_OF[entity]}"
        try:
            found = await self._record(path, wanted, Deadline.after(QUESTION_S))
            status = (found.get("statecode"), found.get("statuscode"))
            if status == before:
                # Only from what was seen: the ETag.
                seen = {"If-Match": _etag(found)}
                await self._http.write("PATCH", f"/{path}", json=_state(after), headers=seen)
        except (NotFound, Conflict):
            return False
        return status in (before, after)

    async def update_fields(
        self, ref: ContactRef, changes: Mapping[str, str], *, expect_version: str | None, idem: str
    ) -> None:
        kind, record_id = self._guid(ref)
        told = self._renamed(changes)
        if expect_version is not None and not _ETAG.fullmatch(expect_version):
            raise Invalid("a version is an ETag of Dynamics", field="expect_version")
        headers = {"If-Match": expect_version} if expect_version else _ONLY_THERE
        path = f"/{_SET_OF[kind]}({record_id})"
        await self._http.write("PATCH", path, json=told, headers=headers)

    async def changes(self, cursor: str | None, *, limit: int, deadline: Deadline) -> ChangePage:
        walk = Walk.parse(cursor)
        query = self._person(HitKind.CONTACT) | {
            "$filter": f"modifiedon ge {walk.since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "$orderby": "modifiedon asc,contactid asc",
        }
        # Dataverse knows no $skip: the address of the next page holds a mark of its own.
        if walk.mark:
            query["$skiptoken"] = walk.mark
        size = {"Prefer": f"odata.maxpagesize={min(limit, BULK_PAGE)}"}
        reply = await self._http.read(
            "GET", "/contacts", deadline=deadline, query=query, headers=size
        )
        found = readings.records(reply, "value")
        times = [readings.moment(one.get("modifiedon")) for one in found]
        mark = _skip_token(reply.json_object().get("@odata.nextLink"))
        following, more = walk.after(times, mark, crm=self.name)
        hits = [self._hit(one, HitKind.CONTACT) for one in found]
        return ChangePage(tuple(hit for hit in hits if hit.candidate.ref.id), (), following, more)


def _classify(reply: Reply, is_write: bool) -> CrmError | None:
    error = refusals.by_status(reply, is_write)
    if reply.status == 412:
        return Conflict("the record is there already, or has changed meanwhile")
    if error is None or reply.status not in (400, 403):
        return error
    try:
        told = readings.record(reply.json_object(), "error")
    except CrmError:
        return error
    code = readings.text(told.get("code"))
    message = f"dynamics: {readings.text(told.get('message'))[:200]}"
    # "Object does not exist": also of what a record is bound to.
    return NotFound(message) if code == "0x80040217" else type(error)(message)


def _skip_token(address: object) -> str:
    """Of the next page's address; empty where there is none."""
    if address is None:
        return ""
    try:
        token = URL(readings.text(address)).query.get("$skiptoken", "")
    except ValueError as error:
        raise Unavailable("dynamics names a next page that is no address") from error
    if not token:
        raise Unavailable("dynamics names a next page without a mark")
    return token


def _state(codes: tuple[int, int]) -> dict[str, int]:
    return {"statecode": codes[0], "statuscode": codes[1]}


def _etag(found: readings.Record) -> str:
    etag = readings.text(found.get("@odata.etag"))
    return etag if _ETAG.fullmatch(etag) else "*"


def _company(found: readings.Record) -> str | None:
    account = readings.record(found, "parentcustomerid_account").get("name")
    return readings.said(account) or readings.said(found.get("companyname"))


def _purchase(found: readings.Record) -> Purchase | None:
    at, name = readings.moment(found.get("createdon")), readings.text(found.get("name"))
    if at is None or found.get("statecode") not in _BOUGHT:
        return None
    currency = readings.record(found, "transactioncurrencyid").get("isocurrencycode")
    amount = readings.amount(found.get("totalamount"))
    return Purchase(name, name, "", at, amount, readings.text(currency))


def _order(found: readings.Record) -> Order | None:
    placed = readings.moment(found.get("createdon"))
    if placed is None or found.get("statecode") == _CANCELLED:
        return None
    number = readings.text(found.get("ordernumber"))
    is_open = found.get("statecode") in _OPEN_ORDERS
    return Order(
        id=readings.text(found.get("salesorderid")),
        product_name=readings.text(found.get("name")),
        status="open" if is_open else "fulfilled",
        placed_at=placed,
        due_on=readings.day(found.get("requestdeliveryby")),
        is_open=is_open,
        number=number if number.isdecimal() else None,
    )


def _case(found: readings.Record) -> Case | None:
    opened = readings.moment(found.get("createdon"))
    if opened is None:
        return None
    kinds = {1: "question", 2: "problem", 3: "request"}
    kind = found.get("casetypecode")
    return Case(
        readings.text(found.get("incidentid")),
        readings.text(found.get("title")),
        kinds.get(kind, "") if isinstance(kind, int) else "",
        found.get("statecode") == 0,
        opened,
    )


def _call(record: CallRecord, idem: str) -> dict[str, Any]:
    started = record.answered_at or record.arrived_at
    told: dict[str, Any] = {
        "subject": texts.cleaned(wording.call_title(record)),
        "description": call_text(record, idem),
        "directioncode": record.direction is Direction.OUTBOUND,
        "actualdurationminutes": -(-record.talk_s // 60),
        "actualstart": _time(started),
    }
    if record.number:
        told["phonenumber"] = record.number
    if record.ended_at is not None:
        told["actualend"] = _time(record.ended_at)
    return told


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
