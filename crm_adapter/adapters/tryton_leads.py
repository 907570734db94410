"""Leads in Tryton: opportunities whose `reference` is our key, while no party has them.

Nothing there is unique, so we look first, and again afterwards: of two the first one stays.
"""

from __future__ import annotations

import re
from contextlib import suppress

from calls.deadlines import Deadline
from calls.records import NewLead
from crm_adapter import wording
from crm_adapter.adapter import AmbiguousWrite, Forbidden, Invalid, NotFound
from crm_adapter.adapters import readings, texts, tryton_records
from crm_adapter.adapters.hosted import QUESTION_S
from crm_adapter.adapters.texts import lead_text
from crm_adapter.adapters.tryton_rpc import TrytonRpc
from crm_adapter.adapters.written_once import Turns

_CONFIRMED = "Confirmed by "


class TrytonLeads:
    """The part of `crm_adapter.adapter.CrmWriter` that leads need."""

    def __init__(self, rpc: TrytonRpc) -> None:
        self._rpc = rpc
        self._turns = Turns()

    async def create_lead(self, lead: NewLead, idem: str) -> str:
        async with self._turns.of(idem):
            found = await self._keyed_leads(idem)
            if not found:
                # After an answer that never came a look tells whether it was written.
                with suppress(AmbiguousWrite):
                    await self._create_lead(lead, idem)
                found = await self._keyed_leads(idem)
            if not found:
                raise AmbiguousWrite("tryton does not show a lead that was sent")
            for surplus in found[1:]:
                await self._drop(surplus)
            return str(found[0])

    async def _create_lead(self, lead: NewLead, idem: str) -> None:
        context = await self._rpc.company(deadline=Deadline.after(QUESTION_S))
        values = {
            "reference": idem,
            "description": texts.cleaned(wording.lead_title(lead), 200),
            "comment": lead_text(lead, idem),
        }
        await self._rpc.create("sale.opportunity", values, context)

    async def _keyed_leads(self, idem: str) -> list[int]:
        rows = await self._rpc.rows(
            "sale.opportunity",
            [["reference", "=", idem]],
            ["id"],
            limit=10,
            deadline=Deadline.after(QUESTION_S),
        )
        return [row["id"] for row in rows if isinstance(row.get("id"), int)]

    async def _drop(self, lead: int) -> None:
        """A second one, made by another process at the same instant. Where that process has dropped
        it already, Tryton says that we may not."""
        with suppress(NotFound, Invalid, Forbidden):
            await self._rpc.write("sale.opportunity.cancel", [lead])
            await self._rpc.write("sale.opportunity.delete", [lead])

    async def withdraw_lead(self, lead_id: str, idem: str) -> bool:
        row = await self._settled_lead(lead_id)
        if row is None or _CONFIRMED in readings.text(row.get("comment")):
            return False
        if row.get("state") == "lead":
            await self._rpc.write("sale.opportunity.cancel", [int(lead_id)])
            return True
        return row.get("state") == "cancelled"

    async def confirm_lead(self, lead_id: str, agent: str, idem: str) -> bool:
        row = await self._settled_lead(lead_id)
        if row is None:
            return False
        comment = readings.text(row.get("comment"))
        if _CONFIRMED not in comment:
            told = f"{comment}\n{_CONFIRMED}{texts.cleaned(agent, 80)}"
            await self._rpc.write("sale.opportunity.write", [int(lead_id)], {"comment": told})
        return True

    async def _settled_lead(self, lead_id: str) -> readings.Record | None:
        try:
            return await self.one(lead_id, deadline=Deadline.after(QUESTION_S))
        except NotFound:
            return None

    async def one(self, lead_id: str, *, deadline: Deadline) -> readings.Record:
        """Raises NotFound."""
        if not tryton_records.ID.fullmatch(lead_id):
            raise NotFound("tryton has no such lead")
        rows = await self._rpc.rows(
            "sale.opportunity",
            [["id", "=", int(lead_id)]],
            tryton_records.LEAD_FIELDS,
            limit=1,
            deadline=deadline,
        )
        if not rows:
            raise NotFound("tryton has no such lead")
        return rows[0]

    async def with_line(self, line: str, deadline: Deadline) -> int | None:
        """The lead whose comment holds that line."""
        pattern = re.sub(r"[\\%_]", "_", line)
        rows = await self._rpc.rows(
            "sale.opportunity",
            [["comment", "ilike", f"%{pattern}%"]],
            ["comment"],
            limit=5,
            deadline=deadline,
        )
        for row in rows:
            if line in readings.text(row.get("comment")).splitlines():
                return row["id"] if isinstance(row.get("id"), int) else None
        return None
