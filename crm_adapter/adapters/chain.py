"""Several CRMs as one: callers are looked for in all of them, records are written to the first."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from calls.caller import Candidate, Contact, ContactRef, Purchase
from calls.deadlines import Deadline
from calls.errors import DeadlineExceeded, Misconfigured
from calls.records import CallRecord, NewTask
from crm_adapter.adapter import (
    Capabilities,
    ChangePage,
    CrmAdapter,
    Forbidden,
    Invalid,
    KeyField,
    NotFound,
    PhoneHit,
    Timeout,
    Unsupported,
)
from crm_adapter.delegating import DelegatingWriter

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Of the time for an answer; the rest is for asking more of who was found.
_SHARE = 0.8


class ChainCrm(DelegatingWriter):
    """Implements `crm_adapter.adapter.CrmAdapter`. All are asked at once. Where one of them cannot
    be asked, or is silent for its share of the time, nobody is guessed from the others: it may know
    somebody else by the same number. Our own copy of all of them says who it is then."""

    name = "chain"

    def __init__(self, *, crms: Sequence[CrmAdapter]) -> None:
        """`crms` in the order of their words' weight; the first is written to."""
        if not crms:
            raise Misconfigured("crm.chain names no CRM: list those to ask, the main one first")
        super().__init__(crms[0])
        self._crms = tuple(crms)
        self._by_name = {crm.name: crm for crm in crms}

    @property
    def crms(self) -> tuple[str, ...]:
        """Their names, in order."""
        return tuple(self._by_name)

    @property
    def capabilities(self) -> Capabilities:
        """Reading as any can, writing as the first can."""
        every = [crm.capabilities for crm in self._crms]
        return replace(
            every[0],
            keys=frozenset(key for one in every for key in one.keys),
            purchases=any(one.purchases for one in every),
            orders=any(one.orders for one in every),
            cases=any(one.cases for one in every),
            finds_leads=any(one.finds_leads for one in every),
            changes=any(one.changes for one in every),
            webhooks=any(one.webhooks for one in every),
        )

    async def open(self) -> None:
        for crm in self._crms:
            await crm.open()

    async def close(self) -> None:
        for crm in reversed(self._crms):
            await crm.close()

    async def check(self) -> None:
        checks = [crm.check() for crm in self._crms]
        for wrong in await asyncio.gather(*checks, return_exceptions=True):
            if wrong is not None:
                raise wrong

    async def find_by_phone(
        self, key: str, *, limit: int, deadline: Deadline
    ) -> Sequence[PhoneHit]:
        return await self._everywhere(
            self._crms,
            lambda crm, share: crm.find_by_phone(key, limit=limit, deadline=share),
            limit,
            deadline,
        )

    async def find_by_key(
        self, field: KeyField, digits: str, *, limit: int, deadline: Deadline
    ) -> Sequence[Candidate]:
        able = [crm for crm in self._crms if field in crm.capabilities.keys]
        if not able:
            raise Unsupported(f"no CRM of the chain knows the key {field.value}")
        return await self._everywhere(
            able,
            lambda crm, share: crm.find_by_key(field, digits, limit=limit, deadline=share),
            limit,
            deadline,
        )

    async def get(self, ref: ContactRef, *, deadline: Deadline) -> Contact:
        return await self._of(ref).get(ref, deadline=deadline)

    async def get_purchase_history(
        self, ref: ContactRef, *, limit: int, deadline: Deadline
    ) -> Sequence[Purchase]:
        return await self._of(ref).get_purchase_history(ref, limit=limit, deadline=deadline)

    async def changes(self, cursor: str | None, *, limit: int, deadline: Deadline) -> ChangePage:
        """One CRM after the other; the cursor says how far each one is."""
        cursors, turn = _parsed(cursor)
        able = [crm for crm in self._crms if crm.capabilities.changes]
        if not able:
            raise Unsupported("no CRM of the chain tells of changes")
        crm = able[turn % len(able)]
        page = await crm.changes(cursors.get(crm.name), limit=limit, deadline=deadline)
        cursors[crm.name] = page.cursor
        turn = turn if page.more else (turn + 1) % len(able)
        return replace(
            page,
            cursor=json.dumps({"turn": turn, "of": cursors}, sort_keys=True),
            more=page.more or turn != 0,
        )

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> Sequence[ContactRef]:
        """By whichever CRM's signature it bears."""
        able = [crm for crm in self._crms if crm.capabilities.webhooks]
        if not able:
            raise Unsupported("no CRM of the chain sends webhooks")
        for crm in able:
            try:
                return crm.parse_webhook(headers, body)
            except (Forbidden, Invalid):
                continue
        raise Forbidden("no CRM of the chain has signed this")

    async def update_fields(
        self, ref: ContactRef, changes: Mapping[str, str], *, expect_version: str | None, idem: str
    ) -> None:
        await self._of(ref).update_fields(ref, changes, expect_version=expect_version, idem=idem)

    async def log_call(self, record: CallRecord, idem: str) -> str:
        return await super().log_call(replace(record, contact=self._ours(record.contact)), idem)

    async def create_task(self, task: NewTask, idem: str) -> str:
        return await super().create_task(replace(task, contact=self._ours(task.contact)), idem)

    def _ours(self, contact: ContactRef | None) -> ContactRef | None:
        """The first CRM cannot link what another one holds."""
        return contact if contact is not None and contact.crm == self._crms[0].name else None

    def _of(self, ref: ContactRef) -> CrmAdapter:
        crm = self._by_name.get(ref.crm)
        if crm is None:
            raise NotFound(f"{ref.crm} is not in the chain (any more)")
        return crm

    async def _everywhere(
        self,
        crms: Sequence[CrmAdapter],
        ask: Callable[[CrmAdapter, Deadline], Awaitable[Sequence[T]]],
        limit: int,
        deadline: Deadline,
    ) -> list[T]:
        """Over as soon as one of them fails: without its word those of the others say nothing."""
        share = Deadline.after(deadline.left_s * _SHARE)
        asked = [
            asyncio.create_task(_in_time(crm.name, ask(crm, share), share), name=f"crm:{crm.name}")
            for crm in crms
        ]
        try:
            done, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
        for crm, task in zip(crms, asked, strict=True):
            if task in done and (wrong := task.exception()) is not None:
                log.info("%s could not be asked: %s", crm.name, wrong)
                raise wrong
        return [hit for task in asked for hit in task.result()][:limit]


async def _in_time(crm: str, answer: Awaitable[T], deadline: Deadline) -> T:
    """An adapter keeps its deadline; this holds one that does not to it."""
    try:
        return await deadline.bound(crm, answer)
    except DeadlineExceeded as error:
        raise Timeout(str(error)) from error


def _parsed(cursor: str | None) -> tuple[dict[str, str], int]:
    if cursor is None:
        return {}, 0
    try:
        told = json.loads(cursor)
        return {str(name): str(of) for name, of in told["of"].items()}, int(told["turn"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Invalid("the cursor is not one of ours", field="cursor") from error
