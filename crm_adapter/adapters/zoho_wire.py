"""Asking Zoho: COQL, single records, related ones, and what its codes mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from calls.deadlines import Deadline
from crm_adapter.adapter import (
    AuthFailed,
    Conflict,
    CrmError,
    Forbidden,
    HitKind,
    Invalid,
    NotFound,
    RateLimited,
)
from crm_adapter.adapters import readings, refusals
from crm_adapter.adapters.readings import Record
from crm_adapter.http.client import CrmHttp, quote
from crm_adapter.http.quoting import quoted
from crm_adapter.http.replies import Reply

MODULE_OF = {HitKind.CONTACT: "Contacts", HitKind.LEAD: "Leads"}
#: The most that COQL gives at once (more costs more credits).
MOST = 200
_LIMIT_PAUSE_S = 60.0
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


class ZohoWire:
    """One Zoho account."""

    def __init__(self, http: CrmHttp) -> None:
        self.http = http

    async def coql(self, query: str, deadline: Deadline) -> list[Record]:
        body = {"select_query": query}
        return data(await self.http.read("POST", "/coql", deadline=deadline, json=body))

    async def record(self, module: str, record_id: str, deadline: Deadline) -> Record:
        """Raises NotFound, for an empty answer as well."""
        path = f"/{module}/{quote(record_id)}"
        reply = await self.http.read("GET", path, deadline=deadline)
        found = data(reply)
        if not found:
            raise NotFound("zoho has no such record")
        readings.identifier(reply, found[0].get("id"))
        return found[0]

    async def related(
        self, contact: str, name: str, fields: str, deadline: Deadline
    ) -> list[Record]:
        query = {"fields": fields, "per_page": str(MOST)}
        path = f"/Contacts/{quote(contact)}/{name}"
        return data(await self.http.read("GET", path, deadline=deadline, query=query))

    async def module(self, module: str, deadline: Deadline) -> Record:
        """What Zoho says of the module itself."""
        path = f"/settings/modules/{module}"
        reply = await self.http.read("GET", path, deadline=deadline)
        found = readings.records(reply, "modules")
        return found[0] if found else {}

    async def put(
        self,
        module: str,
        record_id: str,
        told: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
    ) -> None:
        path, body = f"/{module}/{quote(record_id)}", {"data": [dict(told)]}
        await self.http.write("PUT", path, json=body, headers=headers)


def data(reply: Reply) -> list[Record]:
    return [] if reply.status == 204 else readings.records(reply, "data")


def classify(reply: Reply, is_write: bool) -> CrmError | None:
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
    return _named(error, told)


def _named(error: CrmError | None, told: Record) -> CrmError | None:
    code = readings.text(told.get("code"))
    details = readings.record(told, "details")
    message = f"zoho: {quoted(code, 80)} {quoted(told.get('message'))}".strip()
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
