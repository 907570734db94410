"""What the conformance kit asks again and again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from calls.deadlines import Deadline
from crm_adapter.adapter import CrmAdapter, PhoneHit, Unsupported
from tests.crm_worlds.claims import unclaimed

#: More pages than that, and the cursor goes round in circles.
MOST_PAGES = 100


def soon(seconds: float = 30) -> Deadline:
    return Deadline.after(seconds)


async def denied(able: bool, ask: Callable[[], Awaitable[object]]) -> bool:
    """True where the capabilities deny it; then the adapter has said so too, and the test ends."""
    if not unclaimed(able):
        return False
    with pytest.raises(Unsupported):
        await ask()
    return True


async def hit_of(crm: CrmAdapter, number: str) -> PhoneHit:
    """The only one."""
    [hit] = await crm.find_by_phone(number, limit=5, deadline=soon())
    return hit


async def all_changes(
    crm: CrmAdapter, cursor: str | None, *, limit: int = 50
) -> tuple[list[PhoneHit], str]:
    """Page after page until there is no more; and where to go on then."""
    hits: list[PhoneHit] = []
    for _ in range(MOST_PAGES):
        page = await crm.changes(cursor, limit=limit, deadline=soon())
        assert len(page.changed) <= limit
        hits.extend(page.changed)
        cursor = page.cursor
        if not page.more:
            return hits, cursor
    raise AssertionError("the pages of changes have no end")
