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
|   +-- Redirected    it sends us elsewhere: another API's address, or a record that was merged
+-- AmbiguousWrite    a write was sent and its answer never came: look for the key before resending
+-- Unsupported       this CRM cannot do that

`retryable` on each class tells the outbox whether the same request may succeed later.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from calls import errors
from calls.caller import Candidate, Contact, ContactRef, Purchase
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


class Redirected(Unavailable):
    """The CRM sends us elsewhere, where nobody goes by itself. `asked` and `to` are the paths."""

    def __init__(self, message: str, *, asked: str, to: str) -> None:
        super().__init__(message)
        self.asked = asked
        self.to = to


class AmbiguousWrite(CrmError):
    """Nobody knows whether the CRM kept what was sent; it may even have answered 500 after
    committing. Resending with the same `idem` is safe only where the adapter says so."""

    retryable = True


class Unsupported(CrmError):
    """This CRM has nothing of the kind."""


class HitKind(enum.StrEnum):
    """What the CRM calls the record. A contact says more than the lead it once was."""

    CONTACT = "contact"
    ACCOUNT = "account"
    LEAD = "lead"


@dataclass(frozen=True, slots=True)
class PhoneHit:
    """A record the CRM offers for a number. `numbers` are all it holds for it, as stored: whoever
    asked compares them again, since CRMs match loosely."""

    candidate: Candidate
    numbers: tuple[str, ...]
    kind: HitKind = HitKind.CONTACT
    #: Whatever the CRM tells changes by: a number, a time, an etag. As `update_fields` takes it.
    version: str | None = None
    #: The CRM's own word for whose customer this is: a login, an e-mail or an id.
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class ChangePage:
    """Some of what changed, oldest change first. `gone` were deleted, where the CRM tells."""

    changed: tuple[PhoneHit, ...]
    gone: tuple[ContactRef, ...]
    #: Where to go on. It is kept and given back after a restart, so it must make sense then.
    cursor: str
    #: More is known already: ask again at once.
    more: bool


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a CRM, as it is set up, can do. The conformance kit holds every adapter to its claims:
    a method behind a False here raises Unsupported."""

    keys: frozenset[KeyField] = frozenset()
    #: `Contact.purchases` and `get_purchase_history`.
    purchases: bool = False
    orders: bool = False
    cases: bool = False
    #: Open leads are found by their number too.
    finds_leads: bool = False
    leads: bool = True
    #: Calls are records of their own; False: a note on the contact or lead.
    calls: bool = True
    tasks: bool = True
    #: How exactly a task's due time is held: `time`, `day`; None: only its text tells it.
    task_due: Literal["time", "day"] | None = None
    #: A task is its agent's there; otherwise only its text may name them.
    task_owners: bool = False
    #: Fields that `update_fields` may change.
    updates: frozenset[str] = frozenset()
    #: `changes` lists contacts, all of them from the cursor None on.
    changes: bool = False
    webhooks: bool = False
    #: The CRM itself refuses a second record with our key. Otherwise we look for the key before
    #: we write, and two processes at the same instant could still write twice.
    unique_keys: bool = False


class CrmWriter(Protocol):
    """The writing half of a CRM; all that the outbox needs."""

    async def create_lead(self, lead: NewLead, idem: str) -> str:
        """The lead's id in the CRM. The same `idem` again, even at the same time from another
        process, makes no second lead and returns the first one's id."""
        ...

    async def log_call(self, record: CallRecord, idem: str) -> str:
        """The call record's id in the CRM; idempotent by `idem` as `create_lead` is. A later
        record of the same call with another `idem` replaces what was written, never adds: the
        first is told as an agent answers (`record.is_live`), with the lowest `record.revision`."""
        ...

    async def create_task(self, task: NewTask, idem: str) -> str:
        """The id in the CRM of something a person is to do; idempotent by `idem` as `create_lead`
        is."""
        ...

    async def close_task(self, task_id: str, idem: str) -> bool:
        """It is done; again changes nothing. False where a person there was faster, or the task is
        gone. Raises Unsupported where tasks cannot be closed from outside."""
        ...

    async def withdraw_lead(self, lead_id: str, idem: str) -> bool:
        """The lead was a mistake: it is marked so, never deleted; again changes nothing. False
        where a person there has confirmed it, or the lead is gone: then it is left as it is.
        Raises Unsupported."""
        ...

    async def confirm_lead(self, lead_id: str, agent: str, idem: str) -> bool:
        """An agent says that the lead is a real one: it is `unverified` no longer. False where it
        is gone. Raises Unsupported."""
        ...


class CrmAdapter(CrmWriter, Protocol):
    """One CRM. Every method may raise any CrmError; none blocks the loop."""

    @property
    def name(self) -> str:
        """The `crm` of every ContactRef from here."""
        ...

    @property
    def capabilities(self) -> Capabilities: ...

    async def open(self) -> None:
        """Asks the CRM nothing: we start while it is away."""
        ...

    async def close(self) -> None: ...

    async def check(self) -> None:
        """Returns where a call could be served now, raises what is wrong otherwise: AuthFailed,
        or Forbidden whose message names the right that our user lacks."""
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

    async def get_purchase_history(
        self, ref: ContactRef, *, limit: int, deadline: Deadline
    ) -> Sequence[Purchase]:
        """Newest first, returns below zero; for batch scoring. Raises NotFound."""
        ...

    async def changes(self, cursor: str | None, *, limit: int, deadline: Deadline) -> ChangePage:
        """Up to about `limit` records that changed since `cursor`; None: every record there is,
        page after page. One may come twice, none is left out."""
        ...

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> Sequence[ContactRef]:
        """Whose record the CRM says has changed; only a hint, since webhooks get lost. Header names
        are lower case. Raises Forbidden for a signature that is missing, wrong or stale, Invalid
        for what cannot be read."""
        ...

    async def update_fields(
        self, ref: ContactRef, changes: Mapping[str, str], *, expect_version: str | None, idem: str
    ) -> None:
        """Changes only fields of `capabilities.updates`. Raises Conflict where the record has
        another version by now than `expect_version` (None: whatever it has)."""
        ...
