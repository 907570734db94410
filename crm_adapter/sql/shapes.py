"""The shape of a mapping for a customer database: what may stand in its YAML file.

Keys are a promise to those who wrote mappings: new ones may come, none changes its meaning.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from crm_adapter.adapter import KeyField
from crm_adapter.mapped.parts import Part
from crm_adapter.rest.templates import TextTemplate
from crm_adapter.sql.expressions import SqlColumn, SqlExpression

TableName = Annotated[
    str, StringConstraints(pattern=r"^[^\W\d][\w$ -]*(\.[^\W\d][\w$ -]*)?$", max_length=200)
]
Alias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]
Literal_ = str | int | float | bool | None
Wanted = Literal_ | list[str | int | float | bool]


def _one_or_many(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


Columns = Annotated[
    tuple[SqlColumn, ...], Field(min_length=1, strict=False), BeforeValidator(_one_or_many)
]
#: By column; a `!` behind it means: not. A list means any of them, nothing at all means NULL.
Where = dict[str, Wanted]


class JoinPart(Part):
    """One more table, for columns written as `alias.column`."""

    table: TableName
    alias: Alias = Field(alias="as")
    on: dict[str, str]
    """Column of this table, and the column it equals."""
    where: Where = Field(default_factory=dict)
    """Further conditions on this table's rows."""


class SourcePart(Part):
    """A table or view, with others joined to it."""

    table: TableName
    joins: Annotated[tuple[JoinPart, ...], Field(strict=False)] = ()
    """Rows without a partner stay (LEFT JOIN)."""
    where: Where = Field(default_factory=dict)
    """Only these rows."""


class PhoneIndexPart(Part):
    """How a number is looked up."""

    column: Columns
    mode: Literal["exact_e164", "digits_exact", "spellings", "suffix", "regexp"]
    """exact_e164: holds +442079460018. digits_exact: holds digits only. spellings: holds what
    people typed, compared with the usual spellings. suffix: holds the digits in reverse (a
    generated column), compared by the last ones. regexp: any text; slow."""
    digits: int = Field(9, ge=6, le=12)
    """Of a suffix or a regexp."""


class NumbersPart(Part):
    """Numbers in a table of their own, many for a contact."""

    table: TableName
    contact: SqlColumn
    """Column that holds the contact's id."""
    number: SqlColumn
    where: Where = Field(default_factory=dict)


class PeoplePart(SourcePart):
    """Contacts, or open leads."""

    id: SqlColumn
    name: SqlExpression | None = None
    """The whole name, where there are no parts."""
    first_name: SqlExpression | None = None
    last_name: SqlExpression | None = None
    company: SqlExpression | None = None
    language: SqlExpression | None = None
    owner: SqlExpression | None = None
    """Whose customer it is."""
    balance: SqlExpression | None = None
    """Of the account; what they owe is below zero."""
    balance_decimals: int = Field(0, ge=0, le=9)
    """4 where the column holds whole ten-thousandths."""
    currency: SqlExpression | None = None
    version: SqlColumn | None = None
    """Changes whenever the row does."""
    changed_at: SqlColumn | None = None
    """When the row last changed: lets `changes` be asked for."""
    phones: Annotated[tuple[SqlColumn, ...], Field(strict=False)] = ()
    """All columns that hold a number."""
    numbers: NumbersPart | None = None
    """Instead, or besides: a table of numbers."""
    phone_index: PhoneIndexPart | None = None
    """How they are looked up: `spellings` over all of `phones` where nothing is said. With
    `numbers`, a column of that table."""
    url: TextTemplate | None = None
    """Address of the record for people, with `{id}`."""

    @model_validator(mode="after")
    def _has_parts(self) -> PeoplePart:
        if self.name is None and self.first_name is None and self.last_name is None:
            raise ValueError("'name' is missing, or 'first_name' and 'last_name'")
        if not self.phones and self.numbers is None:
            raise ValueError("'phones' is missing, or 'numbers' for a table of them")
        if self.numbers is not None and self.phone_index is None:
            raise ValueError("'phone_index' is missing: which column of the table of numbers?")
        return self


