"""HubSpot over its CRM v3 objects (and v4 associations): developers.hubspot.com, "CRM API".

A stranger becomes a contact whose lead status is NEW and who has our key; it counts as a lead until
somebody works on it. HubSpot finds new records only seconds after they were made, so those that
we made are remembered for a minute and read by their id.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, ClassVar

from calls.caller import Candidate, Case, Contact, ContactRef, Purchase
from calls.deadlines import Deadline
from calls.records import CallRecord, Direction, NewLead, NewTask
from config.crm_settings import HubSpotSettings
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
from crm_adapter.adapters import (
    gathering,
    hosted,
    just_made,
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
from crm_adapter.http.log_ins import bearer
from crm_adapter.http.replies import Reply
from crm_adapter.http.traces import Trace
from crm_adapter.spellings import last_digits, spellings

_PHONES = ("phone", "mobilephone")
_PERSON = (
    "firstname",
    "lastname",
    "company",
    *_PHONES,
    "hs_lead_status",
    "hs_language",
    "hubspot_owner_id",
    "lastmodifieddate",
)
#: Where HubSpot keeps what it made of `phone` and `mobilephone`: digits without the country.
_READ = ("hs_searchable_calculated_phone_number", "hs_searchable_calculated_mobile_number")
#: Of one search, page after page: "CRM search", its limits.
_MOST_FOUND = 10_000
_NEW, _TAKEN, _WITHDRAWN = "NEW", "OPEN", "UNQUALIFIED"
_SIGNATURE_WINDOW = timedelta(minutes=5)
#: Seconds to be quiet, by the limit that was met; HubSpot sends no Retry-After with some.
_PAUSES = {"TEN_SECONDLY_ROLLING": 10.0, "SECONDLY": 1.0, "DAILY": 3600.0}


class HubSpotCrm(HostedCrm):
    """Implements `crm_adapter.adapter.CrmAdapter`."""

    name = "hubspot"
    capabilities = Capabilities(
        purchases=True,
        cases=True,
        finds_leads=True,
        updates=frozenset(("first_name", "last_name", "company", "language", "owner")),
        changes=True,
        webhooks=True,
        unique_keys=True,
    )
    fields: ClassVar = {
        "first_name": "firstname",
        "last_name": "lastname",
        "company": "company",
        "language": "hs_language",
        "owner": "hubspot_owner_id",
    }

    def __init__(
        self,
        *,
        settings: HubSpotSettings,
        region: str,
        trace: Trace | None = None,
        now: Callable[[], datetime] = hosted.utc_now,
    ) -> None:
        token = set_up.secret(settings.token, settings.token_file, "hubspot.token")
        self._key, self._portal = settings.key_property, settings.portal
        self._webhook_url = settings.webhook_url or ""
        self._secret = set_up.secret(
            settings.client_secret, settings.client_secret_file, "hubspot.client_secret"
        )
        self._turns = Turns()
        self._just_made = just_made.JustMade(now)
        http = CrmHttp(
            crm=self.name,
            base_url=set_up.needed(settings.url, "hubspot.url"),
            log_in=bearer(set_up.needed(token, "hubspot.token")),
            limits=HttpLimits(connections=settings.concurrency, connect_s=settings.connect_s),
            classify=_classify,
            trace=trace,
        )
        super().__init__(http=http, now=now)

    async def check(self) -> None:
        deadline = Deadline.after(QUESTION_S)
        for kind in ("contacts", "calls", "tasks"):
            path = f"/crm/v3/properties/{kind}/{self._key}"
            try:
                found = (await self._http.read("GET", path, deadline=deadline)).json_object()
            except NotFound as error:
                raise Invalid(f"hubspot: create the property {self._key} of {kind}") from error
            except Forbidden as error:
                raise Forbidden(f"hubspot: the app needs scopes for {kind}: {error}") from error
            if found.get("hasUniqueValue") is not True:
                raise Invalid(f"hubspot: {self._key} of {kind} does not require unique values")
        await self._search([], limit=1, deadline=deadline)

    async def find_by_phone(
        self, key: str, *, limit: int, deadline: Deadline
    ) -> Sequence[PhoneHit]:
        national = last_digits(key, 15)
        if national is None:
            return []
        held: dict[str, Any] = {"operator": "IN", "values": list(spellings(key))}
        # Groups are alternatives; five is the most.
        groups: list[list[dict[str, Any]]]
        groups = [[{"propertyName": one, "operator": "EQ", "value": national}] for one in _READ]
        groups += [[{"propertyName": one, **held}] for one in _PHONES]
        token: dict[str, Any] = {"operator": "CONTAINS_TOKEN", "value": f"*{national}"}
        groups.append([{"propertyName": _READ[0], **token}])
        found = await self._search(groups, limit=limit, deadline=deadline)
        known = {readings.text(one.get("id")) for one in found}
        unseen = self._just_made.of(key)
        if unseen is not None and unseen not in known:
            found += await self._spared("new lead", self._one(unseen, deadline))
        return people.ordered(filter(None, map(self._hit, found)), limit)

    async def _one(self, record_id: str, deadline: Deadline) -> list[readings.Record]:
        try:
            return [await self._object("contacts", record_id, (*_PERSON, self._key), deadline)]
        except NotFound:
            return []

    def _hit(self, found: readings.Record) -> PhoneHit | None:
        """None for a lead that was withdrawn."""
        record_id, told = readings.text(found.get("id")), readings.record(found, "properties")
        is_ours = bool(readings.text(told.get(self._key)))
        status = readings.text(told.get("hs_lead_status"))
        if is_ours and status == _WITHDRAWN:
            return None
        kind = HitKind.LEAD if is_ours and status == _NEW else HitKind.CONTACT
        ref = self._ref(record_id, kind)
        first, last = readings.text(told.get("firstname")), readings.text(told.get("lastname"))
        numbers = filter(None, (readings.text(told.get(one)) for one in _PHONES))
        return PhoneHit(
            Candidate(
                ref,
                Contact(ref, first, last).name,
                readings.said(told.get("company")),
                self._link(record_id),
            ),
            tuple(dict.fromkeys(numbers)),
            kind,
            version=readings.said(told.get("lastmodifieddate")),
            owner=readings.said(told.get("hubspot_owner_id")),
        )

    def _link(self, record_id: str) -> str | None:
        if not self._portal:
            return None
        return f"https://app.hubspot.com/contacts/{self._portal}/record/0-1/{quote(record_id)}"

    async def _search(
        self,
        groups: Sequence[Sequence[Mapping[str, Any]]],
        *,
        limit: int,
        deadline: Deadline,
        order: str = "createdate",
        offset: int = 0,
    ) -> list[readings.Record]:
        body = {
            "filterGroups": [{"filters": list(filters)} for filters in groups],
            "properties": [*_PERSON, self._key],
            "sorts": [order],
            "limit": limit,
            "after": str(offset),
        }
        path = "/crm/v3/objects/contacts/search"
        reply = await self._http.read("POST", path, deadline=deadline, json=body)
        return readings.records(reply, "results")

    async def _object(
        self,
        kind: str,
        record_id: str,
        properties: Sequence[str],
        deadline: Deadline,
        **query: str,
    ) -> readings.Record:
        query["properties"] = ",".join(properties)
        path = f"/crm/v3/objects/{kind}/{quote(record_id)}"
        reply = await self._http.read("GET", path, deadline=deadline, query=query)
        found = reply.json_object()
        readings.identifier(reply, found.get("id"))
        return found

    async def get(self, ref: ContactRef, *, deadline: Deadline) -> Contact:
        _, record_id = self._kind_and_id(ref)
        wanted = (*_PERSON, self._key)
        found = await self._object(
            "contacts", record_id, wanted, deadline, associations="deals,tickets"
        )
        told = readings.record(found, "properties")
        purchases, cases = await gathering.both(
            self._spared("purchases", self._purchases(found, MOST_HISTORY, deadline)),
            self._spared("cases", self._cases(found, deadline)),
        )
        return Contact(
            ref=ref,
            first_name=readings.text(told.get("firstname")),
            last_name=readings.text(told.get("lastname")),
            company=readings.said(told.get("company")),
            language=readings.said(told.get("hs_language")),
            url=self._link(record_id),
            owner=readings.said(told.get("hubspot_owner_id")),
            purchases=purchases,
            owns=people.bought(purchases),
            cases=cases,
        )

    async def get_purchase_history(
        self, ref: ContactRef, *, limit: int, deadline: Deadline
    ) -> Sequence[Purchase]:
        _, record_id = self._kind_and_id(ref)
        found = await self._object("contacts", record_id, (), deadline, associations="deals")
        return await self._purchases(found, limit, deadline)

    async def _purchases(
        self, contact: readings.Record, limit: int, deadline: Deadline
    ) -> tuple[Purchase, ...]:
        wanted = ("dealname", "amount", "deal_currency_code", "closedate", "hs_is_closed_won")
        deals = await self._associated(contact, "deals", wanted, deadline)
        return people.newest_first(filter(None, map(_purchase, deals)), limit)

    async def _cases(self, contact: readings.Record, deadline: Deadline) -> list[Case]:
        wanted = ("subject", "hs_ticket_category", "createdate", "closed_date")
        tickets = await self._associated(contact, "tickets", wanted, deadline)
        known = [case for case in map(_case, tickets) if case]
        return sorted(known, key=lambda case: case.opened_at, reverse=True)[:MOST_HISTORY]

    async def _associated(
        self,
        contact: readings.Record,
        kind: str,
        properties: Sequence[str],
        deadline: Deadline,
    ) -> list[readings.Record]:
        linked = readings.listed(readings.record(contact, "associations", kind).get("results"))
        # 100 is the most of one request; the newest have the highest ids.
        ids = sorted({int(one) for one in map(_id_of, linked) if one.isdecimal()})[-100:]
        if not ids:
            return []
        body = {
            "properties": list(properties),
            "propertiesWithHistory": [],
            "inputs": [{"id": str(one)} for one in ids],
        }
        path = f"/crm/v3/objects/{kind}/batch/read"
        reply = await self._http.read("POST", path, deadline=deadline, json=body)
        return readings.records(reply, "results")

    async def create_lead(self, lead: NewLead, idem: str) -> str:
        properties = {
            "lastname": texts.lead_name(lead),
            "phone": lead.number,
            "lifecyclestage": "lead",
            "hs_lead_status": _NEW,
            "message": lead_text(lead, idem),
        }
        record_id = await self._once("contacts", record_key("lead", idem), properties)
        self._just_made.add(lead.number, record_id)
        return record_id

    async def log_call(self, record: CallRecord, idem: str) -> str:
        """An upsert, unless what HubSpot has is newer."""
        key = call_key(record)
        async with self._turns.of(key):
            call_id = await self._upserted(record, key, idem)
        await self._associate("calls", call_id, record.contact)
        return call_id

    async def _upserted(self, record: CallRecord, key: str, idem: str) -> str:
        deadline = Deadline.after(QUESTION_S)
        with suppress(NotFound):
            found = await self._object(
                "calls", key, ("hs_call_body",), deadline, idProperty=self._key
            )
            body = readings.record(found, "properties").get("hs_call_body")
            if not is_newer(record, body):
                return readings.text(found.get("id"))
        one = {
            "id": key,
            "idProperty": self._key,
            "properties": {**_call(record, idem), self._key: key},
        }
        path = "/crm/v3/objects/calls/batch/upsert"
        reply = await self._http.write("POST", path, json={"inputs": [one]})
        written = readings.records(reply, "results")
        return readings.identifier(reply, written[0].get("id") if written else None)

    async def create_task(self, task: NewTask, idem: str) -> str:
        task_id = await self._once(
            "tasks",
            record_key("task", idem),
            {
                "hs_timestamp": _time(task.created_at),
                "hs_task_subject": texts.cleaned(wording.task_title(task)),
                "hs_task_body": _html(task_text(task, idem)),
                "hs_task_status": "NOT_STARTED",
                "hs_task_type": "CALL",
            },
        )
        await self._associate("tasks", task_id, task.contact)
        return task_id

    async def _associate(self, kind: str, record_id: str, contact: ContactRef | None) -> None:
        """Twice the same is once there."""
        if contact is None or contact.crm != self.name:
            return
        _, contact_id = self._kind_and_id(contact)
        path = f"/crm/v4/objects/{kind}/{quote(record_id)}/associations/default/contacts/"
        with suppress(NotFound):  # deleted meanwhile
            await self._http.write("PUT", f"{path}{quote(contact_id)}")

    async def close_task(self, task_id: str, idem: str) -> bool:
        return await self._settled("tasks", task_id, "hs_task_status", "NOT_STARTED", "COMPLETED")

    async def withdraw_lead(self, lead_id: str, idem: str) -> bool:
        return await self._settled("contacts", lead_id, "hs_lead_status", _NEW, _WITHDRAWN)

    async def confirm_lead(self, lead_id: str, agent: str, idem: str) -> bool:
        return await self._settled("contacts", lead_id, "hs_lead_status", _NEW, _TAKEN)

    async def _settled(
        self, kind: str, record_id: str, field: str, before: str, after: str
    ) -> bool:
        """From one status to another, where no person was faster."""
        path = f"/crm/v3/objects/{kind}/{quote(record_id)}"
        try:
            found = await self._object(kind, record_id, (field,), Deadline.after(QUESTION_S))
            status = readings.text(readings.record(found, "properties").get(field))
            if status == before:
                await self._http.write("PATCH", path, json={"properties": {field: after}})
        except NotFound:
            return False
        return status in (before, after)

    async def _once(self, kind: str, key: str, properties: Mapping[str, str]) -> str:
        """A read by the unique property sees what a search does not yet."""

        async def find() -> str | None:
            deadline = Deadline.after(QUESTION_S)
            try:
                found = await self._object(kind, key, (), deadline, idProperty=self._key)
            except NotFound:
                return None
            return readings.said(found.get("id"))

        async def create() -> str:
            body = {"properties": {**properties, self._key: key}, "associations": []}
            reply = await self._http.write("POST", f"/crm/v3/objects/{kind}", json=body)
            return readings.identifier(reply, reply.json_object().get("id"))

        async with self._turns.of(key):
            return (await written_once(find=find, create=create))[0]

    async def update_fields(
        self, ref: ContactRef, changes: Mapping[str, str], *, expect_version: str | None, idem: str
    ) -> None:
        _, record_id = self._kind_and_id(ref)
        properties = self._renamed(changes)
        if expect_version is not None:
            wanted = ("lastmodifieddate",)
            deadline = Deadline.after(QUESTION_S)
            found = await self._object("contacts", record_id, wanted, deadline)
            version = readings.record(found, "properties").get("lastmodifieddate")
            if readings.text(version) != expect_version:
                raise Conflict("the contact has changed meanwhile", existing=record_id)
        path = f"/crm/v3/objects/contacts/{quote(record_id)}"
        await self._http.write("PATCH", path, json={"properties": properties})

    async def changes(self, cursor: str | None, *, limit: int, deadline: Deadline) -> ChangePage:
        limit = min(limit, 200)
        since = Since.parse(cursor).within(_MOST_FOUND - limit, self.name)
        at = str(round(since.at.timestamp() * 1000))
        found = await self._search(
            [[{"propertyName": "lastmodifieddate", "operator": "GTE", "value": at}]],
            limit=limit,
            deadline=deadline,
            order="lastmodifieddate",
            offset=since.offset,
        )
        told = (readings.record(one, "properties") for one in found)
        times = [readings.moment(one.get("lastmodifieddate")) for one in told]
        following, more = since.after(times, limit=limit)
        known = [one for one in found if _id_of(one)]
        hits = tuple(hit for hit in map(self._hit, known) if hit)
        return ChangePage(hits, (), following, more)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> Sequence[ContactRef]:
        """Version 3 of the signature: base64 of the HMAC over method, address, body and time."""
        stamp = headers.get("x-hubspot-request-timestamp", "")
        if not (stamp.isascii() and stamp.isdecimal() and len(stamp) < 16):
            raise Forbidden("the webhook tells no time")
        age_s = self._now().timestamp() - int(stamp) / 1000
        if abs(age_s) > _SIGNATURE_WINDOW.total_seconds():
            raise Forbidden("the webhook is too old, or our clock is wrong")
        signed = b"POST" + self._webhook_url.encode() + body + stamp.encode()
        has_all = bool(self._secret and self._webhook_url)
        wanted = webhook_proofs.hmac_sha256(self._secret, signed) if has_all else b""
        given = headers.get("x-hubspot-signature-v3", "")
        webhook_proofs.expect_same(given, base64.b64encode(wanted).decode(), "HubSpot")
        told = readings.listed(webhook_proofs.webhook_json(body))
        ids = [readings.text(one.get("objectId")) for one in told if _is_of_contact(one)]
        return [self._ref(one) for one in dict.fromkeys(ids) if one]


def _classify(reply: Reply, is_write: bool) -> CrmError | None:
    error = refusals.by_status(reply, is_write)
    if error is None:
        if reply.status == 207:  # some of a batch went wrong, and there is only one in ours
            return Invalid("hubspot refused the record of a batch")
        return None
    try:
        told = reply.json_object()
    except CrmError:
        return error
    if isinstance(error, RateLimited):
        if error.after_s is None:
            error.after_s = _PAUSES.get(readings.text(told.get("policyName")), 10.0)
        return error
    message = readings.text(told.get("message"))[:200]
    existing = message.rpartition("Existing ID:")[2].strip()
    if isinstance(error, Conflict) and existing.isdecimal():
        return Conflict("hubspot has a record like this one", existing=existing)
    return error


def _is_of_contact(event: readings.Record) -> bool:
    """`contact.…` of legacy apps, `object.…` with the type 0-1 of later ones."""
    kind = readings.text(event.get("subscriptionType"))
    is_contact = readings.text(event.get("objectTypeId")) == "0-1"
    return kind.startswith("contact.") or (kind.startswith("object.") and is_contact)


def _id_of(found: readings.Record) -> str:
    return readings.text(found.get("id"))


def _purchase(found: readings.Record) -> Purchase | None:
    told = readings.record(found, "properties")
    at = readings.moment(told.get("closedate"))
    if at is None or readings.text(told.get("hs_is_closed_won")) != "true":
        return None
    return Purchase(
        product=readings.text(told.get("dealname")),
        product_name=readings.text(told.get("dealname")),
        category="",
        at=at,
        amount=readings.amount(told.get("amount")),
        currency=readings.text(told.get("deal_currency_code")),
    )


def _case(found: readings.Record) -> Case | None:
    told = readings.record(found, "properties")
    opened = readings.moment(told.get("createdate"))
    if opened is None:
        return None
    kind = readings.text(told.get("hs_ticket_category")).lower()
    is_open = not readings.text(told.get("closed_date"))
    return Case(_id_of(found), readings.text(told.get("subject")), kind, is_open, opened)


def _call(record: CallRecord, idem: str) -> dict[str, str]:
    """Durations are milliseconds, all values texts."""
    status = "COMPLETED" if record.answered_at is not None else "NO_ANSWER"
    properties = {
        "hs_timestamp": _time(record.answered_at or record.arrived_at),
        "hs_call_title": texts.cleaned(wording.call_title(record)),
        "hs_call_body": _html(call_text(record, idem)),
        "hs_call_direction": ("OUTBOUND" if record.direction is Direction.OUTBOUND else "INBOUND"),
        "hs_call_duration": str(record.talk_s * 1000),
        "hs_call_status": "IN_PROGRESS" if record.is_live else status,
        "hs_call_to_number": record.dialled,
    }
    if record.number:
        properties["hs_call_from_number"] = record.number
    return properties


def _html(text: str) -> str:
    return html.escape(text, quote=False).replace("\n", "<br>")


def _time(at: datetime) -> str:
    return str(round(at.timestamp() * 1000))
