"""Pipedrive over its API v2 (persons, deals, activities, searches) and v1 (leads, call logs,
notes): developers.pipedrive.com.

A stranger becomes a person with a lead, since leads have no numbers; from then on the person is
found by the number. Nothing there is unique: leads are searched for by a custom field of theirs,
tasks and calls read for our key in their notes, so two processes at the same instant could write
twice. A call log cannot be changed: later news of a call replaces it.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from calls.caller import Candidate, Contact, ContactRef, Purchase
from calls.deadlines import Deadline
from calls.records import CallRecord, NewLead, NewTask
from config.crm_settings import PipedriveSettings
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
    people,
    readings,
    refusals,
    set_up,
    texts,
    webhook_proofs,
)
from crm_adapter.adapters.hosted import BULK_BYTES, BULK_PAGE, MOST_HISTORY, QUESTION_S, HostedCrm
from crm_adapter.adapters.polling import Walk
from crm_adapter.adapters.texts import call_text, is_newer, lead_text, task_text
from crm_adapter.adapters.written_once import Turns, call_key, record_key, written_once
from crm_adapter.http.client import CrmHttp, HttpLimits, quote
from crm_adapter.http.log_ins import api_key
from crm_adapter.http.replies import Reply
from crm_adapter.http.traces import Trace
from crm_adapter.phone_numbers import same_number
from crm_adapter.spellings import last_digits, spellings

#: Of a page of call logs, the most there is; and how many pages are read for a key.
_LOGS, _MOST_PAGES = 50, 6
#: Of a page of activities.
_ACTIVITIES = 500


class PipedriveCrm(HostedCrm):
    """Implements `crm_adapter.adapter.CrmAdapter`."""

    name = "pipedrive"
    capabilities = Capabilities(
        purchases=True,
        updates=frozenset(("first_name", "last_name")),
        changes=True,
        webhooks=True,
    )
    fields: ClassVar = {"first_name": "first_name", "last_name": "last_name"}

    def __init__(
        self,
        *,
        settings: PipedriveSettings,
        region: str,
        trace: Trace | None = None,
        now: Callable[[], datetime] = hosted.utc_now,
    ) -> None:
        self._url = set_up.needed(settings.url, "pipedrive.url").rstrip("/")
        token = set_up.secret(settings.token, settings.token_file, "pipedrive.token")
        self._key = set_up.needed(settings.key_field, "pipedrive.key_field")
        self._region, self._turns = region, Turns()
        self._hook_user = settings.webhook_user
        self._hook_password = set_up.secret(
            settings.webhook_password, settings.webhook_password_file, "pipedrive.webhook_password"
        )
        http = CrmHttp(
            crm=self.name,
            base_url=self._url,
            log_in=api_key("x-api-token", set_up.needed(token, "pipedrive.token")),
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
        fields = await self._read("/api/v1/dealFields", deadline, {"limit": "500"})
        keys = {readings.text(one.get("key")) for one in readings.listed(fields.get("data"))}
        if self._key not in keys:
            raise Invalid("pipedrive: pipedrive.key_field is the key of no custom field of deals")
        await self._read("/api/v1/callLogs", deadline, {"limit": "1"})

    async def _read(
        self, path: str, deadline: Deadline, query: Mapping[str, str] | None = None
    ) -> readings.Record:
        reply = await self._http.read("GET", path, deadline=deadline, query=dict(query or {}))
        return reply.json_object()

    async def _rows(
        self, path: str, deadline: Deadline, query: Mapping[str, str]
    ) -> list[readings.Record]:
        return _data(await self._read(path, deadline, query))

    async def find_by_phone(
        self, key: str, *, limit: int, deadline: Deadline
    ) -> Sequence[PhoneHit]:
        end = last_digits(key)
        if end is None:
            return []
        # Stored as typed and compared as text: the end in one piece, and as people write it here
        # and abroad.
        *_, national, abroad = spellings(key)
        rest = abroad.partition(" ")[2]
        terms = dict.fromkeys((end, rest) if rest in national else (end, rest, national))
        pages = await gathering.all_of(*(self._search(term, limit, deadline) for term in terms))
        return people.ordered((self._found(one) for page in pages for one in page), limit)

    async def _search(self, term: str, limit: int, deadline: Deadline) -> list[readings.Record]:
        query = {"term": term, "fields": "phone", "exact_match": "false", "limit": str(limit)}
        found = await self._read("/api/v2/persons/search", deadline, query)
        if "items" not in readings.record(found, "data"):
            raise Unavailable("pipedrive answered without items")
        items = readings.listed(readings.record(found, "data")["items"])
        return [readings.record(one, "item") for one in items]

    def _found(self, item: readings.Record) -> PhoneHit:
        """An item of a search has plain numbers, and no version."""
        phones = item.get("phones")
        numbers = [readings.text(one) for one in phones] if isinstance(phones, list) else []
        company = readings.said(readings.record(item, "organization").get("name"))
        owner = readings.said(readings.record(item, "owner").get("id"))
        version = readings.said(item.get("update_time"))
        return self._hit(item, numbers, company, owner, version)

    def _hit(
        self,
        found: readings.Record,
        numbers: Sequence[str],
        company: str | None,
        owner: str | None,
        version: str | None,
    ) -> PhoneHit:
        record_id = readings.text(found.get("id"))
        return PhoneHit(
            Candidate(
                self._ref(record_id),
                readings.text(found.get("name")),
                company,
                self._link(record_id),
            ),
            tuple(dict.fromkeys(filter(None, numbers))),
            version=version,
            owner=owner,
        )

    def _link(self, record_id: str) -> str | None:
        """Only the company's own address leads people to a record."""
        if self._url.endswith("//api.pipedrive.com"):
            return None
        return f"{self._url}/person/{quote(record_id)}"

    def _person_id(self, ref: ContactRef) -> str:
        kind, record_id = self._kind_and_id(ref)
        if kind is HitKind.LEAD or not record_id.isdecimal() or len(record_id) > 15:
            raise NotFound(f"there is no contact {ref}")
        return record_id

    async def _person(self, record_id: str, deadline: Deadline) -> readings.Record:
        found = await self._read(f"/api/v2/persons/{record_id}", deadline)
        person = readings.record(found, "data")
        if not readings.text(person.get("id")):
            raise Unavailable("pipedrive answered without a person")
        return person

    async def get(self, ref: ContactRef, *, deadline: Deadline) -> Contact:
        record_id = self._person_id(ref)
        person = await self._person(record_id, deadline)
        purchases, companies = await gathering.both(
            self._spared("purchases", self._purchases(record_id, MOST_HISTORY, deadline)),
            self._spared("company", self._company(person, deadline)),
        )
        first, last = _names(person)
        return Contact(
            ref=ref,
            first_name=first,
            last_name=last,
            company=companies[0] if companies else None,
            url=self._link(record_id),
            owner=readings.said(person.get("owner_id")),
            purchases=purchases,
            owns=people.bought(purchases),
        )

    async def _company(self, person: readings.Record, deadline: Deadline) -> list[str]:
        organisation = readings.text(person.get("org_id"))
        if not organisation:
            return []
        found = await self._read(f"/api/v2/organizations/{quote(organisation)}", deadline)
        name = readings.said(readings.record(found, "data").get("name"))
        return [name] if name else []

    async def get_purchase_history(
        self, ref: ContactRef, *, limit: int, deadline: Deadline
    ) -> Sequence[Purchase]:
        record_id = self._person_id(ref)
        found = await self._purchases(record_id, limit, deadline)
        if not found:
            await self._person(record_id, deadline)  # raises NotFound
        return found

    async def _purchases(self, person: str, limit: int, deadline: Deadline) -> tuple[Purchase, ...]:
        query = {"person_id": person, "status": "won", "limit": str(_ACTIVITIES)}
        query |= {"sort_by": "update_time", "sort_direction": "desc"}
        found = await self._rows("/api/v2/deals", deadline, query)
        return people.newest_first(filter(None, map(_purchase, found)), limit)

    async def create_lead(self, lead: NewLead, idem: str) -> str:
        key = record_key("lead", idem)

        async def find() -> str | None:
            query = {"term": key, "fields": "custom_fields", "exact_match": "true", "limit": "1"}
            found = await self._read("/api/v2/leads/search", Deadline.after(QUESTION_S), query)
            items = readings.listed(readings.record(found, "data").get("items"))
            return readings.said(readings.record(items[0], "item").get("id")) if items else None

        async def create() -> str:
            title = texts.cleaned(wording.lead_title(lead))
            person = await self._person_of(lead)
            told = {"title": title, "person_id": int(person), self._key: key}
            reply = await self._http.write("POST", "/api/v1/leads", json=told)
            return readings.identifier(
                reply, readings.record(reply.json_object(), "data").get("id")
            )

        # By number: the person is made once as well.
        async with self._turns.of(lead.number):
            lead_id, _ = await written_once(find=find, create=create)
            await self._note(lead_id, lead_text(lead, idem))
        return lead_id

    async def _person_of(self, lead: NewLead) -> str:
        hits = await self.find_by_phone(
            lead.number, limit=MOST_HISTORY, deadline=Deadline.after(QUESTION_S)
        )
        for hit in hits:
            if any(same_number(lead.number, one, self._region) for one in hit.numbers):
                return hit.candidate.ref.id
        phone = {"value": lead.number, "primary": True, "label": "work"}
        told = {"name": texts.lead_name(lead), "phones": [phone]}
        reply = await self._http.write("POST", "/api/v2/persons", json=told)
        return readings.identifier(reply, readings.record(reply.json_object(), "data").get("id"))

    async def _note(self, lead_id: str, text: str) -> None:
        """What is known of the lead; once."""
        query = {"lead_id": lead_id, "limit": "1"}
        if not await self._rows("/api/v1/notes", Deadline.after(QUESTION_S), query):
            told = {"content": _html(text), "lead_id": lead_id}
            await self._http.write("POST", "/api/v1/notes", json=told)

    async def log_call(self, record: CallRecord, idem: str) -> str:
        async with self._turns.of(call_key(record)):
            kept = await self._log_of(record)
            if kept is not None:
                call_id = readings.text(kept.get("id"))
                note = kept.get("note")
                if f"Key: {idem}" in _lines(note) or not is_newer(record, note):
                    return call_id
                await self._http.write("DELETE", f"/api/v1/callLogs/{quote(call_id)}")
            told = _call(record, idem) | self._of_person(record.contact)
            try:
                reply = await self._http.write("POST", "/api/v1/callLogs", json=told)
            except (Invalid, NotFound):
                if "person_id" not in told:
                    raise
                del told["person_id"]  # deleted meanwhile
                reply = await self._http.write("POST", "/api/v1/callLogs", json=told)
            return readings.identifier(
                reply, readings.record(reply.json_object(), "data").get("id")
            )

    async def _log_of(self, record: CallRecord) -> readings.Record | None:
        """Among our last call logs, newest first."""
        mark = f"Call: {record.call_id}"
        for page in range(_MOST_PAGES):
            query = {"limit": str(_LOGS), "start": str(page * _LOGS)}
            found = await self._rows("/api/v1/callLogs", Deadline.after(QUESTION_S), query)
            for one in found:
                lines = _lines(one.get("note"))
                if mark in lines:
                    return one
            if len(found) < _LOGS:
                break
        return None

    def _of_person(self, contact: ContactRef | None) -> dict[str, Any]:
        if contact is None or contact.crm != self.name:
            return {}
        return {"person_id": int(self._person_id(contact))}

    async def create_task(self, task: NewTask, idem: str) -> str:
        key = f"Key: {idem}"

        async def find() -> str | None:
            since = task.created_at.astimezone(UTC) - timedelta(days=1)
            query = {"updated_since": f"{since:%Y-%m-%dT%H:%M:%SZ}", "limit": str(_ACTIVITIES)}
            for _ in range(_MOST_PAGES):
                found = await self._read("/api/v2/activities", Deadline.after(QUESTION_S), query)
                for one in readings.listed(found.get("data")):
                    if key in _lines(one.get("note")):
                        return readings.said(one.get("id"))
                after = readings.text(readings.record(found, "additional_data").get("next_cursor"))
                if not after:
                    break
                query["cursor"] = after
            return None

        async def create() -> str:
            told: dict[str, Any] = {
                "subject": texts.cleaned(wording.task_title(task)),
                "type": "call",
                "done": False,
                "due_date": f"{task.created_at.astimezone(UTC):%Y-%m-%d}",
                "note": _html(task_text(task, idem)),
            }
            person = self._of_person(task.contact)
            if person:
                told["participants"] = [{"person_id": person["person_id"], "primary": True}]
            reply = await self._http.write("POST", "/api/v2/activities", json=told)
            return readings.identifier(
                reply, readings.record(reply.json_object(), "data").get("id")
            )

        async with self._turns.of(key):
            return (await written_once(find=find, create=create))[0]

    async def close_task(self, task_id: str, idem: str) -> bool:
        return await self._marked(f"/api/v2/activities/{quote(task_id)}", "done", "is_deleted")

    async def withdraw_lead(self, lead_id: str, idem: str) -> bool:
        """Archived, unless somebody has seen it."""
        return await self._marked(f"/api/v1/leads/{quote(lead_id)}", "is_archived", "was_seen")

    async def confirm_lead(self, lead_id: str, agent: str, idem: str) -> bool:
        return await self._marked(f"/api/v1/leads/{quote(lead_id)}", "was_seen", "is_archived")

    async def _marked(self, path: str, mark: str, unless: str) -> bool:
        try:
            found = await self._read(path, Deadline.after(QUESTION_S))
            told = readings.record(found, "data")
            if readings.truth(told.get(unless)):
                return False
            if not readings.truth(told.get(mark)):
                await self._http.write("PATCH", path, json={mark: True})
        except NotFound:
            return False
        return True

    async def update_fields(
        self, ref: ContactRef, changes: Mapping[str, str], *, expect_version: str | None, idem: str
    ) -> None:
        """Pipedrive takes the name as one."""
        told, record_id = self._renamed(changes), self._person_id(ref)
        person = await self._person(record_id, Deadline.after(QUESTION_S))
        if expect_version is not None and expect_version != readings.text(
            person.get("update_time")
        ):
            raise Conflict("the contact has changed meanwhile", existing=record_id)
        first, last = _names(person)
        name = f"{told.get('first_name', first)} {told.get('last_name', last)}".strip()
        await self._http.write("PATCH", f"/api/v2/persons/{record_id}", json={"name": name})

    async def changes(self, cursor: str | None, *, limit: int, deadline: Deadline) -> ChangePage:
        walk = Walk.parse(cursor)
        query = {"sort_by": "update_time", "sort_direction": "asc"}
        query["updated_since"] = f"{walk.since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        query["limit"] = str(min(limit, BULK_PAGE))
        if walk.mark:
            query["cursor"] = walk.mark
        told = await self._read("/api/v2/persons", deadline, query)
        found = _data(told)
        times = [readings.moment(one.get("update_time")) for one in found]
        mark = readings.text(readings.record(told, "additional_data").get("next_cursor"))
        following, more = walk.after(times, mark, crm=self.name)
        hits = tuple(self._changed(one) for one in found if readings.text(one.get("id")))
        return ChangePage(hits, (), following, more)

    def _changed(self, person: readings.Record) -> PhoneHit:
        numbers = [readings.text(one.get("value")) for one in readings.listed(person.get("phones"))]
        owner = readings.said(person.get("owner_id"))
        return self._hit(person, numbers, None, owner, readings.said(person.get("update_time")))

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> Sequence[ContactRef]:
        """Version 2 signs nothing; it logs in with the name and password of the webhook."""
        scheme, _, pair = headers.get("authorization", "").partition(" ")
        try:
            given = base64.b64decode(pair, validate=True).decode() if scheme == "Basic" else ""
        except (binascii.Error, ValueError) as error:
            raise Forbidden("the webhook's log-in cannot be read") from error
        wanted = f"{self._hook_user}:{self._hook_password}" if self._hook_password else ""
        webhook_proofs.expect_same(given, wanted, "Pipedrive")
        meta = readings.record(webhook_proofs.webhook_json(body), "meta")
        record_id = readings.text(meta.get("entity_id")) or readings.text(meta.get("id"))
        if readings.text(meta.get("entity")) != "person" or not record_id:
            return ()
        return [self._ref(record_id)]


