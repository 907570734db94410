"""Asking HubSpot: searches, single objects, batches, and what its refusals mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from calls.deadlines import Deadline
from crm_adapter.adapter import Conflict, CrmError, Invalid, RateLimited
from crm_adapter.adapters import readings, refusals
from crm_adapter.adapters.readings import Record
from crm_adapter.http.client import CrmHttp, quote
from crm_adapter.http.replies import Reply

#: Of one request that reads or writes several.
_MOST_IN_BATCH = 100
#: Seconds to be quiet, by the limit that was met; HubSpot sends no Retry-After with some.
_PAUSES = {"TEN_SECONDLY_ROLLING": 10.0, "SECONDLY": 1.0, "DAILY": 3600.0}
_OBJECTS = "/crm/v3/objects"


class HubSpotWire:
    """One account."""

    def __init__(self, http: CrmHttp) -> None:
        self.http = http

    async def search(
        self,
        groups: Sequence[Sequence[Mapping[str, Any]]],
        properties: Sequence[str],
        *,
        limit: int,
        deadline: Deadline,
        order: str = "createdate",
        offset: int = 0,
    ) -> list[Record]:
        """Of contacts. Groups are alternatives; five is the most."""
        body = {
            "filterGroups": [{"filters": list(filters)} for filters in groups],
            "properties": list(properties),
            "sorts": [order],
            "limit": limit,
            "after": str(offset),
        }
        path = f"{_OBJECTS}/contacts/search"
        reply = await self.http.read("POST", path, deadline=deadline, json=body)
        return readings.records(reply, "results")

    async def object(
        self,
        kind: str,
        record_id: str,
        properties: Sequence[str],
        deadline: Deadline,
        **query: str,
    ) -> Record:
        """Raises NotFound."""
        query["properties"] = ",".join(properties)
        path = f"{_OBJECTS}/{kind}/{quote(record_id)}"
        reply = await self.http.read("GET", path, deadline=deadline, query=query)
        found = reply.json_object()
        readings.identifier(reply, found.get("id"))
        return found

    async def associated(
        self, contact: Record, kind: str, properties: Sequence[str], deadline: Deadline
    ) -> list[Record]:
        """What a contact that was read with its associations is linked to: the newest, which have
        the highest ids."""
        linked = readings.listed(readings.record(contact, "associations", kind).get("results"))
        told = (readings.text(one.get("id")) for one in linked)
        ids = sorted({int(one) for one in told if one.isdecimal()})[-_MOST_IN_BATCH:]
        if not ids:
            return []
        body = {
            "properties": list(properties),
            "propertiesWithHistory": [],
            "inputs": [{"id": str(one)} for one in ids],
        }
        path = f"{_OBJECTS}/{kind}/batch/read"
        reply = await self.http.read("POST", path, deadline=deadline, json=body)
        return readings.records(reply, "results")

    async def create(self, kind: str, properties: Mapping[str, str]) -> str:
        body = {"properties": dict(properties), "associations": []}
        reply = await self.http.write("POST", f"{_OBJECTS}/{kind}", json=body)
        return readings.identifier(reply, reply.json_object().get("id"))

    async def upsert(self, kind: str, by: str, key: str, properties: Mapping[str, str]) -> str:
        one = {"id": key, "idProperty": by, "properties": {**properties, by: key}}
        path = f"{_OBJECTS}/{kind}/batch/upsert"
        reply = await self.http.write("POST", path, json={"inputs": [one]})
        written = readings.records(reply, "results")
        return readings.identifier(reply, written[0].get("id") if written else None)

    async def change(self, kind: str, record_id: str, properties: Mapping[str, Any]) -> None:
        path = f"{_OBJECTS}/{kind}/{quote(record_id)}"
        await self.http.write("PATCH", path, json={"properties": dict(properties)})

    async def link(self, kind: str, record_id: str, contact: str) -> None:
        """Twice the same is once there. Raises NotFound."""
        path = f"/crm/v4/objects/{kind}/{quote(record_id)}/associations/default/contacts/"
        await self.http.write("PUT", f"{path}{quote(contact)}")

    async def unlink(self, kind: str, record_id: str, contact: str) -> None:
        """Raises NotFound."""
        path = f"/crm/v4/objects/{kind}/{quote(record_id)}/associations/contacts/{quote(contact)}"
        await self.http.write("DELETE", path)


def classify(reply: Reply, is_write: bool) -> CrmError | None:
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
    existing = readings.text(told.get("message")).rpartition("Existing ID:")[2].strip()
    if isinstance(error, Conflict) and existing.isdecimal():
        return Conflict("hubspot has a record like this one", existing=existing)
    return error
