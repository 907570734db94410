"""The contact of a record was merged or deleted in the CRM before the record came: it goes to
the one that the CRM itself names, to whoever has the number now, else to nobody, and is never lost
or sent for ever."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from calls.caller import ContactRef
from calls.deadlines import Deadline
from calls.records import CallRecord, NewTask
from crm_adapter import phone_numbers
from crm_adapter.adapter import CrmAdapter, NotFound, Redirected
from crm_adapter.delegating import DelegatingWriter
from crm_adapter.http.redirects import merged_into

log = logging.getLogger(__name__)

_LOOK_UP_S = 10.0

#: A record or a task: what names a contact and a number.
Linked = TypeVar("Linked", CallRecord, NewTask)


class RelinkingWriter(DelegatingWriter):
    """Implements `crm_adapter.adapter.CrmWriter` before a CRM whose contacts come and go. `gone` is
    told of a contact that the CRM no longer has."""

    def __init__(
        self, *, crm: CrmAdapter, region: str, gone: Callable[[ContactRef], Awaitable[None]]
    ) -> None:
        super().__init__(crm)
        self._crm = crm
        self._region = region
        self._gone = gone
        #: Records that went to somebody else, and to nobody.
        self.relinked = 0
        self.unlinked = 0

    async def log_call(self, record: CallRecord, idem: str) -> str:
        return await self._linked(record, idem, self._crm.log_call)

    async def create_task(self, task: NewTask, idem: str) -> str:
        return await self._linked(task, idem, self._crm.create_task)

    async def _linked(
        self, what: Linked, idem: str, write: Callable[[Linked, str], Awaitable[str]]
    ) -> str:
        heir = None
        try:
            return await write(what, idem)
        except NotFound:
            if what.contact is None:
                raise
        except Redirected as error:
            if what.contact is None:
                raise
            kept = merged_into(error, what.contact.id)
            if kept is None:
                raise
            heir = ContactRef(what.contact.crm, kept)
        await self._gone(what.contact)
        if heir is None:
            heir = await self._holder_of(what.number, but=what.contact)
        if heir is None:
            self.unlinked += 1
        else:
            self.relinked += 1
        log.warning(
            "call %s: %s is gone from the CRM; its record goes to %s",
            what.call_id,
            what.contact,
            heir or "nobody",
        )
        try:
            return await write(replace(what, contact=heir), idem)
        except (NotFound, Redirected):
            if heir is None:
                raise
            # A search may lag behind what it searches, and who was merged may be merged again.
            return await write(replace(what, contact=None), idem)

    async def _holder_of(self, number: str | None, *, but: ContactRef) -> ContactRef | None:
        """The one contact that has the number now; nobody where there are several."""
        e164 = phone_numbers.to_e164(number, self._region) if number else None
        if e164 is None:
            return None
        deadline = Deadline.after(_LOOK_UP_S)
        found = await self._crm.find_by_phone(e164, limit=5, deadline=deadline)
        holders = [
            hit.candidate.ref
            for hit in found
            if hit.candidate.ref != but
            and any(phone_numbers.same_number(e164, one, self._region) for one in hit.numbers)
        ]
        return holders[0] if len(holders) == 1 else None
