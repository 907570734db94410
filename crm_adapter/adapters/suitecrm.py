"""SuiteCRM over its V8 JSON:API (7.10 and later, and 8): docs.suitecrm.com, "JSON API"; where that
is silent, `Api/V8` of SuiteCRM 7.14.

Whatever is wrong is said with 400: the sentence tells what. Numbers are kept as typed and compared
as text, so they are asked for by a pattern that allows for anything between the last digits; the
database scans for that. Calls are as long as whole minutes; their descriptions tell the seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, ClassVar

from calls.caller import Candidate, Case, Contact, ContactRef, Purchase
from calls.deadlines import Deadline
from calls.records import CallRecord, Direction, NewLead, NewTask
from config.crm_settings import SuiteCrmSettings
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
)
from crm_adapter.adapters import gathering, hosted, people, readings, refusals, set_up, texts
from crm_adapter.adapters.hosted import BULK_BYTES, BULK_PAGE, MOST_HISTORY, QUESTION_S, HostedCrm
from crm_adapter.adapters.polling import Since
from crm_adapter.adapters.texts import call_text, is_newer, lead_text, task_text
from crm_adapter.adapters.written_once import Turns, call_key, record_key, written_once
from crm_adapter.http.client import CrmHttp, HttpLimits, quote
from crm_adapter.http.log_ins import oauth2
from crm_adapter.http.replies import Reply
from crm_adapter.http.traces import Trace
from crm_adapter.spellings import last_digits

_PHONES = ("phone_mobile", "phone_work", "phone_home", "phone_other")
_PERSON = "first_name,last_name,account_name,assigned_user_name,status,date_modified," + ",".join(
    _PHONES
)
#: The pattern also fits longer numbers with these digits in them.
_MORE = 4
_CLOSED_LEADS = ("Converted", "Dead", "Recycled")
_MODULE_OF = {HitKind.CONTACT: "Contacts", HitKind.LEAD: "Leads"}


class SuiteCrm(HostedCrm):
    """Implements `crm_adapter.adapter.CrmAdapter`."""

    name = "suitecrm"
    capabilities = Capabilities(
        purchases=True,
        cases=True,
        finds_leads=True,
        updates=frozenset(("first_name", "last_name")),
        changes=True,
        unique_keys=True,
    )
    fields: ClassVar = {"first_name": "first_name", "last_name": "last_name"}

    def __init__(
        self,
        *,
        settings: SuiteCrmSettings,
        region: str,
        trace: Trace | None = None,
        now: Callable[[], datetime] = hosted.utc_now,
    ) -> None:
        url = set_up.needed(settings.url, "suitecrm.url").rstrip("/")
        key = set_up.secret(
            settings.client_secret, settings.client_secret_file, "suitecrm.client_secret"
        )
        log_in = oauth2(
            token_address=f"{url}/Api/access_token",
            form={
                "grant_type": "client_credentials",
                "client_id": set_up.needed(settings.client_id, "suitecrm.client_id"),
                "client_secret": set_up.needed(key, "suitecrm.client_secret"),
            },
        )
        self._url = url.removesuffix("/legacy")
        self._turns = Turns()
        http = CrmHttp(
            crm=self.name,
            base_url=f"{url}/Api/V8",
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
        for module in ("Contacts", "Leads", "Calls", "Tasks"):
            try:
                await self._list(module, "date_modified", {}, limit=1, deadline=deadline)
            except Forbidden as error:
                raise Forbidden(
                    f"suitecrm: give the OAuth2 client's user a role that may view {module}"
                ) from error

    async def find_by_phone(
        self, key: str, *, limit: int, deadline: Deadline
    ) -> Sequence[PhoneHit]:
        end = last_digits(key)
        if end is None:
            return []
        # `or` holds for all of the filter: leads cannot be asked for the open ones as well.
        wanted = {f"filter[{phone}][like]": "%" + "%".join(end) for phone in _PHONES}
        wanted["filter[operator]"] = "or"
        contacts, leads = await gathering.all_of(
            self._list("Contacts", _PERSON, wanted, limit=limit * _MORE, deadline=deadline),
            self._list("Leads", _PERSON, wanted, limit=limit * _MORE, deadline=deadline),
        )
        hits = [self._hit(one, HitKind.CONTACT) for one in contacts]
        hits += [self._hit(one, HitKind.LEAD) for one in leads if _is_open_lead(one)]
        return people.ordered((hit for hit in hits if people.ends_in(hit.numbers, end)), limit)

    def _hit(self, found: readings.Record, kind: HitKind) -> PhoneHit:
        record_id, told = readings.text(found.get("id")), readings.record(found, "attributes")
        first, last = readings.text(told.get("first_name")), readings.text(told.get("last_name"))
        ref = self._ref(record_id, kind)
        numbers = tuple(filter(None, (readings.text(told.get(phone)) for phone in _PHONES)))
        return PhoneHit(
            Candidate(
                ref,
                Contact(ref, first, last).name,
                readings.said(told.get("account_name")),
                self._link(kind, record_id),
            ),
            tuple(dict.fromkeys(numbers)),
            kind,
            version=readings.said(told.get("date_modified")),
            owner=readings.said(told.get("assigned_user_name")),
        )

    def _link(self, kind: HitKind, record_id: str) -> str:
        where = f"module={_MODULE_OF[kind]}&action=DetailView&record={quote(record_id)}"
        return f"{self._url}/index.php?{where}"

    async def _list(
        self,
        module: str,
        fields: str,
        wanted: Mapping[str, str],
        *,
        limit: int,
        deadline: Deadline,
        page: int = 1,
    ) -> list[readings.Record]:
        query = {f"fields[{module}]": fields, "sort": "date_modified"} | dict(wanted)
        query |= {"page[size]": str(limit), "page[number]": str(page)}
        path = f"/module/{module}"
        reply = await self._http.read("GET", path, deadline=deadline, query=query)
        return readings.records(reply, "data")

    async def get(self, ref: ContactRef, *, deadline: Deadline) -> Contact:
        kind, record_id = self._kind_and_id(ref)
        told = await self._attributes(_MODULE_OF[kind], record_id, deadline)
        purchases: tuple[Purchase, ...] = ()
        cases: tuple[Case, ...] = ()
        if kind is HitKind.CONTACT:
            purchases, cases = await gathering.both(
                self._spared("purchases", self._purchases(record_id, MOST_HISTORY, deadline)),
                self._spared("cases", self._cases(record_id, deadline)),
            )
        return Contact(
            ref=ref,
            first_name=readings.text(told.get("first_name")),
            last_name=readings.text(told.get("last_name")),
            company=readings.said(told.get("account_name")),
            url=self._link(kind, record_id),
            owner=readings.said(told.get("assigned_user_name")),
            purchases=purchases,
            owns=people.bought(purchases),
            cases=cases,
        )

    async def _attributes(self, module: str, record_id: str, deadline: Deadline) -> readings.Record:
        path = f"/module/{module}/{quote(record_id)}"
        reply = await self._http.read("GET", path, deadline=deadline)
        data = readings.record(reply.json_object(), "data")
        readings.identifier(reply, data.get("id"))
        return readings.record(data, "attributes")

    async def get_purchase_history(
        self, ref: ContactRef, *, limit: int, deadline: Deadline
    ) -> Sequence[Purchase]:
        kind, record_id = self._kind_and_id(ref)
        if kind is HitKind.LEAD:
            return ()
        found = await self._purchases(record_id, limit, deadline)
        if not found:
            await self._attributes("Contacts", record_id, deadline)  # raises NotFound
        return found

    async def _purchases(
        self, contact: str, limit: int, deadline: Deadline
    ) -> tuple[Purchase, ...]:
        """Won opportunities. Related records come all at once: there is no filter for them."""
        found = await self._related(contact, "opportunities", deadline)
        return people.newest_first(filter(None, map(_purchase, found)), limit)

    async def _cases(self, contact: str, deadline: Deadline) -> list[Case]:
        found = [_case(one) for one in await self._related(contact, "cases", deadline)]
        known = sorted((case for case in found if case), key=lambda case: case.opened_at)
        return known[::-1][:MOST_HISTORY]

    async def _related(self, contact: str, link: str, deadline: Deadline) -> list[readings.Record]:
        path = f"/module/Contacts/{quote(contact)}/relationships/{link}"
        reply = await self._http.read("GET", path, deadline=deadline)
        return readings.records(reply, "data")

    async def create_lead(self, lead: NewLead, idem: str) -> str:
        attributes = {
            "last_name": texts.lead_name(lead),
            "phone_work": lead.number,
            "lead_source": "Cold Call",
            "status": "New",
            "description": lead_text(lead, idem),
        }
        return (await self._once("Leads", record_key("lead", idem), attributes))[0]

    async def log_call(self, record: CallRecord, idem: str) -> str:
        attributes = _call(record, idem)
        call_id, was_there = await self._once("Calls", call_key(record), attributes)
        if was_there:
            told = await self._attributes("Calls", call_id, Deadline.after(QUESTION_S))
            if not is_newer(record, told.get("description")):
                return call_id
            await self._patch("Calls", call_id, attributes)
        contact = record.contact
        if contact is not None and contact.crm == self.name:
            kind, contact_id = self._kind_and_id(contact)
            path = f"/module/Calls/{quote(call_id)}/relationships"
            data = {"type": _MODULE_OF[kind], "id": contact_id}
            with suppress(NotFound):  # deleted meanwhile
                # Twice the same is once there.
                await self._http.write("POST", path, json={"data": data})
        return call_id

    async def create_task(self, task: NewTask, idem: str) -> str:
        attributes: dict[str, Any] = {
            "name": texts.cleaned(wording.task_title(task)),
            "status": "Not Started",
            "description": task_text(task, idem),
        }
        if task.contact is not None and task.contact.crm == self.name:
            kind, contact = self._kind_and_id(task.contact)
            attributes |= {"parent_type": _MODULE_OF[kind], "parent_id": contact}
        return (await self._once("Tasks", record_key("task", idem), attributes))[0]

    async def close_task(self, task_id: str, idem: str) -> bool:
        return await self._settled("Tasks", task_id, "Not Started", "Completed")

    async def withdraw_lead(self, lead_id: str, idem: str) -> bool:
        return await self._settled("Leads", lead_id, "New", "Dead")

    async def confirm_lead(self, lead_id: str, agent: str, idem: str) -> bool:
        return await self._settled("Leads", lead_id, "New", "Assigned")

    async def _settled(self, module: str, record_id: str, before: str, after: str) -> bool:
        """From one status to another, where no person was faster."""
        try:
            told = await self._attributes(module, record_id, Deadline.after(QUESTION_S))
            status = readings.text(told.get("status"))
            if status == before:
                await self._patch(module, record_id, {"status": after})
        except NotFound:
            return False
        return status in (before, after)

    async def _once(
        self, module: str, record_id: str, attributes: Mapping[str, Any]
    ) -> tuple[str, bool]:
        """We choose the id, and SuiteCRM refuses it a second time."""

        async def find() -> str | None:
            try:
                await self._attributes(module, record_id, Deadline.after(QUESTION_S))
            except NotFound:
                return None
            return record_id

        async def create() -> str:
            data = {"type": module, "id": record_id, "attributes": dict(attributes)}
            await self._http.write("POST", "/module", json={"data": data})
            return record_id

        async with self._turns.of(record_id):
            return await written_once(find=find, create=create)

    async def _patch(self, module: str, record_id: str, attributes: Mapping[str, Any]) -> None:
        data = {"type": module, "id": record_id, "attributes": dict(attributes)}
        await self._http.write("PATCH", "/module", json={"data": data})

    async def update_fields(
        self, ref: ContactRef, changes: Mapping[str, str], *, expect_version: str | None, idem: str
    ) -> None:
        kind, record_id = self._kind_and_id(ref)
        attributes = self._renamed(changes)
        if expect_version is not None:
            deadline = Deadline.after(QUESTION_S)
            told = await self._attributes(_MODULE_OF[kind], record_id, deadline)
            if readings.text(told.get("date_modified")) != expect_version:
                raise Conflict("the contact has changed meanwhile", existing=record_id)
        await self._patch(_MODULE_OF[kind], record_id, attributes)

    async def changes(self, cursor: str | None, *, limit: int, deadline: Deadline) -> ChangePage:
        since, limit = Since.parse(cursor), min(limit, BULK_PAGE)
        found = await self._list(
            "Contacts",
            _PERSON,
            {"filter[date_modified][gte]": _time(since.at)},
            limit=limit,
            deadline=deadline,
            page=since.offset // limit + 1,
        )
        hits = [self._hit(one, HitKind.CONTACT) for one in found]
        following, more = since.after([readings.moment(hit.version) for hit in hits], limit=limit)
        return ChangePage(tuple(hit for hit in hits if hit.candidate.ref.id), (), following, more)


def _classify(reply: Reply, is_write: bool) -> CrmError | None:
    """Api/V8: "... module with id ... is not found", "Bean ... is already exist"."""
    error = refusals.by_status(reply, is_write)
    if error is None or reply.status not in (400, 403):
        return error
    try:
        errors = reply.json_object().get("errors")
    except CrmError:
        return error
    told = readings.text(readings.record(errors).get("detail"))[:200]
    if "with id" in told and told.endswith("is not found"):
        return NotFound(f"suitecrm: {told}")
    if told.endswith("is already exist"):
        return Conflict(f"suitecrm: {told}")
    if "not allowed" in told.lower() or "access" in told.lower():
        return Forbidden(f"suitecrm: {told}")
    return Invalid(f"suitecrm answered {reply.status} ({told})") if told else error


def _is_open_lead(found: readings.Record) -> bool:
    status = readings.text(readings.record(found, "attributes").get("status"))
    return status not in _CLOSED_LEADS


def _purchase(found: readings.Record) -> Purchase | None:
    told = readings.record(found, "attributes")
    at = readings.moment(told.get("date_closed"))
    if at is None or readings.text(told.get("sales_stage")) != "Closed Won":
        return None
    return Purchase(
        product=readings.text(told.get("name")),
        product_name=readings.text(told.get("name")),
        category="",
        at=at,
        amount=readings.amount(told.get("amount")),
        currency=readings.text(told.get("currency_symbol")),
    )


def _case(found: readings.Record) -> Case | None:
    told = readings.record(found, "attributes")
    opened = readings.moment(told.get("date_entered"))
    if opened is None:
        return None
    is_open = not readings.text(told.get("state") or told.get("status")).startswith("Closed")
    kind = readings.text(told.get("type")).lower()
    return Case(
        readings.text(found.get("id")), readings.text(told.get("name")), kind, is_open, opened
    )


def _call(record: CallRecord, idem: str) -> dict[str, Any]:
    hours, minutes = divmod(-(-record.talk_s // 60), 60)
    attributes: dict[str, Any] = {
        "name": texts.cleaned(wording.call_title(record)),
        "status": _status(record),
        "direction": "Outbound" if record.direction is Direction.OUTBOUND else "Inbound",
        "date_start": _time(record.answered_at or record.arrived_at),
        "duration_hours": hours,
        "duration_minutes": minutes,
        "description": call_text(record, idem),
    }
    if record.contact is not None and record.contact.crm == SuiteCrm.name:
        is_lead = record.contact.id.startswith(people.LEAD)
        attributes["parent_type"] = "Leads" if is_lead else "Contacts"
        attributes["parent_id"] = record.contact.id.removeprefix(people.LEAD)
    return attributes


def _status(record: CallRecord) -> str:
    if record.is_live:
        return "Planned"
    return "Held" if record.answered_at is not None else "Not Held"


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
