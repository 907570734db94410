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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import ClassVar

from calls.caller import Contact, ContactRef, Purchase
from calls.deadlines import Deadline
from config.crm_settings import PipedriveSettings
from crm_adapter import rights
from crm_adapter.adapter import (
    Capabilities,
    ChangePage,
    Conflict,
    Forbidden,
    HitKind,
    Invalid,
    PhoneHit,
    Unavailable,
)
from crm_adapter.adapters import (
    gathering,
    hosted,
    people,
    pipedrive_records,
    pipedrive_rights,
    pipedrive_writes,
    readings,
    set_up,
    webhook_proofs,
)
from crm_adapter.adapters.hosted import BULK_BYTES, BULK_PAGE, MOST_HISTORY, QUESTION_S
from crm_adapter.adapters.hosted_people import HostedPeople
from crm_adapter.adapters.people import Person
from crm_adapter.adapters.pipedrive_wire import PipedriveWire, classify, data_of, next_mark
from crm_adapter.adapters.pipedrive_writes import PipedriveWrites
from crm_adapter.adapters.polling import Walk
from crm_adapter.adapters.readings import Record
from crm_adapter.http.client import quote
from crm_adapter.http.log_ins import api_key
from crm_adapter.http.traces import Trace
from crm_adapter.spellings import last_digits, spellings

#: Of a page of deals.
_DEALS = 500


class PipedriveCrm(HostedPeople):
    """Implements `crm_adapter.adapter.CrmAdapter`."""

    name = pipedrive_writes.CRM
    capabilities = Capabilities(
        purchases=True,
        task_due="time",
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
        self._url = set_up.needed_url(settings.url, "pipedrive.url")
        token = set_up.needed_secret(settings.token, settings.token_file, "pipedrive.token")
        self._key = set_up.needed(settings.key_field, "pipedrive.key_field")
        self._hook_user = settings.webhook_user
        self._hook_password = set_up.secret(
            settings.webhook_password, settings.webhook_password_file, "pipedrive.webhook_password"
        )
        http = set_up.http_of(
            self.name,
            settings,
            base_url=self._url,
            log_in=api_key("x-api-token", token),
            classify=classify,
            trace=trace,
            most_bytes=BULK_BYTES,
        )
        self._wire = PipedriveWire(http)
        writes = PipedriveWrites(wire=self._wire, key=self._key, region=region, look=self._look)
        super().__init__(http=http, writer=writes, now=now)

    async def check(self) -> None:
        deadline = Deadline.after(QUESTION_S)
        fields = await self._wire.read("/api/v1/dealFields", deadline, {"limit": "500"})
        keys = {readings.text(one.get("key")) for one in readings.listed(fields.get("data"))}
        if self._key not in keys:
            raise Invalid("pipedrive: pipedrive.key_field is the key of no custom field of deals")
        await self._wire.read("/api/v1/callLogs", deadline, {"limit": "1"})
        self.warnings = await rights.warnings_of(
            self.name,
            pipedrive_rights.asked(self._wire, deadline),
            pipedrive_rights.ADVICE,
        )

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
        return people.ordered((self._hit(one) for page in pages for one in page), limit)

    async def _search(self, term: str, limit: int, deadline: Deadline) -> list[Person]:
        query = {"term": term, "fields": "phone", "exact_match": "false", "limit": str(limit)}
        found = await self._wire.items("/api/v2/persons/search", deadline, query)
        return [pipedrive_records.found_person(one) for one in found]

    async def _read(self, record_id: str, deadline: Deadline) -> Record:
        found = await self._wire.read(f"/api/v2/persons/{record_id}", deadline)
        person = readings.record(found, "data")
        if not readings.text(person.get("id")):
            raise Unavailable("pipedrive answered without a person")
        return person

    async def _person(self, kind: HitKind, record_id: str, deadline: Deadline) -> Person:
        return pipedrive_records.person(await self._read(record_id, deadline))

    async def get(self, ref: ContactRef, *, deadline: Deadline) -> Contact:
        """A person's company is a record of its own."""
        _, record_id = self._place(ref)
        told = await self._read(record_id, deadline)
        purchases, companies = await gathering.both(
            self._spared("purchases", self._purchases(record_id, MOST_HISTORY, deadline)),
            self._spared("company", self._company(told, deadline)),
        )
        person = pipedrive_records.person(told)
        person = replace(person, company=companies[0] if companies else None)
        return self._contact(ref, person, purchases)

    async def _company(self, person: Record, deadline: Deadline) -> list[str]:
        organisation = readings.text(person.get("org_id"))
        if not organisation:
            return []
        found = await self._wire.read(f"/api/v2/organizations/{quote(organisation)}", deadline)
        name = readings.said(readings.record(found, "data").get("name"))
        return [name] if name else []

    async def _purchases(
        self, contact: str, limit: int, deadline: Deadline
    ) -> tuple[Purchase, ...]:
        """Won deals."""
        query = {"person_id": contact, "status": "won", "limit": str(_DEALS)}
        query |= {"sort_by": "update_time", "sort_direction": "desc"}
        found = await self._wire.rows("/api/v2/deals", deadline, query)
        return people.newest_first(map(pipedrive_records.purchase, found), limit)

    def _link(self, kind: HitKind, record_id: str) -> str | None:
        """Only the company's own address leads people to a record."""
        if self._url.endswith("//api.pipedrive.com"):
            return None
        return f"{self._url}/person/{quote(record_id)}"

    def _place(self, ref: ContactRef) -> tuple[HitKind, str]:
        return pipedrive_writes.place(ref)

    async def update_fields(
        self, ref: ContactRef, changes: Mapping[str, str], *, expect_version: str | None, idem: str
    ) -> None:
        """Pipedrive takes the name as one."""
        kind, record_id = self._place(ref)
        told = self._renamed(changes)
        person = await self._person(kind, record_id, Deadline.after(QUESTION_S))
        if expect_version is not None and expect_version != person.version:
            raise Conflict("the contact has changed meanwhile", existing=record_id)
        first = told.get("first_name", person.first_name)
        name = f"{first} {told.get('last_name', person.last_name)}".strip()
        await self._http.write("PATCH", f"/api/v2/persons/{record_id}", json={"name": name})

    async def changes(self, cursor: str | None, *, limit: int, deadline: Deadline) -> ChangePage:
        walk = Walk.parse(cursor)
        query = {"sort_by": "update_time", "sort_direction": "asc"}
        query["updated_since"] = pipedrive_records.since(walk.since)
        query["limit"] = str(min(limit, BULK_PAGE))
        if walk.mark:
            query["cursor"] = walk.mark
        found = await self._wire.read("/api/v2/persons", deadline, query)
        told = [pipedrive_records.person(one) for one in data_of(found)]
        times = [one.changed_at for one in told]
        return self._page(told, *walk.after(times, next_mark(found), crm=self.name))

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
