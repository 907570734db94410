"""Dynamics 365 (Dataverse) over its Web API v9.2: learn.microsoft.com, "Use the Microsoft Dataverse
Web API".

Our key is an alternate key, so leads and tasks are made with `If-None-Match: *` (412: it is there)
and calls with a plain upsert. Calls are as long as whole minutes there; their descriptions tell the
seconds. A finished call is read-only until it is opened again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from yarl import URL

from calls.caller import Case, Contact, ContactRef, Purchase
from calls.deadlines import Deadline
from config.crm_settings import DynamicsSettings
from crm_adapter import rights
from crm_adapter.adapter import (
    Capabilities,
    ChangePage,
    Forbidden,
    HitKind,
    Invalid,
    Unavailable,
)
from crm_adapter.adapters import (
    dynamics_records,
    dynamics_rights,
    dynamics_writes,
    gathering,
    hosted,
    people,
    readings,
    set_up,
)
from crm_adapter.adapters.dynamics_wire import ENTITY_OF, SET_OF, DynamicsWire, classify
from crm_adapter.adapters.dynamics_writes import ETAG, ONLY_THERE, DynamicsWrites
from crm_adapter.adapters.hosted import BULK_BYTES, BULK_PAGE, MOST_HISTORY, QUESTION_S
from crm_adapter.adapters.hosted_people import HostedPeople
from crm_adapter.adapters.people import Person
from crm_adapter.adapters.polling import Walk
from crm_adapter.adapters.readings import Record
from crm_adapter.http.client import quote
from crm_adapter.http.log_ins import oauth2
from crm_adapter.http.traces import Trace
from crm_adapter.spellings import spellings

_MOST = 5000


class DynamicsCrm(HostedPeople):
    """Implements `crm_adapter.adapter.CrmAdapter`."""

    name = dynamics_writes.CRM
    capabilities = Capabilities(
        purchases=True,
        orders=True,
        cases=True,
        finds_leads=True,
        task_due="time",
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
        self._url = set_up.needed_url(settings.url, "dynamics.url")
        tenant = set_up.needed(settings.tenant, "dynamics.tenant")
        form = {"grant_type": "client_credentials", "scope": f"{self._url}/.default"}
        log_in = oauth2(
            token_address=f"{settings.login_url.rstrip('/')}/{quote(tenant)}/oauth2/v2.0/token",
            form=form | set_up.client_form(settings, self.name),
        )
        http = set_up.http_of(
            self.name,
            settings,
            base_url=f"{self._url}/api/data/v9.2",
            log_in=log_in,
            classify=classify,
            also=(settings.login_url,),
            trace=trace,
            most_bytes=BULK_BYTES,
        )
        self._wire = DynamicsWire(http, settings.key_column)
        super().__init__(http=http, writer=DynamicsWrites(self._wire), now=now)

    async def check(self) -> None:
        deadline = Deadline.after(QUESTION_S)
        for entity in ("contacts", "leads", "phonecalls", "tasks"):
            column = "contactid" if entity == "contacts" else self._wire.key
            try:
                await self._wire.rows(entity, {"$select": column, "$top": "1"}, deadline)
            except Invalid as error:
                raise Invalid(f"dynamics: {entity} have no column {column}: {error}") from error
            except Forbidden as error:
                raise Forbidden(f"dynamics: no right to read {entity}: {error}") from error
        self.warnings = await rights.warnings_of(
            self.name,
            dynamics_rights.asked(self._wire, deadline),
            dynamics_rights.ADVICE,
        )

    async def _having(
        self, kind: HitKind, key: str, limit: int, deadline: Deadline
    ) -> Sequence[Person]:
        ways = spellings(key)
        wanted = " or ".join(f"{one} eq '{way}'" for one in dynamics_records.PHONES for way in ways)
        if kind is HitKind.LEAD:
            wanted = f"({wanted}) and statecode eq 0"
        query = dynamics_records.person_query(kind) | {"$filter": wanted, "$top": str(limit)}
        query["$orderby"] = "createdon asc"
        found = await self._wire.rows(SET_OF[kind], query, deadline)
        return [dynamics_records.person(one, kind) for one in found]

    async def _person(self, kind: HitKind, record_id: str, deadline: Deadline) -> Person:
        query = dynamics_records.person_query(kind)
        found = await self._wire.record(f"{SET_OF[kind]}({record_id})", query, deadline)
        return dynamics_records.person(found, kind)

    async def get(self, ref: ContactRef, *, deadline: Deadline) -> Contact:
        """Purchases and orders are the same records there."""
        kind, record_id = self._place(ref)
        person = await self._person(kind, record_id, deadline)
        if kind is HitKind.LEAD:
            return self._contact(ref, person)
        sold, cases = await gathering.both(
            self._spared("orders", self._sold(record_id, MOST_HISTORY, deadline)),
            self._spared("cases", self._cases(record_id, deadline)),
        )
        purchases = people.newest_first(map(dynamics_records.purchase, sold), MOST_HISTORY)
        orders = people.open_first(map(dynamics_records.order, sold), MOST_HISTORY)
        return self._contact(ref, person, purchases, tuple(orders), cases)

    async def _purchases(
        self, contact: str, limit: int, deadline: Deadline
    ) -> tuple[Purchase, ...]:
        sold = await self._sold(contact, limit, deadline, only=dynamics_records.SOLD)
        return people.newest_first(map(dynamics_records.purchase, sold), limit)

    async def _sold(
        self, contact: str, limit: int, deadline: Deadline, *, only: str = "statecode ne 2"
    ) -> list[Record]:
        query = {
            "$select": dynamics_records.SALE_FIELDS,
            "$expand": "transactioncurrencyid($select=isocurrencycode)",
            "$filter": f"_customerid_value eq {contact} and {only}",
            "$orderby": "createdon desc",
            "$top": str(min(limit, _MOST)),
        }
        return await self._wire.rows("salesorders", query, deadline)

    async def _cases(self, contact: str, deadline: Deadline) -> Sequence[Case]:
        query = {
            "$select": dynamics_records.CASE_FIELDS,
            "$filter": f"_customerid_value eq {contact}",
            "$orderby": "createdon desc",
            "$top": str(MOST_HISTORY),
        }
        found = await self._wire.rows("incidents", query, deadline)
        return people.newest_cases(map(dynamics_records.case, found), MOST_HISTORY)

    def _link(self, kind: HitKind, record_id: str) -> str:
        about = f"etn={ENTITY_OF[kind]}&id={quote(record_id)}"
        return f"{self._url}/main.aspx?pagetype=entityrecord&{about}"

    def _place(self, ref: ContactRef) -> tuple[HitKind, str]:
        return dynamics_writes.place(ref)

    async def update_fields(
        self, ref: ContactRef, changes: Mapping[str, str], *, expect_version: str | None, idem: str
    ) -> None:
        kind, record_id = self._place(ref)
        told = self._renamed(changes)
        if expect_version is not None and not ETAG.fullmatch(expect_version):
            raise Invalid("a version is an ETag of Dynamics", field="expect_version")
        headers = {"If-Match": expect_version} if expect_version else ONLY_THERE
        path = f"/{SET_OF[kind]}({record_id})"
        await self._http.write("PATCH", path, json=told, headers=headers)

    async def changes(self, cursor: str | None, *, limit: int, deadline: Deadline) -> ChangePage:
        walk = Walk.parse(cursor)
        query = dynamics_records.person_query(HitKind.CONTACT) | {
            "$filter": f"modifiedon ge {dynamics_records.time(walk.since)}",
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
        told = [dynamics_records.person(one, HitKind.CONTACT) for one in found]
        mark = _skip_token(reply.json_object().get("@odata.nextLink"))
        times = [one.changed_at for one in told]
        return self._page(told, *walk.after(times, mark, crm=self.name))


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
