"""What CRMs that are somebody else's application have in common: no matter what they hold."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import ClassVar, TypeVar

from calls.caller import Candidate, ContactRef
from calls.deadlines import Deadline
from crm_adapter.adapter import (
    Capabilities,
    CrmError,
    HitKind,
    Invalid,
    KeyField,
    NotFound,
    Unsupported,
)
from crm_adapter.adapters.people import LEAD
from crm_adapter.http.client import CrmHttp
from crm_adapter.http.traces import Trace

log = logging.getLogger(__name__)

#: Of what a contact bought, ordered or complained about.
MOST_HISTORY = 20
#: Of a page of changes, where whole records are large; and the most that its answer may weigh.
BULK_PAGE, BULK_BYTES = 100, 2 * 1024 * 1024
#: A question on the way to a write.
QUESTION_S = 5.0

#: All that hosted CRMs have for ids; anything else is nobody's, and stays out of addresses.
_ID = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)

T = TypeVar("T")


def utc_now() -> datetime:
    return datetime.now(UTC)


def kind_and_id(crm: str, ref: ContactRef) -> tuple[HitKind, str]:
    """Raises NotFound for another CRM's record."""
    record_id = ref.id.removeprefix(LEAD)
    if ref.crm != crm or not _ID.fullmatch(record_id):
        raise NotFound(f"there is no contact {ref}")
    return (HitKind.LEAD if ref.id.startswith(LEAD) else HitKind.CONTACT), record_id


class HostedCrm:
    """The parts of `crm_adapter.adapter.CrmAdapter` that are alike for all of them."""

    name: ClassVar[str]
    capabilities: Capabilities
    #: Our name of a field that may be changed: the CRM's own.
    fields: ClassVar[Mapping[str, str]] = {}
    #: After `check`: what it could not find out.
    warnings: Sequence[str] = ()

    def __init__(self, *, http: CrmHttp, now: Callable[[], datetime] = utc_now) -> None:
        self._http = http
        self._now = now

    def set_trace(self, trace: Trace | None) -> None:
        self._http.set_trace(trace)

    async def open(self) -> None:
        await self._http.open()

    async def close(self) -> None:
        await self._http.close()

    async def find_by_key(
        self, field: KeyField, digits: str, *, limit: int, deadline: Deadline
    ) -> Sequence[Candidate]:
        raise Unsupported(f"{self.name} keeps no {field.value.replace('_', ' ')} that we know of")

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> Sequence[ContactRef]:
        raise Unsupported(f"{self.name} sends no webhooks that can be trusted: changes are polled")

    def _ref(self, record_id: str, kind: HitKind = HitKind.CONTACT) -> ContactRef:
        return ContactRef(self.name, f"{LEAD}{record_id}" if kind is HitKind.LEAD else record_id)

    def _kind_and_id(self, ref: ContactRef) -> tuple[HitKind, str]:
        """Raises NotFound for another CRM's record."""
        return kind_and_id(self.name, ref)

    def _renamed(self, changes: Mapping[str, str]) -> dict[str, str]:
        """`changes` in the CRM's own words. Raises Invalid for a field that is not ours to
        change."""
        for field in changes:
            if field not in self.fields:
                raise Invalid(f"{field} cannot be changed in {self.name}", field=field)
        return {self.fields[field]: value for field, value in changes.items()}

    async def _spared(self, what: str, answer: Awaitable[Sequence[T]]) -> tuple[T, ...]:
        """Nothing where that part of the history cannot be had: the caller is known all the
        same."""
        try:
            return tuple(await answer)
        except CrmError as error:
            log.debug("%s: no %s (%s)", self.name, what, type(error).__name__)
            return ()
