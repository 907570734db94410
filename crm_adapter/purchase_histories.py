"""All contacts' purchases, from whichever CRMs are in use, for batch scoring."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence

from calls.caller import ContactRef
from calls.deadlines import Deadline
from calls.ports import ContactPurchases, PurchaseHistories
from crm_adapter.adapter import CrmAdapter, HitKind, NotFound, Unavailable
from crm_adapter.live.index_keeper import PAGE_S
from crm_adapter.live.phone_index import PhoneIndex
from crm_adapter.purchase_lines import line_of, of_lines

log = logging.getLogger(__name__)

#: Contacts are listed so many at once, and so many histories asked for side by side: a nightly job
#: must not crowd out callers.
PAGE, AT_ONCE = 200, 4
#: Of one contact; more would be a shop of its own.
MOST_PURCHASES = 2_000


class AdapterPurchaseHistories:
    """Implements `calls.ports.PurchaseHistories` by one question for each contact. Raises CrmError
    where the CRM fails: half of the contacts would give wrong ranks to all."""

    def __init__(self, *, crm: CrmAdapter, index: PhoneIndex) -> None:
        self._crm = crm
        self._index = index

    async def count(self) -> int:
        """Those in our copy: near enough for a progress bar."""
        return await self._index.count(self._crm.name)

    async def histories(self) -> AsyncIterator[ContactPurchases]:
        able = self._crm.capabilities
        if not (able.changes and able.purchases):
            log.warning("%s tells of no purchases: its contacts get no segments", self._crm.name)
            return
        seen: set[str] = set()
        cursor: str | None = None
        more = True
        while more:
            page = await self._crm.changes(cursor, limit=PAGE, deadline=Deadline.after(PAGE_S))
            if page.more and page.cursor == cursor:
                raise Unavailable(f"{self._crm.name} tells the same contacts again and again")
            cursor, more = page.cursor, page.more
            refs = [
                hit.candidate.ref
                for hit in page.changed
                if hit.kind is not HitKind.LEAD and hit.candidate.ref.id not in seen
            ]
            seen.update(ref.id for ref in refs)
            for start in range(0, len(refs), AT_ONCE):
                some = refs[start : start + AT_ONCE]
                for one in await asyncio.gather(*(self._of(ref) for ref in some)):
                    if one is not None:
                        yield one

    async def _of(self, ref: ContactRef) -> ContactPurchases | None:
        deadline = Deadline.after(PAGE_S)
        try:
            bought = await self._crm.get_purchase_history(
                ref, limit=MOST_PURCHASES, deadline=deadline
            )
        except NotFound:  # deleted since it was listed
            return None
        return of_lines(ref, sorted(map(line_of, bought), key=lambda line: line.at))


class SeveralHistories:
    """Implements `calls.ports.PurchaseHistories`: one CRM after the other."""

    def __init__(self, parts: Sequence[PurchaseHistories]) -> None:
        self._parts = tuple(parts)

    async def count(self) -> int:
        return sum([await part.count() for part in self._parts])

    async def histories(self) -> AsyncIterator[ContactPurchases]:
        for part in self._parts:
            async for one in part.histories():
                yield one