def _classify(reply: Reply, is_write: bool) -> CrmError | None:
    """`success` may be false whatever the status; 429 tells the pause in a header of its own."""
    error = refusals.by_status(reply, is_write)
    if isinstance(error, RateLimited):
        reset = reply.headers.get("x-ratelimit-reset", "")
        if error.after_s is None and reset.isascii() and reset.isdecimal():
            error.after_s = min(float(reset), 3600.0)
        return error
    if error is None and reply.body:
        try:
            told = readings.record(reply.json())
        except CrmError:
            return None
        if told.get("success") is False:
            return Invalid(f"pipedrive: {readings.text(told.get('error'))[:200]}")
    return error


def _data(told: readings.Record) -> list[readings.Record]:
    """Pipedrive says null for an empty list."""
    if "data" not in told:
        raise Unavailable("pipedrive answered without data")
    return readings.listed(told["data"])


def _names(person: readings.Record) -> tuple[str, str]:
    first, last = readings.text(person.get("first_name")), readings.text(person.get("last_name"))
    return (first, last) if first or last else ("", readings.text(person.get("name")))


def _purchase(found: readings.Record) -> Purchase | None:
    at, name = readings.moment(found.get("won_time")), readings.text(found.get("title"))
    if at is None:
        return None
    amount, currency = readings.amount(found.get("value")), readings.text(found.get("currency"))
    return Purchase(name, name, "", at, amount, currency)


def _call(record: CallRecord, idem: str) -> dict[str, Any]:
    """Times without an offset are UTC; the duration is in seconds, as text."""
    started = record.answered_at or record.arrived_at
    ended = record.ended_at or started
    told: dict[str, Any] = {
        "subject": texts.cleaned(wording.call_title(record)),
        "duration": str(record.talk_s),
        "outcome": "connected" if record.answered_at is not None else "no_answer",
        "to_phone_number": record.dialled,
        "start_time": f"{started.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
        "end_time": f"{ended.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
        "note": _html(call_text(record, idem)),
    }
    if record.number:
        told["from_phone_number"] = record.number
    return told


def _html(text: str) -> str:
    return html.escape(text, quote=False).replace("\n", "<br>")


def _lines(note: Any) -> list[str]:
    """Of a note, however Pipedrive has written its line ends."""
    if not isinstance(note, str):
        return []
    return html.unescape(re.sub(r"<br ?/?>|</?p>", "\n", note)).splitlines()
