"""Writing to a hosted CRM: each record once, and its status only onwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from calls.caller import ContactRef
from calls.records import CallRecord
from crm_adapter.adapter import HitKind, Invalid, NotFound
from crm_adapter.adapters import texts
from crm_adapter.adapters.hosted import kind_and_id
from crm_adapter.adapters.written_once import Turns, written_once


@dataclass(frozen=True, slots=True)
class Step:
    """From one status of a kind of record to another; all in the CRM's own words."""

    kind: str
    field: str
    before: str
    after: str


class HostedWrites:
    """The parts of `crm_adapter.adapter.CrmWriter` that are alike where a record is found by our
    key and its status stands in one field."""

    crm: ClassVar[str]
    closing: ClassVar[Step]
    withdrawing: ClassVar[Step]
    confirming: ClassVar[Step]

    def __init__(self, key: str) -> None:
        """`key`: the field that holds our key."""
        self._key = key
        self._turns = Turns()

    async def log_call(self, record: CallRecord, idem: str) -> str:
        try:
            return await self._logged(record, idem, record.contact)
        except (Invalid, NotFound):
            if record.contact is None:
                raise
            # The contact was deleted meanwhile.
            return await self._logged(record, idem, None)

    async def close_task(self, task_id: str, idem: str) -> bool:
        return await self._step(self.closing, task_id)

    async def withdraw_lead(self, lead_id: str, idem: str) -> bool:
        return await self._step(self.withdrawing, lead_id)

    async def confirm_lead(self, lead_id: str, agent: str, idem: str) -> bool:
        return await self._step(self.confirming, lead_id)

    async def _step(self, step: Step, record_id: str) -> bool:
        """Where no person was faster."""
        try:
            status = await self._status(step, record_id)
            if status == step.before:
                await self._change(step.kind, record_id, {step.field: step.after})
        except NotFound:
            return False
        return status in (step.before, step.after)

    async def _once(self, kind: str, key: str, told: Mapping[str, Any]) -> tuple[str, bool]:
        """The record's id, and whether it was there before; then it stays as it is."""
        async with self._turns.of(key):
            return await written_once(
                find=lambda: self._find(kind, key), create=lambda: self._create(kind, key, told)
            )

    def _place(self, contact: ContactRef | None) -> tuple[HitKind, str] | None:
        """None for nobody, and for somebody of another CRM."""
        if contact is None or contact.crm != self.crm:
            return None
        return kind_and_id(self.crm, contact)

    def _left(self, kept: Any, contact: tuple[HitKind, str] | None) -> tuple[HitKind, str] | None:
        """Whom the call was linked to by the description that the CRM has, where `contact` is
        somebody else: an agent chose anew. What people linked there themselves is theirs."""
        try:
            before = self._place(texts.told_contact(kept))
        except NotFound:
            return None
        return None if before == contact else before

    async def _logged(self, record: CallRecord, idem: str, contact: ContactRef | None) -> str:
        """The call's record as `record` tells it, linked to `contact`."""
        raise NotImplementedError

    async def _find(self, kind: str, key: str) -> str | None:
        """The id of the record with our key."""
        raise NotImplementedError

    async def _create(self, kind: str, key: str, told: Mapping[str, Any]) -> str:
        raise NotImplementedError

    async def _status(self, step: Step, record_id: str) -> str:
        """Raises NotFound."""
        raise NotImplementedError

    async def _change(self, kind: str, record_id: str, told: Mapping[str, Any]) -> None:
        """Raises NotFound."""
        raise NotImplementedError
