"""Who is calling: the identity outcome and what the CRM knows of the contact."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from calls.money import Money
from calls.segments import Segments


class IdentityOutcome(enum.StrEnum):
    UNIQUE = "unique"
    MULTIPLE = "multiple"
    NONE = "none"
    WITHHELD = "withheld"
    OWN = "own"
    INTERNAL = "internal"
    ERROR = "error"
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class ContactRef:
    """Where a contact lives: the CRM's short name and its own id there."""

    crm: str
    id: str

    def __str__(self) -> str:
        return f"{self.crm}:{self.id}"

    @classmethod
    def parse(cls, text: str) -> ContactRef:
        """The reverse of `str()`. Raises ValueError where no `:` parts the CRM from its id."""
        crm, colon, contact_id = text.partition(":")
        if not (crm and colon and contact_id):
            raise ValueError(f"not a contact: {text!r} (expected CRM:ID)")
        return cls(crm, contact_id)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One contact that a number may belong to; enough for an agent to choose by."""

    ref: ContactRef
    name: str
    company: str | None = None
    url: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Purchase:
    product: str
    product_name: str
    category: str
    at: datetime
    amount: Decimal
    currency: str
    quantity: int = 1


@dataclass(frozen=True, slots=True)
class Order:
    """An order not yet delivered (`open`) or delivered."""

    id: str
    product_name: str
    status: str
    placed_at: datetime
    due_on: date | None
    is_open: bool
    #: What a caller types for it; digits only.
    number: str | None = None


@dataclass(frozen=True, slots=True)
class Appointment:
    """`at` is aware; `subject` says what for, in the contact's language."""

    id: str
    at: datetime
    subject: str


@dataclass(frozen=True, slots=True)
class Case:
    id: str
    subject: str
    #: complaint, question, repair ...
    kind: str
    is_open: bool
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Contact:
    """The CRM's record of a person or company, with the history a call needs (newest first)."""

    ref: ContactRef
    first_name: str
    last_name: str
    company: str | None = None
    language: str | None = None
    url: str | None = None
    owner: str | None = None
    email: str | None = None
    #: At most 20, newest first.
    purchases: tuple[Purchase, ...] = ()
    orders: tuple[Order, ...] = ()
    cases: tuple[Case, ...] = ()
    #: Product codes ever bought.
    owns: frozenset[str] = frozenset()
    #: Of the contact's account with us; what they owe is below zero.
    balance: Money | None = None
    #: Not over yet, the next first.
    appointments: tuple[Appointment, ...] = ()

    @property
    def name(self) -> str:
        """Full name in the order of its script: family name first without a space in Chinese."""
        if any("一" <= letter <= "鿿" for letter in self.last_name):
            return f"{self.last_name}{self.first_name}"
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(frozen=True, slots=True)
class Identity:
    outcome: IdentityOutcome
    #: How it was found: withheld, internal, own, e164, national, typed_key, ...
    method: str
    #: 0 to 1; personal facts are spoken only for `unique` at 0.8 and above.
    confidence: float
    candidates: tuple[Candidate, ...] = ()


SPOKEN_CONFIDENCE_FLOOR = 0.8
#: Of several contacts with one number, what all share may be used; not of those whose numbers only
#: end alike.
SHARED_CONFIDENCE_FLOOR = 0.5


@dataclass(frozen=True, slots=True)
class Caller:
    """The person on this call. `contact` is set only where the identity is unique."""

    #: E.164, or None where withheld, internal or unparsable.
    number: str | None
    identity: Identity
    contact: Contact | None = None
    segments: Segments | None = None
    #: What could not be found out in time, in words for the agent's screen.
    degraded: tuple[str, ...] = field(default=())

    @property
    def is_known(self) -> bool:
        return self.contact is not None

    @property
    def language(self) -> str | None:
        """The contact's; of several, the one they share."""
        return self.contact.language if self.contact else self._shared("language")

    @property
    def company(self) -> str | None:
        """The contact's; of several, the one they share."""
        return self.contact.company if self.contact else self._shared("company")

    def _shared(self, field: str) -> str | None:
        """Of contacts whose numbers only end alike nothing is used."""
        if self.identity.confidence < SHARED_CONFIDENCE_FLOOR:
            return None
        values = {getattr(candidate, field) for candidate in self.identity.candidates}
        return values.pop() if len(values) == 1 else None

    @property
    def may_hear_personal_facts(self) -> bool:
        return (
            self.identity.outcome is IdentityOutcome.UNIQUE
            and self.identity.confidence >= SPOKEN_CONFIDENCE_FLOOR
        )
