"""The one language every CRM is spoken to in, and what can go wrong there.

CrmError (calls.errors.SwitchboardError)
+-- NotFound          no such record (any more)
+-- Conflict          the CRM holds another record like this one; `existing` names it where known
+-- Invalid           the CRM refuses a value; `field` says which
+-- Forbidden         our user there lacks a right
+-- AuthFailed        wrong or expired credentials; stop asking until somebody mends them
+-- RateLimited       too many questions; `after_s` says how long to be quiet
+-- Unavailable       not reachable, or broken on its side; also calls.errors.Unavailable
|   +-- Timeout       no answer in time to a question that changes nothing; also DeadlineExceeded
+-- AmbiguousWrite    a write was sent and its answer never came: look for the key before resending
+-- Unsupported       this CRM cannot do that

`retryable` on each class tells the outbox whether the same request may succeed later.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from calls import errors
from calls.caller import Candidate, Contact, ContactRef
from calls.deadlines import Deadline
from calls.records import CallRecord, NewLead, NewTask


class KeyField(enum.StrEnum):
    """What a caller may type to say who they are. An order says it of who ordered."""

    CUSTOMER_ID = "customer_id"
    ACCOUNT_NUMBER = "account_number"
    ORDER_NUMBER = "order_number"


class CrmError(errors.SwitchboardError):
    """The CRM's own trouble, as opposed to Asterisk's or ours."""

    retryable: ClassVar[bool] = False


class NotFound(CrmError):
    """The CRM has no such record, or no longer."""


class Conflict(CrmError):
    """The CRM refuses a second record like one it has."""

    def __init__(self, message: str, *, existing: str | None = None) -> None:
        super().__init__(message)
        self.existing = existing


class Invalid(CrmError):
    """The CRM refuses a value."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class Forbidden(CrmError):
    """The CRM's user that we are lacks a right."""


class AuthFailed(CrmError):
    """The CRM does not accept our credentials. Once they are mended the same request works."""

    retryable = True


class RateLimited(CrmError):
    """The CRM wants fewer questions."""

    retryable = True

    def __init__(self, message: str, *, after_s: float | None = None) -> None:
        super().__init__(message)
        self.after_s = after_s


class Unavailable(CrmError, errors.Unavailable):
    """The CRM cannot be used now."""

    retryable = True


class Timeout(Unavailable, errors.DeadlineExceeded):
    """The CRM did not answer a question in time."""


class AmbiguousWrite(CrmError):
    """Nobody knows whether the CRM kept what was sent; it may even have answered 500 after
    committing. Resending with the same `idem` is safe only where the adapter says so."""

    retryable = True


class Unsupported(CrmError):
    """This CRM has nothing of the kind."""


@dataclass(frozen=True, slots=True)
class PhoneHit:
    """A contact the CRM offers for a number. `numbers` are all it holds for the contact, as
    stored: whoever asked compares them again, since CRMs match loosely."""

    candidate: Candidate
    numbers: tuple[str, ...]


class CrmWriter(Protocol):
    """The writing half of a CRM; all that the outbox needs."""

    async def create_lead(self, lead: NewLead, idem: str) -> str:
        """The lead's id in the CRM. The same `idem` again, even at the same time from another
        process, makes no second lead and returns the first one's id."""
        ...

    async def log_call(self, record: CallRecord, idem: str) -> str:
        """The call record's id in the CRM; idempotent by `idem` as `create_lead` is. A later
        record of the same call with another `idem` replaces what was written, never adds."""
        ...

    async def create_task(self, task: NewTask, idem: str) -> str:
        """The id in the CRM of something a person is to do; idempotent by `idem` as `create_lead`
        is."""
        ...


class CrmAdapter(CrmWriter, Protocol):
    """One CRM. Every method may raise any CrmError; none blocks the loop."""

    @property
    def name(self) -> str:
        """The `crm` of every ContactRef from here."""
        ...

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def check(self) -> None:
        """Returns where a call could be served now, raises what is wrong otherwise."""
        ...

    async def find_by_phone(
        self, key: str, *, limit: int, deadline: Deadline
    ) -> Sequence[PhoneHit]:
        """`key` is E.164. Each contact once, in a stable order, at most `limit`; none is an empty
        answer, not an error."""
        ...

    async def find_by_key(
        self, field: KeyField, digits: str, *, limit: int, deadline: Deadline
    ) -> Sequence[Candidate]:
        """Those whose key is exactly `digits`, leading zeros and all; each contact once, in a
        stable order, at most `limit`. Raises Unsupported where the CRM keeps no such key."""
        ...

    async def get(self, ref: ContactRef, *, deadline: Deadline) -> Contact:
        """The contact with its history. Raises NotFound."""
        ...
