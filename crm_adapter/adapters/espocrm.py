"""EspoCRM over its REST API (8 and later): docs.espocrm.com, "REST API" and "Webhooks".

Numbers are stored in E.164 where the administrator lets EspoCRM format them, else as typed; so all
spellings are asked for. `Call.duration` is never read or trusted: 8.4 on PostgreSQL gave 3 for
63 s; the dates are right.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from calls.caller import Candidate, Case, Contact, ContactRef, Purchase
from calls.deadlines import Deadline
from calls.records import CallRecord, Direction, NewLead, NewTask
from config.crm_settings import EspoCrmSettings
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
)
from crm_adapter.adapters import hosted, readings
from crm_adapter.adapters.hosted import MOST_HISTORY, QUESTION_S, HostedCrm
from crm_adapter.adapters.polling import Since
from crm_adapter.adapters.written_once import (
    Turns,
    call_key,
    call_text,
    is_newer,
    lead_text,
    record_key,
    task_text,
    written_once,
)
from crm_adapter.http.client import CrmHttp, HttpLimits, quote
from crm_adapter.http.log_ins import api_key
from crm_adapter.http.replies import Reply
from crm_adapter.http.traces import Trace
from crm_adapter.phone_numbers import same_number
from crm_adapter.spellings import last_digits, spellings

_CONTACT = (
    "id,firstName,lastName,name,accountName,status,assignedUserName,phoneNumber,phoneNumberData,"
    "modifiedAt,versionNumber"
)
#: Digits of the end that is asked for, and the most records that EspoCRM gives at once.
_END, _MOST = 4, 200
_OPEN_LEADS = ("New", "Assigned", "In Process")


class EspoCrm(HostedCrm):
    """Implements `crm_adapter.adapter.CrmAdapter`."""

    name = "espocrm"
    capabilities = Capabilities(
        purchases=True,
        cases=True,
        finds_leads=True,
        updates=frozenset(("first_name", "last_name")),
        changes=True,
        webhooks=True,
        unique_keys=True,
    )
    fields: ClassVar = {"first_name": "firstName", "last_name": "lastName"}

    def __init__(
        self,
        *,
        settings: EspoCrmSettings,
        region: str,
        trace: Trace | None = None,
        now: Callable[[], datetime] = hosted.utc_now,
    ) -> None:
        url = hosted.needed(settings.url, "espocrm.url").rstrip("/")
        key = hosted.needed(
            hosted.secret(settings.key, settings.key_file, "espocrm.key"), "espocrm.key"
        )
        self._url, self._region, self._key = url, region, settings.key_field
        self._secret = hosted.secret(
            settings.webhook_secret, settings.webhook_secret_file, "espocrm.webhook_secret"
        )
        self._turns = Turns()
        http = CrmHttp(
            crm=self.name,
            base_url=f"{url}/api/v1",
            log_in=api_key("X-Api-Key", key),
            limits=HttpLimits(connections=settings.concurrency, connect_s=settings.connect_s),
            classify=_classify,
            trace=trace,
        )
        super().__init__(http=http, now=now)

    async def check(self) -> None:
        deadline = Deadline.after(QUESTION_S)
        for entity in ("Contact", "Lead", "Call", "Task"):
            fields = "id" if entity == "Contact" else f"id,{self._key}"
            try:
                await self._list(entity, fields, [], limit=1, deadline=deadline)
            except Forbidden as error:
                raise Forbidden(
                    f"espocrm: give the API user's role the right to read {entity}"
                ) from error
            except Invalid as error:
                raise Invalid(f"espocrm: {entity} has no field {self._key}") from error

    async def find_by_phone(
        self, key: str, *, limit: int, deadline: Deadline
    ) -> Sequence[PhoneHit]:
        national = last_digits(key, 15)
        if national is None:
            return []
        # Few numbers share the last four digits, and every spelling keeps them together.
        ways = [("equals", one) for one in spellings(key)] + [("endsWith", national[-_END:])]
        wanted: list[tuple[str, str]] = [("where[0][type]", "or")]
        for number, (how, value) in enumerate(ways):
            where = f"where[0][value][{number}]"
            wanted += [(f"{where}[type]", how), (f"{where}[attribute]", "phoneNumber")]
            wanted.append((f"{where}[value]", value))
        open_lead = [("where[1][type]", "in"), ("where[1][attribute]", "status")]
        open_lead += [("where[1][value][]", status) for status in _OPEN_LEADS]
        contacts, leads = await hosted.all_of(
            self._list("Contact", _CONTACT, wanted, limit=_MOST, deadline=deadline),
            self._list("Lead", _CONTACT, wanted + open_lead, limit=_MOST, deadline=deadline),
        )
        hits = [self._hit(one, HitKind.CONTACT) for one in contacts]
        hits += [self._hit(one, HitKind.LEAD) for one in leads]
        return hosted.ordered((hit for hit in hits if hosted.ends_in(hit, national)), limit)

    def _hit(self, found: readings.Record, kind: HitKind) -> PhoneHit:
        record_id = readings.text(found.get("id"))
        return PhoneHit(
            Candidate(
                self._ref(record_id, kind),
                readings.text(found.get("name")),
                readings.said(found.get("accountName")),
                self._link(kind, record_id),
            ),
            _numbers(found),
            kind,
            version=readings.said(found.get("versionNumber")),
            owner=readings.said(found.get("assignedUserName")),
        )

    def _link(self, kind: HitKind, record_id: str) -> str:
        return f"{self._url}/#{_entity(kind)}/view/{quote(record_id)}"

    async def _list(
        self,
        path: str,
        fields: str,
        where: Sequence[tuple[str, str]],
        *,
        limit: int,
        deadline: Deadline,
        order: tuple[str, str] = ("createdAt", "asc"),
        offset: int = 0,
    ) -> list[readings.Record]:
        page = [("maxSize", str(limit)), ("offset", str(offset))]
        sorting = [("orderBy", order[0]), ("order", order[1])]
        reply = await self._http.read(
            "GET",
            f"/{path}",
            deadline=deadline,
            query=[*where, ("select", fields), *page, *sorting],
            headers={"X-No-Total": "true"},  # spares EspoCRM counting all there are
        )
        return readings.records(reply, "list")

    async def get(self, ref: ContactRef, *, deadline: Deadline) -> Contact:
        kind, record_id = self._kind_and_id(ref)
        path = f"/{_entity(kind)}/{quote(record_id)}"
        reply = await self._http.read("GET", path, deadline=deadline)
        found = reply.json_object()
        readings.identifier(reply, found.get("id"))
        purchases: tuple[Purchase, ...] = ()
        cases: tuple[Case, ...] = ()
        if kind is HitKind.CONTACT:
            purchases, cases = await hosted.both(
                self._spared("purchases", self._purchases(record_id, MOST_HISTORY, deadline)),
                self._spared("cases", self._cases(record_id, deadline)),
            )
        return Contact(
            ref=ref,
            first_name=readings.text(found.get("firstName")),
            last_name=readings.text(found.get("lastName")),
            company=readings.said(found.get("accountName")),
            url=self._link(kind, record_id),
            owner=readings.said(found.get("assignedUserName")),
            purchases=purchases,
            owns=hosted.bought(purchases),
            cases=cases,
        )

    async def get_purchase_history(
        self, ref: ContactRef, *, limit: int, deadline: Deadline
    ) -> Sequence[Purchase]:
        kind, record_id = self._kind_and_id(ref)
        if kind is HitKind.LEAD:
            return ()
        return await self._purchases(record_id, limit, deadline)

    async def _purchases(
        self, contact: str, limit: int, deadline: Deadline
    ) -> tuple[Purchase, ...]:
        """Won opportunities: EspoCRM without its Sales Pack knows no orders."""
        won = [
            ("where[0][type]", "equals"),
            ("where[0][attribute]", "stage"),
            ("where[0][value]", "Closed Won"),
        ]
        found = await self._list(
            f"Contact/{quote(contact)}/opportunities",
            "id,name,amount,amountCurrency,closeDate",
            won,
            limit=limit,
            deadline=deadline,
            order=("closeDate", "desc"),
        )
        dated = ((readings.moment(one.get("closeDate")), one) for one in found)
        return hosted.newest_first((_purchase(one, at) for at, one in dated if at), limit)

    async def _cases(self, contact: str, deadline: Deadline) -> list[Case]:
        found = await self._list(
            f"Contact/{quote(contact)}/cases",
            "id,number,name,type,status,createdAt",
            (),
            limit=MOST_HISTORY,
            deadline=deadline,
            order=("createdAt", "desc"),
        )
        return [case for case in map(_case, found) if case]

    async def create_lead(self, lead: NewLead, idem: str) -> str:
        body = {
            "lastName": hosted.lead_name(lead),
            "phoneNumber": lead.number,
            "source": "Call",
            "status": "New",
            "description": lead_text(lead, idem),
        }
        try:
            return (await self._once("Lead", record_key("lead", idem), body))[0]
        except Conflict:
            hits = await self.find_by_phone(
                lead.number, limit=MOST_HISTORY, deadline=Deadline.after(QUESTION_S)
            )
        for hit in hits:
            same = any(same_number(lead.number, one, self._region) for one in hit.numbers)
            if hit.kind is HitKind.LEAD and same:
                twin = hit.candidate.ref.id.removeprefix(hosted.LEAD)
                raise Conflict("espocrm has an open lead with this number", existing=twin)
        # The twin is another person of that name.
        return (await self._once("Lead", record_key("lead", idem), body, skip_check=True))[0]

    async def log_call(self, record: CallRecord, idem: str) -> str:
        key, body = call_key(record), _call(record, idem)
        try:
            call_id, was_there = await self._once("Call", key, body)
        except (Forbidden, Invalid):
            if record.contact is None:
                raise
            # "No foreign record access": the contact was deleted meanwhile.
            body = _call(replace(record, contact=None), idem)
            call_id, was_there = await self._once("Call", key, body)
        if was_there and await self._is_older(call_id, record):
            await self._http.write("PUT", f"/Call/{quote(call_id)}", json=body)
        return call_id

    async def _is_older(self, call_id: str, record: CallRecord) -> bool:
        path, deadline = f"/Call/{quote(call_id)}", Deadline.after(QUESTION_S)
        found = (await self._http.read("GET", path, deadline=deadline)).json_object()
        return is_newer(record, found.get("description"))

    async def create_task(self, task: NewTask, idem: str) -> str:
        body: dict[str, Any] = {
            "name": hosted.cleaned(wording.task_title(task)),
            "status": "Not Started",
            "description": task_text(task, idem),
        }
        if task.contact is not None and task.contact.crm == self.name:
            kind, contact = self._kind_and_id(task.contact)
            body |= {"parentType": _entity(kind), "parentId": contact}
        return (await self._once("Task", record_key("task", idem), body))[0]

    async def close_task(self, task_id: str, idem: str) -> bool:
        return await self._settled("Task", task_id, "Not Started", "Completed")

    async def withdraw_lead(self, lead_id: str, idem: str) -> bool:
        return await self._settled("Lead", lead_id, "New", "Dead")

    async def confirm_lead(self, lead_id: str, agent: str, idem: str) -> bool:
        return await self._settled("Lead", lead_id, "New", "Assigned")

    async def _settled(self, entity: str, record_id: str, before: str, after: str) -> bool:
        """From one status to another, where no person was faster."""
        path = f"/{entity}/{quote(record_id)}"
        try:
            found = await self._http.read("GET", path, deadline=Deadline.after(QUESTION_S))
            status = readings.text(found.json_object().get("status"))
            if status == before:
                await self._http.write("PUT", path, json={"status": after})
        except NotFound:
            return False
        return status in (before, after)

    async def _once(
        self, entity: str, key: str, body: Mapping[str, Any], *, skip_check: bool = False
    ) -> tuple[str, bool]:
        async def find() -> str | None:
            where = [("where[0][type]", "equals"), ("where[0][attribute]", self._key)]
            where.append(("where[0][value]", key))
            deadline = Deadline.after(QUESTION_S)
            found = await self._list(entity, "id", where, limit=1, deadline=deadline)
            return readings.said(found[0].get("id")) if found else None

        async def create() -> str:
            headers = {"X-Skip-Duplicate-Check": "true"} if skip_check else None
            written = {**body, self._key: key}
            reply = await self._http.write("POST", f"/{entity}", json=written, headers=headers)
            return readings.identifier(reply, reply.json_object().get("id"))

        async with self._turns.of(key):
            return await written_once(find=find, create=create)

    async def update_fields(
        self, ref: ContactRef, changes: Mapping[str, str], *, expect_version: str | None, idem: str
    ) -> None:
        kind, record_id = self._kind_and_id(ref)
        body, headers = self._renamed(changes), {}
        path = f"/{_entity(kind)}/{quote(record_id)}"
        if expect_version is not None:
            found = await self._http.read("GET", path, deadline=Deadline.after(QUESTION_S))
            if readings.text(found.json_object().get("versionNumber")) != expect_version:
                raise Conflict("the contact has changed meanwhile", existing=record_id)
            # EspoCRM itself answers 409 where its optimistic concurrency control is on.
            headers = {"X-Version-Number": expect_version}
        await self._http.write("PUT", path, json=body, headers=headers)

    async def changes(self, cursor: str | None, *, limit: int, deadline: Deadline) -> ChangePage:
        since, limit = Since.parse(cursor), min(limit, _MOST)
        # `after` is "later than", in whole seconds.
        found = await self._list(
            "Contact",
            _CONTACT,
            [
                ("where[0][type]", "after"),
                ("where[0][attribute]", "modifiedAt"),
                ("where[0][value]", _time(since.at - timedelta(seconds=1))),
            ],
            limit=limit,
            deadline=deadline,
            order=("modifiedAt", "asc"),
            offset=since.offset,
        )
        times = [readings.moment(one.get("modifiedAt")) for one in found]
        following, more = since.after(times, limit=limit)
        hits = tuple(self._hit(one, HitKind.CONTACT) for one in found if _id_of(one))
        return ChangePage(hits, (), following, more)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> Sequence[ContactRef]:
        """`Signature` is base64 of the webhook's id, a colon and the hex HMAC of the body (before
        version 9, in `X-Signature`, the HMAC's bytes)."""
        given = headers.get("signature") or headers.get("x-signature", "")
        try:
            signature = base64.b64decode(given, validate=True).partition(b":")[2]
        except (binascii.Error, ValueError) as error:
            raise Forbidden("the webhook's signature cannot be read") from error
        wanted = hosted.hmac_sha256(self._secret, body) if self._secret else b""
        told = signature if "signature" in headers else signature.hex().encode()
        hosted.expect_same(told.decode("latin-1"), wanted.hex(), "EspoCRM")
        found = readings.listed(hosted.webhook_json(body))
        return [self._ref(one) for one in map(_id_of, found) if one]


