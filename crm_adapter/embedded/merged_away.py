"""The contact that a merged-away one is now."""

from __future__ import annotations

from typing import Any

from sqlalchemy import String, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_adapter.embedded.merge_tables import merged_contacts

# Made once: building a statement costs more than running it.
_KEPT = select(merged_contacts.c.contact_id).where(
    merged_contacts.c.id == bindparam("gone", type_=String)
)


async def kept_for(link: AsyncConnection, contact_id: str) -> str | None:
    """None for a contact that was not merged into another."""
    if "\0" in contact_id:
        # PostgreSQL refuses to be asked.
        return None
    found: str | None = await link.scalar(_KEPT, {"gone": contact_id})
    return found


async def led_on(link: AsyncConnection, row: dict[str, Any]) -> dict[str, Any]:
    """A row to be written, with the contact that its `contact_id` is now."""
    contact_id = row.get("contact_id")
    if contact_id is None:
        return row
    kept = await kept_for(link, contact_id)
    return row if kept is None else row | {"contact_id": kept}
