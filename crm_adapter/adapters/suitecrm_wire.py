"""Asking SuiteCRM: lists, single records, relationships, and what its sentences mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from calls.deadlines import Deadline
from crm_adapter.adapter import Conflict, CrmError, Forbidden, HitKind, Invalid, NotFound
from crm_adapter.adapters import readings, refusals
from crm_adapter.adapters.readings import Record
from crm_adapter.http.client import CrmHttp, quote
from crm_adapter.http.quoting import quoted
from crm_adapter.http.replies import Reply

MODULE_OF = {HitKind.CONTACT: "Contacts", HitKind.LEAD: "Leads"}


class SuiteWire:
    """One SuiteCRM."""

    def __init__(self, http: CrmHttp) -> None:
        self.http = http

    async def rows(
        self,
        module: str,
        fields: str,
        wanted: Mapping[str, str],
        *,
        limit: int,
        deadline: Deadline,
        page: int = 1,
    ) -> list[Record]:
        query = {f"fields[{module}]": fields, "sort": "date_modified"} | dict(wanted)
        query |= {"page[size]": str(limit), "page[number]": str(page)}
        path = f"/module/{module}"
        reply = await self.http.read("GET", path, deadline=deadline, query=query)
        return readings.records(reply, "data")

    async def record(self, module: str, record_id: str, deadline: Deadline) -> Record:
        """Raises NotFound."""
        path = f"/module/{module}/{quote(record_id)}"
        reply = await self.http.read("GET", path, deadline=deadline)
        data = readings.record(reply.json_object(), "data")
        readings.identifier(reply, data.get("id"))
        return data

    async def related(self, contact: str, link: str, deadline: Deadline) -> list[Record]:
        """All at once: there is no filter for them."""
        path = f"/module/Contacts/{quote(contact)}/relationships/{link}"
        reply = await self.http.read("GET", path, deadline=deadline)
        return readings.records(reply, "data")

    async def unlink(self, call: str, kind: HitKind, contact: str) -> None:
        """Raises NotFound."""
        path = f"/module/Calls/{quote(call)}/relationships/{MODULE_OF[kind].lower()}/"
        await self.http.write("DELETE", f"{path}{quote(contact)}")

    async def change(self, module: str, record_id: str, attributes: Mapping[str, Any]) -> None:
        data = {"type": module, "id": record_id, "attributes": dict(attributes)}
        await self.http.write("PATCH", "/module", json={"data": data})


def classify(reply: Reply, is_write: bool) -> CrmError | None:
    """Api/V8: "... module with id ... is not found", "Bean ... is already exist"."""
    error = refusals.by_status(reply, is_write)
    if error is None or reply.status not in (400, 403):
        return error
    try:
        errors = reply.json_object().get("errors")
    except CrmError:
        return error
    told = readings.text(readings.record(errors).get("detail"))
    message = f"suitecrm: {quoted(told)}"
    if "with id" in told and told.endswith("is not found"):
        return NotFound(message)
    if told.endswith("is already exist"):
        return Conflict(message)
    if "not allowed" in told.lower() or "access" in told.lower():
        return Forbidden(message)
    return Invalid(f"suitecrm answered {reply.status} ({quoted(told)})") if told else error