class KeyPart(SourcePart):
    """A key in another table: an order's number, say."""

    contact: SqlColumn
    """Column that holds the contact's id."""
    column: SqlColumn


class HistoryPart(SourcePart):
    """What contacts bought."""

    contact: SqlColumn
    """Column that holds the contact's id."""
    at: SqlColumn
    amount: SqlColumn
    """Below zero for what came back."""
    amount_decimals: int = Field(0, ge=0, le=9)
    """4 where the column holds whole ten-thousandths."""
    currency: SqlExpression
    """A column, or a text in quotes: 'EUR'."""
    product: SqlExpression | None = None
    """Its code."""
    product_name: SqlExpression | None = None
    category: SqlExpression | None = None
    quantity: SqlExpression | None = None


class OrdersPart(SourcePart):
    """Orders."""

    contact: SqlColumn
    id: SqlExpression
    placed_at: SqlColumn
    is_open: Where
    """Those that are not delivered."""
    number: SqlExpression | None = None
    """What a caller types for it."""
    product_name: SqlExpression | None = None
    status: SqlExpression | None = None
    due_on: SqlColumn | None = None


class CasesPart(SourcePart):
    """Complaints, questions, repairs."""

    contact: SqlColumn
    id: SqlExpression
    subject: SqlExpression
    opened_at: SqlColumn
    is_open: Where
    kind: SqlExpression | None = None


class InsertPart(Part):
    """Writes one row for each key. Values are literals, or `$names`; `$$` is a dollar itself."""

    table: TableName
    insert: dict[str, Literal_]
    """Values by column."""
    unique: SqlColumn
    """Column with a unique index, which holds the key: `$idem`, `$uuid` (the key as a UUID), or
    for calls `$call_id` or `$call_uuid`."""
    id: SqlColumn | None = None
    """Of the row; the primary key where nothing is said."""


class LeadInsertPart(InsertPart):
    """Writes leads."""

    withdraw: dict[str, Literal_] | None = None
    """Values by column that mark a lead as a mistake."""
    confirm: dict[str, Literal_] | None = None
    """Values by column that mark a lead as a real one; `$agent` is who says so."""
    unconfirmed: Where = Field(default_factory=dict)
    """Leads that nobody has confirmed yet: only those are withdrawn."""


class TaskInsertPart(InsertPart):
    """Writes tasks."""

    close: dict[str, Literal_] | None = None
    """Values by column that mark a task as done."""
    is_open: Where = Field(default_factory=dict)
    """Tasks that nobody has done yet: only those are closed."""


class UpdatePart(Part):
    """Which fields of a contact may be changed."""

    allow: dict[str, SqlColumn]
    """Column of the contact's own table, by our name for the field. Everything else is refused."""
    also: dict[str, Literal_] = Field(default_factory=dict)
    """Set with each change: `$now` for a time, `$next` for a version that counts."""


class LimitsPart(Part):
    """What we may cost the database."""

    busy_ms: int = Field(250, ge=0, le=60_000)
    """How long a question waits for a locked SQLite file."""
    write_timeout_ms: int = Field(15_000, ge=10, le=60_000)
    """How long a write may take, the waiting for others' writes included."""


class SqlMapping(Part):
    """Which tables and columns of a database hold what."""

    adapter: Literal["sql"] = "sql"
    contact: PeoplePart
    open_leads: PeoplePart | None = None
    """People who are not customers yet, found by their number too."""
    keys: dict[Annotated[KeyField, Field(strict=False)], SqlColumn | KeyPart] = Field(
        default_factory=dict
    )
    """By what callers type (customer_id, account_number, order_number): a column of the contact,
    or of another table."""
    history: HistoryPart | None = None
    orders: OrdersPart | None = None
    cases: CasesPart | None = None
    lead: LeadInsertPart | None = None
    call: InsertPart | None = None
    task: TaskInsertPart | None = None
    update: UpdatePart | None = None
    limits: LimitsPart = LimitsPart()

    @property
    def writes(self) -> bool:
        return any((self.lead, self.call, self.task, self.update))
