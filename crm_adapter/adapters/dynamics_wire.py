"""Asking Dataverse: sets, single records by their id or our key, and what its codes mean."""

from __future__ import annotations

from collections.abc import Mapping

from calls.deadlines import Deadline
from crm_adapter.adapter import Conflict, CrmError, HitKind, NotFound
from crm_adapter.adapters import readings, refusals
from crm_adapter.adapters.readings import Record
from crm_adapter.http.client import CrmHttp, quote
from crm_adapter.http.quoting import quoted
from crm_adapter.http.replies import Reply

SET_OF = {HitKind.CONTACT: "contacts", HitKind.LEAD: "leads"}
ENTITY_OF = {HitKind.CONTACT: "contact", HitKind.LEAD: "lead"}
ID_OF = {
    "contacts": "contactid",
    "leads": "leadid",
    "phonecalls": "activityid",
    "tasks": "activityid",
}


class DynamicsWire:
    """One environment; `key` is the column that holds our key."""

    def __init__(self, http: CrmHttp, key: str) -> None:
        self.http, self.key = http, key

    async def rows(self, path: str, query: Mapping[str, str], deadline: Deadline) -> list[Record]:
        reply = await self.http.read("GET", f"/{path}", deadline=deadline, query=query)
        return readings.records(reply, "value")

    async def record(self, path: str, query: Mapping[str, str], deadline: Deadline) -> Record:
        """`path` names one record by its id or our key. Raises NotFound."""
        reply = await self.http.read("GET", f"/{path}", deadline=deadline, query=query)
        found = reply.json_object()
        readings.identifier(reply, found.get(ID_OF[path.partition("(")[0]]))
        return found

    def by_key(self, entity: str, key: str) -> str:
        return f"{entity}({self.key}='{quote(key)}')"


def classify(reply: Reply, is_write: bool) -> CrmError | None:
    error = refusals.by_status(reply, is_write)
    if reply.status == 412:
        return Conflict("the record is there already, or has changed meanwhile")
    if error is None or reply.status not in (400, 403):
        return error
    try:
        told = readings.record(reply.json_object(), "error")
    except CrmError:
        return error
    code = readings.text(told.get("code"))
    message = f"dynamics: {quoted(told.get('message'))}"
    # "Object does not exist": also of what a record is bound to.
    return NotFound(message) if code == "0x80040217" else type(error)(message)
