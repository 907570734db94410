"""Imported rows of contacts that were merged into others: what they bring goes to the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_adapter.embedded import tables
from crm_adapter.embedded.import_rows import AccountRow, ContactRow, ImportRow


async def led_on(
    link: AsyncConnection, rows: Sequence[ImportRow], merged: Mapping[str, str]
) -> list[ImportRow]:
    """Purchases and the like go to the contact that was kept. A contact's own row is left out:
    people have merged it, and the list does not know. So is its account where the kept contact has
    another."""
    if not merged:
        return list(rows)
    if isinstance(rows[0], ContactRow):
        return [row for row in rows if row.own_key not in merged]
    held: dict[str, str] = {}
    if isinstance(rows[0], AccountRow):
        held = await _held(link, {merged[row.own_key] for row in rows if row.own_key in merged})
    found = []
    for row in rows:
        contact_id = getattr(row, "contact_id", None)
        kept = merged.get(contact_id) if contact_id is not None else None
        if kept is None:
            found.append(row)
        elif not isinstance(row, AccountRow) or held.get(kept) == row.account_number:
            found.append(row.model_copy(update={"contact_id": kept}))
    return found


async def _held(link: AsyncConnection, contact_ids: set[str]) -> dict[str, str]:
    account = tables.accounts.c
    query = select(account.contact_id, account.number).where(account.contact_id.in_(contact_ids))
    return {row.contact_id: row.number for row in await link.execute(query)}
