"""A CRM in memory that answers, stalls and fails as a test says; for what stands before CRMs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from calls.caller import Candidate, Contact, ContactRef, Purchase
from calls.deadlines import Deadline
from crm_adapter.adapter import (
    Capabilities,
    ChangePage,
    KeyField,
    NotFound,
    PhoneHit,
    Unsupported,
)
from tests.fakes.crm_writer import InMemoryCrm


class ScriptedCrm(InMemoryCrm):
    """Implements `crm_adapter.adapter.CrmAdapter`. While `gate` is closed nobody is answered;
    `fault` is raised instead of an answer; `asked_for` are the questions in order."""

    def __init__(self, name: str = "scripted", **capabilities: bool) -> None:
        super().__init__()
        self.name = name
        self.capabilities = Capabilities(
            keys=frozenset(KeyField),
            changes=True,
            **capabilities,  # type: ignore[arg-type]
        )
        self.hits: dict[str, list[PhoneHit]] = {}
        self.contacts: dict[str, Contact] = {}
        self.pages: list[ChangePage] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.fault: Exception | None = None
        #: By what is asked for: a cursor, a number, an id.
        self.fault_for: dict[str, Exception] = {}
        self.asked_for: list[tuple[str, str]] = []
        self.is_open = False

    def add(self, contact_id: str, *numbers: str, **more: str) -> ContactRef:
        """A contact with its history, found by each of its numbers."""
        ref = ContactRef(self.name, contact_id)
        candidate = Candidate(ref, more.get("name", contact_id), more.get("company"))
        for number in numbers:
            self.hits.setdefault(number, []).append(PhoneHit(candidate, numbers))
        self.contacts[contact_id] = Contact(ref, "", candidate.name, company=candidate.company)
        return ref

    async def open(self) -> None:
        self.is_open = True

    async def close(self) -> None:
        self.is_open = False

    async def check(self) -> None:
        await self._answer("check", "")

    async def find_by_phone(
        self, key: str, *, limit: int, deadline: Deadline
    ) -> Sequence[PhoneHit]:
        await self._answer("find_by_phone", key)
        return self.hits.get(key, [])[:limit]

    async def find_by_key(
        self, field: KeyField, digits: str, *, limit: int, deadline: Deadline
    ) -> Sequence[Candidate]:
        await self._answer("find_by_key", digits)
        return []

    async def get(self, ref: ContactRef, *, deadline: Deadline) -> Contact:
        await self._answer("get", ref.id)
        if ref.id not in self.contacts:
            raise NotFound(f"there is no contact {ref}")
        return self.contacts[ref.id]

    async def get_purchase_history(
        self, ref: ContactRef, *, limit: int, deadline: Deadline
    ) -> Sequence[Purchase]:
        await self._answer("get_purchase_history", ref.id)
        return []

    async def changes(self, cursor: str | None, *, limit: int, deadline: Deadline) -> ChangePage:
        """`pages` one after the other; the cursor is the number of the next."""
        await self._answer("changes", cursor or "")
        if not self.capabilities.changes:
            raise Unsupported("tells of no changes")
        at = int(cursor or 0)
        if at >= len(self.pages):
            return ChangePage((), (), str(at), more=False)
        return self.pages[at]

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> Sequence[ContactRef]:
        raise Unsupported("sends no webhooks")

    async def update_fields(
        self, ref: ContactRef, changes: Mapping[str, str], *, expect_version: str | None, idem: str
    ) -> None:
        await self._answer("update_fields", ref.id)

    async def _answer(self, question: str, of: str) -> None:
        self.asked_for.append((question, of))
        await self.gate.wait()
        fault = self.fault_for.get(of, self.fault)
        if fault is not None:
            raise fault