def _classify(reply: Reply, is_write: bool) -> CrmError | None:
    """The reason stands in a header."""
    error = hosted.by_status(reply, is_write)
    if reply.status == 404 and not reply.body.strip():
        error = NotFound(f"espocrm answered {reply.status}")  # its own have no body
    if error is None or isinstance(error, RateLimited):
        return error
    told = " ".join(reply.headers.get("x-status-reason", "").split())[:200]
    return type(error)(f"{error} {told}".strip()) if told else error


def _entity(kind: HitKind) -> str:
    return "Lead" if kind is HitKind.LEAD else "Contact"


def _id_of(found: readings.Record) -> str:
    return readings.text(found.get("id"))


def _numbers(found: readings.Record) -> tuple[str, ...]:
    numbers = [readings.text(found.get("phoneNumber"))]
    numbers += [
        readings.text(one.get("phoneNumber"))
        for one in readings.listed(found.get("phoneNumberData"))
    ]
    return tuple(dict.fromkeys(number for number in numbers if number))


def _purchase(found: readings.Record, at: datetime) -> Purchase:
    return Purchase(
        product=readings.text(found.get("name")),
        product_name=readings.text(found.get("name")),
        category="",
        at=at,
        amount=readings.amount(found.get("amount")),
        currency=readings.text(found.get("amountCurrency")),
    )


