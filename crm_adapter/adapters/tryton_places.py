"""Where in Tryton the notes of a call may be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from calls.caller import ContactRef
from calls.deadlines import Deadline
from crm_adapter.adapter import Forbidden, HitKind, NotFound, PhoneHit
from crm_adapter.adapters import gathering, tryton_records
from crm_adapter.adapters.hosted import QUESTION_S
from crm_adapter.adapters.tryton_leads import TrytonLeads
from crm_adapter.adapters.tryton_rpc import TrytonRpc

#: Who has a number.
Look = Callable[[str], Awaitable[Sequence[PhoneHit]]]


class TrytonPlaces:
    """Resources like `party.party,7`; the last of them, our own company's party, always exists."""

    def __init__(self, *, rpc: TrytonRpc, leads: TrytonLeads, look: Look) -> None:
        self._rpc, self._leads, self._look = rpc, leads, look

    async def of(self, contact: ContactRef | None, line: str) -> list[str]:
        """Where the notes of a call may be, the best one first."""
        deadline = Deadline.after(QUESTION_S)
        house, lead = await gathering.both(
            self._house(deadline), self._leads.with_line(line, deadline)
        )
        places = [house]
        if lead is not None:
            places.insert(0, f"sale.opportunity,{lead}")
        if contact is not None:
            with suppress(NotFound):
                model, record_id = _resource(contact)
                if await self._exists(model, record_id, deadline):
                    places.insert(0, f"{model},{record_id}")
        return list(dict.fromkeys(places))

    async def of_number(self, number: str | None) -> list[str]:
        """The contacts and open leads that have it."""
        hits = await self._look(number) if number else ()
        return [f"{model},{one}" for model, one in (_resource(hit.candidate.ref) for hit in hits)]

    async def _exists(self, model: str, record_id: int, deadline: Deadline) -> bool:
        domain = [["id", "=", record_id]]
        return bool(await self._rpc.rows(model, domain, ["id"], limit=1, deadline=deadline))

    async def _house(self, deadline: Deadline) -> str:
        company = (await self._rpc.company(deadline=deadline))["company"]
        rows = await self._rpc.rows(
            "company.company", [["id", "=", company]], ["party"], limit=1, deadline=deadline
        )
        party = rows[0].get("party") if rows else None
        if not isinstance(party, int):
            raise Forbidden("tryton: our user may not read the company that it works for")
        return f"party.party,{party}"


def _resource(contact: ContactRef) -> tuple[str, int]:
    """Raises NotFound for another CRM's record."""
    kind, record_id = tryton_records.place(contact)
    return "sale.opportunity" if kind is HitKind.LEAD else "party.party", record_id
