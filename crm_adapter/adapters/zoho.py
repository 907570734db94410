"""Zoho CRM over its REST API v8: zoho.com/crm/developer/docs/api/v8 (COQL, upsert, insert,
notifications).

COQL looks numbers up and reads by our key: unlike the search it needs no index that lags behind.
204 without a body is "none". A record's error stands inside the answer, whatever the status. Calls
and tasks have no upsert: their unique field refuses a second insert with the id of the first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import ClassVar
from urllib.parse import urlsplit

from calls.caller import Case, ContactRef, Order, Purchase
from calls.deadlines import Deadline
from config.crm_settings import ZohoSettings
from crm_adapter import rights
from crm_adapter.adapter import Capabilities, ChangePage, Forbidden, HitKind, Invalid
from crm_adapter.adapters import (
    hosted,
    people,
    readings,
    set_up,
    webhook_proofs,
    zoho_records,
    zoho_rights,
)
from crm_adapter.adapters.hosted import MOST_HISTORY, QUESTION_S
from crm_adapter.adapters.hosted_people import HostedPeople
from crm_adapter.adapters.people import Person
from crm_adapter.adapters.polling import Since
from crm_adapter.adapters.zoho_wire import MODULE_OF, MOST, ZohoWire, classify
from crm_adapter.adapters.zoho_writes import WITHDRAWN, ZohoWrites
from crm_adapter.http.client import quote
from crm_adapter.http.log_ins import oauth2
from crm_adapter.http.traces import Trace
from crm_adapter.spellings import last_digits

#: The end by which numbers are looked up: few share it, and every spelling keeps it together.
_END = 4
#: Of one COQL question, page after page: "Query API".
_MOST_SKIPPED = 100_000 - MOST


class ZohoCrm(HostedPeople):
    """Implements `crm_adapter.adapter.CrmAdapter`."""

    name = ZohoWrites.crm
    capabilities = Capabilities(
        purchases=True,
        orders=True,
        cases=True,
        finds_leads=True,
        task_due="day",
        updates=frozenset(("first_name", "last_name")),
        changes=True,
        webhooks=True,
        unique_keys=True,
    )
    fields: ClassVar = {"first_name": "First_Name", "last_name": "Last_Name"}
    compared = 15

    def __init__(
        self,
        *,
        settings: ZohoSettings,
        region: str,
        trace: Trace | None = None,
        now: Callable[[], datetime] = hosted.utc_now,
    ) -> None:
        url = set_up.needed_url(settings.url, "zoho.url")
        token = set_up.needed_secret(
            settings.refresh_token, settings.refresh_token_file, "zoho.refresh_token"
        )
        form = {"grant_type": "refresh_token", "refresh_token": token}
        log_in = oauth2(
            token_address=f"{settings.accounts_url.rstrip('/')}/oauth/v2/token",
            form=form | set_up.client_form(settings, self.name),
            scheme="Zoho-oauthtoken",
        )
        self._key = settings.key_field
        self._screen = _screen(url)
        self._token = set_up.secret(
            settings.webhook_token, settings.webhook_token_file, "zoho.webhook_token"
        )
        http = set_up.http_of(
            self.name,
            settings,
            base_url=f"{url}/crm/v8",
            log_in=log_in,
            classify=classify,
            also=(settings.accounts_url,),
            trace=trace,
        )
        self._wire = ZohoWire(http)
        writes = ZohoWrites(wire=self._wire, key=self._key)
        super().__init__(http=http, writer=writes, now=now)

    async def check(self) -> None:
        deadline = Deadline.after(QUESTION_S)
        for module in ("Contacts", "Leads", "Calls", "Tasks"):
            field = "Last_Name" if module == "Contacts" else self._key
            try:
                asked = f"select {field} from {module} where id is not null limit 1"  # noqa: S608 -- COQL: our own names
                await self._wire.coql(asked, deadline)
            except Invalid as error:
                raise Invalid(f"zoho: {module} has no field {field}") from error
            except Forbidden as error:
                raise Forbidden(f"zoho: no right to read {module}: {error}") from error
        self.warnings = await rights.warnings_of(
            self.name,
            zoho_rights.asked(self._wire, deadline),
            zoho_rights.ADVICE,
        )

    async def _having(
        self, kind: HitKind, key: str, limit: int, deadline: Deadline
    ) -> Sequence[Person]:
        end = last_digits(key, _END)
        wanted = _nested([f"({phone} like '%{end}')" for phone in zoho_records.PHONES[kind]])
        if kind is HitKind.LEAD:
            wanted = f"({wanted} and (Lead_Status != '{WITHDRAWN}'))"
        fields = ", ".join(zoho_records.person_fields(kind))
        query = f"select {fields} from {MODULE_OF[kind]} where {wanted} limit {MOST}"  # noqa: S608 -- COQL: ids and digits matched a pattern
        found = await self._wire.coql(query, deadline)
        return [zoho_records.person(one, kind) for one in found]

    async def _person(self, kind: HitKind, record_id: str, deadline: Deadline) -> Person:
        found = await self._wire.record(MODULE_OF[kind], record_id, deadline)
        return zoho_records.person(found, kind)

    async def _purchases(
        self, contact: str, limit: int, deadline: Deadline
    ) -> tuple[Purchase, ...]:
        fields = zoho_records.PURCHASE_FIELDS
        found = await self._wire.related(contact, "Deals", fields, deadline)
        return people.newest_first(map(zoho_records.purchase, found), limit)

    async def _orders(self, contact: str, deadline: Deadline) -> Sequence[Order]:
        fields = zoho_records.ORDER_FIELDS
        found = await self._wire.related(contact, "SalesOrders", fields, deadline)
        return people.open_first(map(zoho_records.order, found), MOST_HISTORY)

    async def _cases(self, contact: str, deadline: Deadline) -> Sequence[Case]:
        found = await self._wire.related(contact, "Cases", zoho_records.CASE_FIELDS, deadline)
        return people.newest_cases(map(zoho_records.case, found), MOST_HISTORY)

    def _link(self, kind: HitKind, record_id: str) -> str:
        return f"{self._screen}/crm/tab/{MODULE_OF[kind]}/{quote(record_id)}"

    async def update_fields(
        self, ref: ContactRef, changes: Mapping[str, str], *, expect_version: str | None, idem: str
    ) -> None:
        kind, record_id = self._kind_and_id(ref)
        told = self._renamed(changes)
        seen = await self._expect(kind, record_id, expect_version)
        headers = {"If-Unmodified-Since": seen.version} if seen and seen.version else None
        await self._wire.put(MODULE_OF[kind], record_id, told, headers)

    async def changes(self, cursor: str | None, *, limit: int, deadline: Deadline) -> ChangePage:
        limit = min(limit, MOST)
        since = Since.parse(cursor).within(_MOST_SKIPPED, self.name)
        found = await self._wire.coql(
            f"select {', '.join(zoho_records.person_fields(HitKind.CONTACT))} from Contacts "  # noqa: S608 -- COQL: ids and digits matched a pattern
            f"where Modified_Time >= '{zoho_records.time(since.at)}' "
            f"order by Modified_Time asc limit {since.offset}, {limit}",
            deadline,
        )
        told = [zoho_records.person(one, HitKind.CONTACT) for one in found]
        return self._page(told, *since.after([one.changed_at for one in told], limit=limit))

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> Sequence[ContactRef]:
        """Zoho signs nothing: it repeats the token that the channel was opened with."""
        told = readings.record(webhook_proofs.webhook_json(body))
        webhook_proofs.expect_same(readings.text(told.get("token")), self._token, "Zoho")
        module, ids = readings.text(told.get("module")), told.get("ids")
        if module not in MODULE_OF.values() or not isinstance(ids, list):
            return ()
        kind = HitKind.LEAD if module == "Leads" else HitKind.CONTACT
        return [self._ref(one, kind) for one in dict.fromkeys(map(readings.text, ids)) if one]


def _screen(url: str) -> str:
    """Where people work: of the same data centre."""
    ending = (urlsplit(url).hostname or "").partition("zohoapis.")[2] or "com"
    return f"https://crm.zoho.{ending}"


def _nested(conditions: Sequence[str]) -> str:
    """COQL wants pairs in parentheses."""
    told = conditions[0]
    for condition in conditions[1:]:
        told = f"({told} or {condition})"
    return told
