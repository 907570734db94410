"""Asking EspoCRM: lists with their where clauses, single records, and why it refuses."""

from __future__ import annotations

from collections.abc import Sequence

from calls.deadlines import Deadline
from crm_adapter.adapter import CrmError, HitKind, NotFound, RateLimited
from crm_adapter.adapters import readings, refusals
from crm_adapter.adapters.readings import Record
from crm_adapter.http.client import CrmHttp, quote
from crm_adapter.http.quoting import quoted
from crm_adapter.http.replies import Reply

#: The most records that EspoCRM gives at once.
MOST = 200
Where = Sequence[tuple[str, str]]


class EspoWire:
    """One EspoCRM."""

    def __init__(self, http: CrmHttp) -> None:
        self.http = http

    async def rows(
        self,
        path: str,
        fields: str,
        where: Where,
        *,
        limit: int,
        deadline: Deadline,
        order: tuple[str, str] = ("createdAt", "asc"),
        offset: int = 0,
    ) -> list[Record]:
        page = [("maxSize", str(limit)), ("offset", str(offset))]
        sorting = [("orderBy", order[0]), ("order", order[1])]
        reply = await self.http.read(
            "GET",
            f"/{path}",
            deadline=deadline,
            query=[*where, ("select", fields), *page, *sorting],
            headers={"X-No-Total": "true"},  # spares EspoCRM counting all there are
        )
        return readings.records(reply, "list")

    async def record(self, entity: str, record_id: str, deadline: Deadline) -> Record:
        """Raises NotFound."""
        path = f"/{entity}/{quote(record_id)}"
        reply = await self.http.read("GET", path, deadline=deadline)
        found = reply.json_object()
        readings.identifier(reply, found.get("id"))
        return found


def where(number: int, how: str, attribute: str, value: str) -> list[tuple[str, str]]:
    """One clause of several, all of which must hold."""
    name = f"where[{number}]"
    return [(f"{name}[type]", how), (f"{name}[attribute]", attribute), (f"{name}[value]", value)]


def entity_of(kind: HitKind) -> str:
    return "Lead" if kind is HitKind.LEAD else "Contact"


def classify(reply: Reply, is_write: bool) -> CrmError | None:
    """The reason stands in a header."""
    error = refusals.by_status(reply, is_write)
    if reply.status == 404 and not reply.body.strip():
        error = NotFound(f"espocrm answered {reply.status}")  # its own have no body
    if error is None or isinstance(error, RateLimited):
        return error
    told = quoted(reply.headers.get("x-status-reason"))
    return type(error)(f"{error} {told}".strip()) if told else error
