"""Asks the API what the mapping says, within every limit there is."""

from __future__ import annotations

import asyncio
from typing import Any

from calls.deadlines import Deadline
from crm_adapter.adapter import NotFound
from crm_adapter.http.client import CrmHttp
from crm_adapter.http.replies import Classify, Reply
from crm_adapter.mapped.record_values import Values
from crm_adapter.rest.answers import items_of
from crm_adapter.rest.filling import fill
from crm_adapter.rest.pace import Pace
from crm_adapter.rest.shapes import ListPart, NonePart, RequestPart, RestMapping, Statuses


class Questions:
    """One API, asked by requests of a mapping. `parameters` of the mapping are known to all."""

    def __init__(self, *, http: CrmHttp, mapping: RestMapping, classify: Classify) -> None:
        """`classify` judges answers that were kept from `http`'s own judgement."""
        self._http = http
        self.classify = classify
        self._pace = Pace(mapping.limits.rate, crm=http.crm)
        self._read_s = mapping.limits.timeout_ms / 1000
        self._write_s = mapping.limits.write_timeout_ms / 1000
        self._parameters = dict(mapping.parameters)

    async def read(
        self, part: RequestPart, values: Values, deadline: Deadline, *, accept: Statuses = ()
    ) -> Reply:
        filled = fill(part, {**self._parameters, **values})
        limit = self._limited(deadline, self._read_s)
        await self._pace.take(limit)
        return await self._http.read(
            filled.method,
            filled.path,
            deadline=limit,
            query=filled.query,
            json=filled.json,
            form=filled.form,
            headers=filled.headers,
            accept=accept,
        )

    async def write(self, part: RequestPart, values: Values, *, accept: Statuses = ()) -> Reply:
        filled = fill(part, {**self._parameters, **values})
        await self._pace.take(self.write_deadline())
        return await self._http.write(
            filled.method,
            filled.path,
            query=filled.query,
            json=filled.json,
            form=filled.form,
            headers=filled.headers,
            accept=accept,
        )

    async def answer(
        self, part: RequestPart, none_when: NonePart, values: Values, deadline: Deadline
    ) -> tuple[Any, Reply] | None:
        """What was answered, parsed; None where the API says that it has nothing of the kind."""
        try:
            reply = await self.read(part, values, deadline, accept=none_when.status)
        except NotFound:
            return None
        if reply.status in none_when.status and none_when.when is None:
            return None
        found = reply.json()
        if none_when.when is not None and none_when.when.holds(found):
            return None
        wrong = self.classify(reply, False) if reply.status in none_when.status else None
        if wrong is not None:
            raise wrong
        return found, reply

    async def records(self, part: ListPart, values: Values, deadline: Deadline) -> list[Any]:
        found = await self.answer(part, part.none_when, values, deadline)
        return [] if found is None else items_of(part.items, found[0])

    def write_deadline(self) -> Deadline:
        return Deadline.after(self._write_s)

    def _limited(self, deadline: Deadline, seconds: float) -> Deadline:
        return Deadline(min(deadline.at, asyncio.get_running_loop().time() + seconds))
