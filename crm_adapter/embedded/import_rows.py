"""What a row of each importable file must say. The header tells which kind a file is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from crm_adapter import phone_numbers
from crm_adapter.embedded.tables import DIGITS
from crm_adapter.pins import LONGEST_PIN

#: Other systems' names for our columns.
_ALIASES = {
    "customer_id": "contact_id",
    "date": "at",
    "purchased_at": "at",
    "product_code": "product",
    "phones": "phone",
    "e-mail": "email",
    "emails": "email",
    "mail": "email",
    "email_address": "email",
    "price_currency": "currency",
    "order_number": "number",
}


CURRENCY = r"^[A-Z]{3}$"


def _moment(value: Any) -> Any:
    """ISO 8601, with or without a time; without a zone it is UTC."""
    if not isinstance(value, str):
        return value
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("not a date or time like 2026-03-29 or 2026-03-29T14:30Z") from None
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError("lies outside the years 1 to 9999") from None


Code = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f]+$")]
Text = Annotated[str, StringConstraints(max_length=200)]
Amount = Annotated[Decimal, Field(ge=-(10**11), le=10**11, decimal_places=4)]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z]{2,8})*$")]
#: Leading zeros count.
Digits = Annotated[str, StringConstraints(pattern=rf"^[0-9]{{1,{DIGITS}}}$")]
Pin = Annotated[str, StringConstraints(pattern=rf"^[0-9]{{1,{LONGEST_PIN}}}$")]
Moment = Annotated[datetime, BeforeValidator(_moment)]
Currency = Annotated[str, StringConstraints(pattern=CURRENCY)]


class ImportRow(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")
    #: What a file of this kind holds.
    called: ClassVar[str]
    #: Columns without which a file is not of this kind.
    marks: ClassVar[frozenset[str]]
    #: The column that tells one row from another.
    key: ClassVar[str] = "id"

    @property
    def own_key(self) -> str:
        return str(getattr(self, self.key))


#: Enough to tell an address from a remark; whether mail arrives there only mail can tell.
_EMAIL = re.compile(r"[^@\s,;|<>\"]{1,64}@[^@\s,;|<>\"]+\.[^@\s,;|<>\"]{2,}")
_LONGEST_EMAIL = 254


class ContactRow(ImportRow):
    """`phone` and `email` hold any number of them, separated by `;` or `|`."""

    called: ClassVar[str] = "contacts"
    marks: ClassVar[frozenset[str]] = frozenset({"id", "phone"})
    id: Code
    phone: Text = ""
    first_name: Text = ""
    last_name: Text = ""
    company: Text | None = None
    language: Language | None = None
    url: Text | None = None
    owner: Code | None = None
    customer_number: Digits | None = None
    email: Annotated[str, StringConstraints(max_length=1000)] | None = None

    def emails(self) -> tuple[str, ...]:
        """As written, each once; what is no address is left out."""
        found = {text.casefold(): text for text in self._written_emails() if _is_email(text)}
        return tuple(found.values())

    def has_odd_email(self) -> bool:
        return any(not _is_email(text) for text in self._written_emails())

    def _written_emails(self) -> list[str]:
        return [text.strip() for text in re.split(r"[;|]", self.email or "") if text.strip()]

    def e164_numbers(self, region: str) -> tuple[str, ...]:
        """Raises ValueError where one of the numbers cannot be dialled."""
        found: dict[str, None] = {}
        for place, text in enumerate(filter(None, re.split(r"[;|]", self.phone)), 1):
            number = phone_numbers.to_e164(text, region)
            if number is None:
                raise ValueError(f"number {place} cannot be dialled, read as a number of {region}")
            found[number] = None
        return tuple(found)


def _is_email(text: str) -> bool:
    return len(text) <= _LONGEST_EMAIL and _EMAIL.fullmatch(text) is not None


class ProductRow(ImportRow):
    called: ClassVar[str] = "products"
    marks: ClassVar[frozenset[str]] = frozenset({"code", "name"})
    key: ClassVar[str] = "code"
    code: Code
    name: Text
    category: Annotated[str, StringConstraints(max_length=64)] = ""
    price: Amount | None = None
    currency: Currency | None = None


class PurchaseRow(ImportRow):
    """`amount` is for all pieces together, below zero for what came back."""

    called: ClassVar[str] = "purchases"
    marks: ClassVar[frozenset[str]] = frozenset({"id", "contact_id", "at", "amount"})
    id: Code
    contact_id: Code
    at: Moment
    amount: Amount
    product: Code | None = None
    currency: Currency | None = None
    quantity: Annotated[int, Field(ge=1, le=10**6)] = 1


def _over_on(day: str, values: Any, **over: bool) -> Any:
    """What has its `day` is over, where no other column says so."""
    return over | values if isinstance(values, dict) and values.get(day) else values


class OrderRow(ImportRow):
    """`number` is what callers type for it; without one the digits of the id. `closed_at`: when it
    was delivered or cancelled. `is_paid` of None: the file does not say."""

    called: ClassVar[str] = "orders"
    marks: ClassVar[frozenset[str]] = frozenset({"id", "contact_id", "placed_at", "status"})
    id: Code
    contact_id: Code
    placed_at: Moment
    status: Annotated[str, StringConstraints(min_length=1, max_length=32)]
    product: Code | None = None
    due_on: date | None = None
    is_open: bool = True
    closed_at: Moment | None = None
    is_paid: bool | None = None
    paid_at: Moment | None = None
    number: Digits | None = None

    @model_validator(mode="before")
    @classmethod
    def _paid_when_it_was_paid(cls, values: Any) -> Any:
        return _over_on("paid_at", values, is_paid=True)

    @model_validator(mode="after")
    def _paid_or_not(self) -> Self:
        if self.paid_at is not None and not self.is_paid:
            raise ValueError("paid_at: is_paid says that it is not paid")
        return self


class CaseRow(ImportRow):
    """Open where `is_open` says so, or, without it, where it has no `closed_at`."""

    called: ClassVar[str] = "cases"
    marks: ClassVar[frozenset[str]] = frozenset({"id", "contact_id", "opened_at", "subject"})
    id: Code
    contact_id: Code
    opened_at: Moment
    subject: Annotated[str, StringConstraints(min_length=1, max_length=300)]
    kind: Annotated[str, StringConstraints(min_length=1, max_length=32)] = "question"
    is_open: bool = True
    closed_at: Moment | None = None

    @model_validator(mode="before")
    @classmethod
    def _closed_when_it_was_closed(cls, values: Any) -> Any:
        return _over_on("closed_at", values, is_open=False)

    @model_validator(mode="after")
    def _open_or_closed(self) -> Self:
        if self.is_open and self.closed_at is not None:
            raise ValueError("closed_at: is_open says that it is open")
        return self


class AccountRow(ImportRow):
    """One for each contact. `balance` is below zero for what the contact owes."""

    called: ClassVar[str] = "accounts"
    marks: ClassVar[frozenset[str]] = frozenset({"contact_id", "account_number"})
    key: ClassVar[str] = "contact_id"
    contact_id: Code
    account_number: Digits
    balance: Amount | None = None
    currency: Currency | None = None
    pin: Pin | None = Field(default=None, repr=False)


class AppointmentRow(ImportRow):
    called: ClassVar[str] = "appointments"
    marks: ClassVar[frozenset[str]] = frozenset({"id", "contact_id", "at", "subject"})
    id: Code
    contact_id: Code
    at: Moment
    subject: Annotated[str, StringConstraints(min_length=1, max_length=300)]
    status: Literal["booked", "done", "cancelled"] = "booked"


#: In the order of loading: everything else needs its contact, and many their product.
KINDS: tuple[type[ImportRow], ...] = (
    ContactRow,
    ProductRow,
    PurchaseRow,
    OrderRow,
    CaseRow,
    AccountRow,
    AppointmentRow,
)


def renamed(values: Mapping[str, str]) -> dict[str, str]:
    """Our names; an empty field is one that is not there."""
    return {_ALIASES.get(name, name): value for name, value in values.items() if value}


def kind_of(columns: tuple[str, ...]) -> type[ImportRow] | None:
    """The kind whose columns are all there; the one that asks for most where several fit."""
    names = {_ALIASES.get(name, name) for name in columns}
    fitting = [kind for kind in KINDS if kind.marks <= names]
    return max(fitting, key=lambda kind: len(kind.marks), default=None)


def headers_wanted() -> str:
    """`contacts: id, phone | products: ...`"""
    return " | ".join(f"{kind.called}: {', '.join(_needed(kind))}" for kind in KINDS)


def unused_columns(kind: type[ImportRow], columns: tuple[str, ...]) -> tuple[str, ...]:
    """Those that nothing of this kind is made of, as the file names them."""
    return tuple(name for name in columns if _ALIASES.get(name, name) not in kind.model_fields)


def columns_of(kind: type[ImportRow]) -> str:
    return ", ".join(kind.model_fields)


def _needed(kind: type[ImportRow]) -> list[str]:
    return [name for name in kind.model_fields if name in kind.marks]
