"""Asking Pipedrive: its two versions, and what its refusals mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from calls.deadlines import Deadline
from crm_adapter.adapter import CrmError, Invalid, RateLimited, Unavailable
from crm_adapter.adapters import readings, refusals
from crm_adapter.adapters.readings import Record
from crm_adapter.http.client import CrmHttp
from crm_adapter.http.quoting import quoted
from crm_adapter.http.replies import Reply


class PipedriveWire:
    """One company's account."""

    def __init__(self, http: CrmHttp) -> None:
        self.http = http

    async def read(
        self, path: str, deadline: Deadline, query: Mapping[str, str] | None = None
    ) -> Record:
        reply = await self.http.read("GET", path, deadline=deadline, query=dict(query or {}))
        return reply.json_object()

    async def rows(self, path: str, deadline: Deadline, query: Mapping[str, str]) -> list[Record]:
        return data_of(await self.read(path, deadline, query))

    async def items(self, path: str, deadline: Deadline, query: Mapping[str, str]) -> list[Record]:
        """Of a search."""
        found = readings.record(await self.read(path, deadline, query), "data")
        if "items" not in found:
            raise Unavailable("pipedrive answered without items")
        return [readings.record(one, "item") for one in readings.listed(found["items"])]

    async def create(self, path: str, told: Mapping[str, Any]) -> str:
        reply = await self.http.write("POST", path, json=dict(told))
        return readings.identifier(reply, readings.record(reply.json_object(), "data").get("id"))


def data_of(told: Record) -> list[Record]:
    """Pipedrive says null for an empty list."""
    if "data" not in told:
        raise Unavailable("pipedrive answered without data")
    return readings.listed(told["data"])


def next_mark(told: Record) -> str:
    """Version 2: where the next page begins; empty at the end."""
    return readings.text(readings.record(told, "additional_data").get("next_cursor"))


def classify(reply: Reply, is_write: bool) -> CrmError | None:
    """`success` may be false whatever the status; 429 tells the pause in a header of its own."""
    error = refusals.by_status(reply, is_write)
    if isinstance(error, RateLimited):
        reset = reply.headers.get("x-ratelimit-reset", "")
        if error.after_s is None and reset.isascii() and reset.isdecimal():
            error.after_s = min(float(reset), 3600.0)
        return error
    if error is None and reply.body:
        try:
            told = readings.record(reply.json())
        except CrmError:
            return None
        if told.get("success") is False:
            return Invalid(f"pipedrive: {quoted(told.get('error'))}")
    return error
