"""Imported rows of contacts that were merged into others: what they bring goes to the others."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Result, Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_adapter.embedded import tables
from crm_adapter.embedded.import_values import Value
from crm_adapter.embedded.merge_tables import merged_contacts


async def led_on(link: AsyncConnection, kind: str, values: list[Value]) -> list[Value]:
    """Purchases and the like go to the contact that was kept. A contact's own row is left out:
    people have merged it, and the list does not know. So is its account where the kept contact has
    another."""
    key = "id" if kind == "contacts" else "contact_id"
    owners = {value["row"][key] for value in values if key in value["row"]}
    merged = await _merged(link, owners)
    if not merged:
        return values
    if kind == "contacts":
        return [value for value in values if value["row"]["id"] not in merged]
    held = await _held(link, set(merged.values())) if kind == "accounts" else {}
    found = []
    for value in values:
        row = value["row"]
        kept = merged.get(row["contact_id"])
        if kept is None:
            found.append(value)
        elif kind != "accounts":
            found.append(value | {"row": row | {"contact_id": kept}})
        elif kept in held and held[kept].number == row["number"]:
            # The kept contact's PIN counts.
            pin_hash = None if held[kept].pin_hash else row["pin_hash"]
            found.append(value | {"row": row | {"contact_id": kept, "pin_hash": pin_hash}})
    return found


async def _merged(link: AsyncConnection, ids: set[str]) -> dict[str, str]:
    if not ids:
        return {}
    gone = merged_contacts.c
    query = select(gone.id, gone.contact_id).where(gone.id.in_(ids))
    return {row.id: row.contact_id for row in await link.execute(query)}


async def _held(link: AsyncConnection, contact_ids: set[str]) -> dict[str, Row[Any]]:
    account = tables.accounts.c
    query = select(account.contact_id, account.number, account.pin_hash).where(
        account.contact_id.in_(contact_ids)
    )
    held: Result[Any] = await link.execute(query)
    return {row.contact_id: row for row in held}