def _case(found: readings.Record) -> Case | None:
    opened = readings.moment(found.get("createdAt"))
    if opened is None:
        return None
    is_open = readings.text(found.get("status")) not in ("Closed", "Rejected", "Duplicate")
    kind = readings.text(found.get("type")).lower()
    return Case(_id_of(found), readings.text(found.get("name")), kind, is_open, opened)


def _call(record: CallRecord, idem: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "name": hosted.cleaned(wording.call_title(record)),
        # While it lives, EspoCRM shows it as planned; its end is needed all the same.
        "status": _status(record),
        "direction": "Outbound" if record.direction is Direction.OUTBOUND else "Inbound",
        "dateStart": _time(record.answered_at or record.arrived_at),
        "dateEnd": _time(_end(record)),
        "description": call_text(record, idem),
    }
    if record.contact is not None and record.contact.crm == EspoCrm.name:
        is_lead = record.contact.id.startswith(hosted.LEAD)
        contact = record.contact.id.removeprefix(hosted.LEAD)
        body |= {"leadsIds" if is_lead else "contactsIds": [contact]}
        body |= {"parentType": "Lead" if is_lead else "Contact", "parentId": contact}
    return body


def _end(record: CallRecord) -> datetime:
    """A call that nobody answered took no time."""
    if record.answered_at is None:
        return record.arrived_at
    return record.ended_at or record.answered_at


def _status(record: CallRecord) -> str:
    if record.is_live:
        return "Planned"
    return "Held" if record.answered_at is not None else "Not Held"


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
