"""Writes a record once for each key: looked for first, and again after a refusal."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import Any

from crm_adapter.adapter import (
    AmbiguousWrite,
    Conflict,
    Invalid,
    NotFound,
    Unavailable,
    Unsupported,
)
from crm_adapter.http.replies import Reply
from crm_adapter.mapped.reading import record_id
from crm_adapter.mapped.record_values import Values
from crm_adapter.rest.questions import Questions
from crm_adapter.rest.readings import Reading
from crm_adapter.rest.shapes import (
    ConflictPart,
    FindPart,
    SimplePart,
    StepPart,
    WritePart,
)

#: Waits between tries of an upsert that collided with another.
_COLLISIONS_S = (0.05, 0.1, 0.2, 0.4, 0.8)


class Writes:
    def __init__(self, *, questions: Questions) -> None:
        self._questions = questions

    async def once(self, part: WritePart, values: Values) -> str:
        """The record's id. What is left of an earlier one is removed also where ours was written in
        a try that nobody answered."""
        # In this order: what another process writes between the two looks is not taken for earlier.
        earlier = await self._find(part.find_earlier, values)
        found = await self._find(part.find_by_key, values)
        if found is not None and (part.find_earlier is not None or part.replace is None):
            await self._replaced_by(found, earlier, part, values)
            return found
        rewritten = found or earlier
        if rewritten is not None and part.replace is not None:
            await self._questions.write(part.replace, {**values, "id": rewritten})
            return rewritten
        created = await self._create(part, dict(values))
        await self._replaced_by(created, earlier, part, values)
        return await self._first(part, values, created)

    async def _replaced_by(
        self, written: str, earlier: str | None, part: WritePart, values: Values
    ) -> None:
        if earlier is not None and earlier != written:
            await self._removed(part, {**values, "id": earlier})

    async def _first(self, part: WritePart, values: Values, created: str) -> str:
        """The one that stays of those written at the same moment under one key."""
        if not part.look_again:
            return created
        first = await self._find(part.find_by_key, values)
        if first is None or first == created:
            return created
        await self._removed(part, {**values, "id": created})
        return first

    async def _removed(self, part: WritePart, values: Values) -> None:
        with suppress(NotFound):
            for request in part.remove:
                await self._questions.write(request, values)

    async def simple(self, part: SimplePart | None, values: Values, what: str) -> bool:
        """False where the record is gone, or may not be changed any more."""
        if part is None:
            raise Unsupported(f"the mapping does not say how to {what}")
        try:
            if part.guard is not None:
                deadline = self._questions.write_deadline()
                looked = (await self._questions.read(part.guard, values, deadline)).json()
                if part.guard.done is not None and part.guard.done.holds(looked):
                    return True
                if not part.guard.when.holds(looked):
                    return False
            reply = await self._questions.write(part, values)
        except NotFound:
            return False
        return part.ok_when is None or part.ok_when.holds(_parsed(reply))

    async def _create(self, part: WritePart, values: dict[str, Any]) -> str:
        for step in part.before:
            values[step.name] = await self._step(step, values)
        reply, answer = await self._sent(part, values)
        if self.is_conflict(part.conflict, reply, answer):
            return await self._existing(part, values, answer)
        if part.ok_when is not None and not part.ok_when.holds(answer):
            raise Invalid("the CRM refused the record (ok_when of the mapping)")
        return _id(part.id, answer)

    async def _sent(self, part: WritePart, values: Values) -> tuple[Reply, Any]:
        for wait_s in _COLLISIONS_S if part.conflict.again else ():
            reply = await self._questions.write(part.request, values, accept=part.conflict.status)
            answer = _parsed(reply)
            if not self.is_conflict(part.conflict, reply, answer):
                return reply, answer
            # Not all at the same moment again.
            await asyncio.sleep(wait_s * (1 + random.random()))
        reply = await self._questions.write(part.request, values, accept=part.conflict.status)
        return reply, _parsed(reply)

    def is_conflict(self, part: ConflictPart, reply: Reply, answer: Any) -> bool:
        """Raises what else is wrong with an answer of such a status."""
        if reply.status not in part.status:
            return False
        if part.when is None or part.when.holds(answer):
            return True
        wrong = self._questions.classify(reply, True)
        if wrong is not None:
            raise wrong
        return False

    async def _existing(self, part: WritePart, values: Values, answer: Any) -> str:
        """Somebody was faster: another process of ours, or ourselves in an earlier life."""
        reading = part.conflict.existing_id
        found = None if reading is None else record_id(reading.part(answer))
        if found is None:
            found = await self._find(part.find_by_key, values)
        if found is None:
            raise Conflict("the CRM refuses a second record like one it has")
        return found

    async def _find(self, part: FindPart | None, values: Values) -> str | None:
        if part is None:
            return None
        records = await self._questions.records(part, values, self._questions.write_deadline())
        return None if not records else _id(part.id, records[0])

    async def _step(self, step: StepPart, values: Values) -> Any:
        if step.when_missing is not None and values.get(step.when_missing) is not None:
            return values[step.when_missing]
        found = await self._find(step.find, values)
        if found is not None:
            return found
        if step.request is None:
            raise Invalid(f"the CRM has nothing for '{step.name}' (before, in the mapping)")
        return _id(step.id, _parsed(await self._questions.write(step.request, values)))


def _parsed(reply: Reply) -> Any:
    try:
        return reply.json()
    except Unavailable as error:
        raise AmbiguousWrite(str(error)) from error


def _id(reading: Reading, answer: Any) -> str:
    found = record_id(reading.part(answer))
    if found is None:
        # It was written, so this is no reason to write it again.
        raise Invalid(f"the answer to a write holds no id at {reading.expression[:100]!r}")
    return found
