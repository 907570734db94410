"""HubSpot over its CRM v3 objects (and v4 associations): developers.hubspot.com, "CRM API".

A stranger becomes a contact whose lead status is NEW and who has our key; it counts as a lead until
somebody works on it. HubSpot finds new records only seconds after they were made, so those that
we made are remembered for a minute and read by their id.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

from calls.caller import Case, Contact, ContactRef, Purchase
from calls.deadlines import Deadline
from config.crm_settings import HubSpotSettings
from crm_adapter import rights
from crm_adapter.adapter import (
    Capabilities,
    ChangePage,
    Forbidden,
    HitKind,
    Invalid,
    NotFound,
    PhoneHit,
)
from crm_adapter.adapters import (
    gathering,
    hosted,
    hubspot_records,
    hubspot_rights,
    people,
    readings,
    set_up,
    webhook_proofs,
)
from crm_adapter.adapters.hosted import MOST_HISTORY, QUESTION_S
from crm_adapter.adapters.hosted_people import HostedPeople
from crm_adapter.adapters.hubspot_wire import HubSpotWire, classify
from crm_adapter.adapters.hubspot_writes import HubSpotWrites
from crm_adapter.adapters.just_made import JustMade
from crm_adapter.adapters.people import Person
from crm_adapter.adapters.polling import Since
from crm_adapter.adapters.readings import Record
from crm_adapter.http.client import quote
from crm_adapter.http.log_ins import bearer
from crm_adapter.http.traces import Trace
from crm_adapter.spellings import last_digits, spellings

#: Where HubSpot keeps what it made of `phone` and `mobilephone`: digits without the country.
_READ = ("hs_searchable_calculated_phone_number", "hs_searchable_calculated_mobile_number")
#: Of one page of a search, and of one search, page after page: "CRM search", its limits.
_MOST, _MOST_FOUND = 200, 10_000
_SIGNATURE_WINDOW = timedelta(minutes=5)


class HubSpotCrm(HostedPeople):
    """Implements `crm_adapter.adapter.CrmAdapter`."""

    name = HubSpotWrites.crm
    capabilities = Capabilities(
        purchases=True,
        cases=True,
        finds_leads=True,
        task_due="time",
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
        self._token = set_up.needed_secret(settings.token, settings.token_file, "hubspot.token")
        self._key, self._portal = settings.key_property, settings.portal
        self._webhook_url = settings.webhook_url or ""
        self._secret = set_up.secret(
            settings.client_secret, settings.client_secret_file, "hubspot.client_secret"
        )
        self._wanted = (*hubspot_records.PERSON_FIELDS, self._key)
        self._just_made = JustMade(now)
        http = set_up.http_of(
            self.name,
            settings,
            base_url=set_up.needed(settings.url, "hubspot.url"),
            log_in=bearer(self._token),
            classify=classify,
            trace=trace,
        )
        self._wire = HubSpotWire(http)
        writes = HubSpotWrites(wire=self._wire, key=self._key, just_made=self._just_made)
        super().__init__(http=http, writer=writes, now=now)

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
        await self._wire.search([], self._wanted, limit=1, deadline=deadline)
        self.warnings = await rights.warnings_of(
            self.name,
            hubspot_rights.asked(self._wire, self._token, deadline),
            hubspot_rights.ADVICE,
        )

    async def find_by_phone(
        self, key: str, *, limit: int, deadline: Deadline
    ) -> Sequence[PhoneHit]:
        national = last_digits(key, 15)
        if national is None:
            return []
        groups = _having(key, national)
        found = await self._wire.search(groups, self._wanted, limit=limit, deadline=deadline)
        known = {readings.text(one.get("id")) for one in found}
        unseen = self._just_made.of(key)
        if unseen is not None and unseen not in known:
            found += await self._spared("new lead", self._one(unseen, deadline))
        return people.ordered(map(self._hit, self._people(found)), limit)

    async def _one(self, record_id: str, deadline: Deadline) -> list[Record]:
        try:
            return [await self._wire.object("contacts", record_id, self._wanted, deadline)]
        except NotFound:
            return []

    def _people(self, found: Sequence[Record]) -> list[Person]:
        """Without the leads that were withdrawn."""
        kept = (one for one in found if not hubspot_records.is_withdrawn(one, self._key))
        return [hubspot_records.person(one, self._key) for one in kept]

    async def get(self, ref: ContactRef, *, deadline: Deadline) -> Contact:
        """One request tells the contact and what it is linked to."""
        _, record_id = self._kind_and_id(ref)
        found = await self._wire.object(
            "contacts", record_id, self._wanted, deadline, associations="deals,tickets"
        )
        purchases, cases = await gathering.both(
            self._spared("purchases", self._deals(found, MOST_HISTORY, deadline)),
            self._spared("cases", self._tickets(found, deadline)),
        )
        person = hubspot_records.person(found, self._key)
        return self._contact(ref, person, purchases, cases=cases)

    async def get_purchase_history(
        self, ref: ContactRef, *, limit: int, deadline: Deadline
    ) -> Sequence[Purchase]:
        _, record_id = self._kind_and_id(ref)
        found = await self._wire.object("contacts", record_id, (), deadline, associations="deals")
        return await self._deals(found, limit, deadline)

    async def _deals(self, contact: Record, limit: int, deadline: Deadline) -> tuple[Purchase, ...]:
        wanted = hubspot_records.PURCHASE_FIELDS
        found = await self._wire.associated(contact, "deals", wanted, deadline)
        return people.newest_first(map(hubspot_records.purchase, found), limit)

    async def _tickets(self, contact: Record, deadline: Deadline) -> list[Case]:
        wanted = hubspot_records.CASE_FIELDS
        found = await self._wire.associated(contact, "tickets", wanted, deadline)
        return people.newest_cases(map(hubspot_records.case, found), MOST_HISTORY)

    async def _person(self, kind: HitKind, record_id: str, deadline: Deadline) -> Person:
        found = await self._wire.object("contacts", record_id, self._wanted, deadline)
        return hubspot_records.person(found, self._key)

    def _link(self, kind: HitKind, record_id: str) -> str | None:
        if not self._portal:
            return None
        return f"https://app.hubspot.com/contacts/{self._portal}/record/0-1/{quote(record_id)}"

    async def update_fields(
        self, ref: ContactRef, changes: Mapping[str, str], *, expect_version: str | None, idem: str
    ) -> None:
        kind, record_id = self._kind_and_id(ref)
        properties = self._renamed(changes)
        await self._expect(kind, record_id, expect_version)
        await self._wire.change("contacts", record_id, properties)

    async def changes(self, cursor: str | None, *, limit: int, deadline: Deadline) -> ChangePage:
        limit = min(limit, _MOST)
        since = Since.parse(cursor).within(_MOST_FOUND - limit, self.name)
        at = hubspot_records.time(since.at)
        found = await self._wire.search(
            [[{"propertyName": "lastmodifieddate", "operator": "GTE", "value": at}]],
            self._wanted,
            limit=limit,
            deadline=deadline,
            order="lastmodifieddate",
            offset=since.offset,
        )
        times = [hubspot_records.person(one, self._key).changed_at for one in found]
        return self._page(self._people(found), *since.after(times, limit=limit))

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


def _having(key: str, national: str) -> list[list[dict[str, Any]]]:
    held = {"operator": "IN", "values": list(spellings(key))}
    groups: list[list[dict[str, Any]]]
    groups = [[{"propertyName": one, "operator": "EQ", "value": national}] for one in _READ]
    groups += [[{"propertyName": one, **held}] for one in hubspot_records.PHONES]
    token = {"operator": "CONTAINS_TOKEN", "value": f"*{national}"}
    return [*groups, [{"propertyName": _READ[0], **token}]]


def _is_of_contact(event: Record) -> bool:
    """`contact.…` of legacy apps, `object.…` with the type 0-1 of later ones."""
    kind = readings.text(event.get("subscriptionType"))
    is_contact = readings.text(event.get("objectTypeId")) == "0-1"
    return kind.startswith("contact.") or (kind.startswith("object.") and is_contact)
