"""One CRM and a side door to what it really holds: what the conformance kit asks of a world."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from calls.caller import ContactRef
from crm_adapter.adapter import CrmAdapter


@dataclass(frozen=True, slots=True)
class LeadRow:
    """A lead as the CRM holds it. `text` is all that people can read of it."""

    id: str
    key: str
    number: str
    text: str
    is_open: bool = True


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call record, or the note that stands for one. `started_at` is when somebody answered, the
    arrival where nobody did."""

    id: str
    key: str
    number: str | None
    text: str
    seconds: int
    started_at: datetime
    ended_at: datetime | None
    contact: str | None


@dataclass(frozen=True, slots=True)
class TaskRow:
    id: str
    key: str
    number: str | None
    text: str
    is_open: bool = True
    #: Midnight (UTC) where the CRM keeps only the day.
    due: datetime | None = None
    #: The agent whose it is, where the CRM knows.
    owner: str | None = None


class CrmWorld(Protocol):
    """`add_...` do what a person at the CRM's own screen does, past the adapter."""

    @property
    def crm(self) -> CrmAdapter: ...

    @property
    def other(self) -> CrmAdapter:
        """The same CRM, asked by another process."""
        ...

    @property
    def secrets(self) -> Sequence[str]:
        """Passwords, keys and tokens that no log may show."""
        ...

    async def server_version(self) -> str:
        """Of the CRM, as it says itself."""
        ...

    async def add_contact(
        self,
        *numbers: str,
        last_name: str = "Caller",
        first_name: str = "",
        company: str | None = None,
        customer_number: str | None = None,
        account_number: str | None = None,
    ) -> ContactRef:
        """Numbers as somebody in Britain types them. The last two are asked for only where the
        capabilities name the key."""
        ...

    async def add_purchase(
        self, contact: ContactRef, *, product: str, at: datetime, amount: Decimal
    ) -> None: ...

    async def add_order(
        self, contact: ContactRef, *, number: str, at: datetime, is_open: bool = True
    ) -> None:
        """`number` is asked for only where the capabilities name ORDER_NUMBER; else any will do."""
        ...

    async def add_case(
        self, contact: ContactRef, *, subject: str, at: datetime, is_open: bool = True
    ) -> None: ...

    async def rename_contact(self, contact: ContactRef, last_name: str) -> None: ...

    async def delete_contact(self, contact: ContactRef) -> None: ...

    async def contact_field(self, contact: ContactRef, field: str) -> str | None:
        """One of `capabilities.updates`, as the CRM holds it."""
        ...

    def webhook(self, contact: ContactRef) -> tuple[Mapping[str, str], bytes]:
        """Headers (lower case) and body that tell of a change, rightly signed. Asked for only where
        the capabilities say so."""
        ...

    async def leads(self) -> Sequence[LeadRow]: ...

    async def calls(self) -> Sequence[CallRow]: ...

    async def tasks(self) -> Sequence[TaskRow]: ...


class HttpCrmWorld(CrmWorld, Protocol):
    """A CRM reached over HTTP; its adapter can be sent through a proxy."""

    @property
    def url(self) -> str:
        """Where the server listens, without a path."""
        ...

    def through(self, url: str) -> CrmAdapter:
        """The same CRM and user by another address; not opened yet."""
        ...


class RightsWorld(CrmWorld, Protocol):
    """A CRM whose user can lose rights."""

    def take_away(self, right: str) -> None:
        """One of `WorldKind.rights`: our user may create no such record any more."""
        ...


@dataclass(frozen=True, slots=True)
class WorldKind:
    """How to come by a world. `opened` is given the values of the fixtures that `needs` names."""

    name: str
    opened: Callable[..., AbstractAsyncContextManager[Any]]
    needs: tuple[str, ...]
    #: real server, vendor models or documentation.
    proven_by: str
    is_http: bool = False
    gaps: Mapping[str, str] = field(default_factory=dict)
    #: `is_open` of leads and tasks is the CRM's own. Otherwise the kit shows neither closing nor
    #: withdrawing.
    tells_open: bool = False
    #: A refused session or token is had anew; False for keys that do not end.
    renews_log_in: bool = False
    #: Of what is written (lead, call, task), the rights that `take_away` can take, and the word by
    #: which `check` must name each.
    rights: Mapping[str, str] = field(default_factory=dict)
    #: Seconds for one test; the first of a run may have to start the server.
    limit_s: float = 120.0
    #: Marks of its tests besides.
    marks: tuple[Any, ...] = ()
