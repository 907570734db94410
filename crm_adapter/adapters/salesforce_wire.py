"""Asking Salesforce: SOSL, SOQL, single records, and what its codes mean."""

from __future__ import annotations

import re
from collections.abc import Sequence

from calls.deadlines import Deadline
from crm_adapter.adapter import (
    Conflict,
    CrmError,
    Forbidden,
    HitKind,
    Invalid,
    NotFound,
    RateLimited,
    Unavailable,
)
from crm_adapter.adapters import readings, refusals
from crm_adapter.adapters.readings import Record
from crm_adapter.http.client import CrmHttp
from crm_adapter.http.quoting import quoted
from crm_adapter.http.replies import Reply

#: Duplicate rules that only warn would else refuse what an API writes.
ALLOW = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
#: The daily limit is counted over 24 hours that move on; Salesforce tells no pause.
_LIMIT_PAUSE_S = 60.0
#: Error codes by what they mean; "Status Codes and Error Responses".
_CODES: dict[str, type[CrmError]] = {
    "REQUEST_LIMIT_EXCEEDED": RateLimited,
    "NOT_FOUND": NotFound,
    "ENTITY_IS_DELETED": NotFound,
    "MALFORMED_ID": NotFound,
    "INVALID_ID_FIELD": NotFound,
    "INSUFFICIENT_ACCESS": Forbidden,
    "INSUFFICIENT_ACCESS_OR_READONLY": Forbidden,
    "API_DISABLED_FOR_ORG": Forbidden,
    "DUPLICATE_VALUE": Conflict,
    "UNABLE_TO_LOCK_ROW": Unavailable,
    "SERVER_UNAVAILABLE": Unavailable,
}
_ON_RECORD = re.compile(r"record with id: ([A-Za-z0-9]{15,18})")


class SalesforceWire:
    """One org."""

    def __init__(self, http: CrmHttp) -> None:
        self.http = http

    async def search(self, sosl: str, deadline: Deadline) -> list[Record]:
        reply = await self.http.read("GET", "/search/", deadline=deadline, query={"q": sosl})
        return readings.records(reply, "searchRecords")

    async def query(self, soql: str, deadline: Deadline) -> list[Record]:
        reply = await self.http.read("GET", "/query/", deadline=deadline, query={"q": soql})
        return readings.records(reply, "records")

    async def record(
        self, kind: str, path: str, fields: Sequence[str], deadline: Deadline
    ) -> Record:
        """`path` is an id, or an external id's field and value. Raises NotFound."""
        wanted = ",".join(dict.fromkeys((*fields, "Id")))
        address, query = f"/sobjects/{kind}/{path}", {"fields": wanted}
        reply = await self.http.read("GET", address, deadline=deadline, query=query)
        found = reply.json_object()
        readings.identifier(reply, found.get("Id"))
        return found

    async def describe(self, kind: str, deadline: Deadline) -> Record:
        path = f"/sobjects/{kind}/describe"
        return (await self.http.read("GET", path, deadline=deadline)).json_object()


def object_of(kind: HitKind) -> str:
    return "Lead" if kind is HitKind.LEAD else "Contact"


def classify(reply: Reply, is_write: bool) -> CrmError | None:
    """Errors are a list; their codes say more than the status (a limit is 403)."""
    error = refusals.by_status(reply, is_write)
    if error is None:
        return None
    if reply.status == 300:
        return Invalid("salesforce holds several records with our key: make its field unique")
    if reply.status == 412:
        return Conflict("the record has changed meanwhile")
    try:
        first = (readings.listed(reply.json()) or [{}])[0]
    except CrmError:
        return error
    return _named(error, first)


def _named(error: CrmError, told: Record) -> CrmError:
    kind = _CODES.get(readings.text(told.get("errorCode")))
    said = readings.text(told.get("message"))
    message = f"salesforce: {quoted(said)}"
    if kind is RateLimited:
        return RateLimited(message, after_s=_LIMIT_PAUSE_S)
    if kind is Conflict:
        existing = _ON_RECORD.search(said)
        return Conflict(message, existing=existing[1] if existing else None)
    if kind is not None:
        return kind(message)
    named = told.get("fields")
    if isinstance(error, Invalid) and isinstance(named, list) and named:
        return Invalid(message, field=readings.said(named[0]))
    return error
