"""The shape of a mapping for a REST CRM: what may stand in its YAML file.

Keys are a promise to those who wrote mappings: new ones may come, none changes its meaning.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from crm_adapter.adapter import HitKind, KeyField
from crm_adapter.mapped.parts import Part, one_or_many
from crm_adapter.rest.readings import JmesPath, Reading
from crm_adapter.rest.templates import JsonTree, ParameterTemplate, TextTemplate

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Form = Annotated[
    str,
    StringConstraints(
        pattern=r"^(e164|digits|zeros|national|national_digits|international|last([6-9]|1[0-2]))$"
    ),
]
Kind = Annotated[HitKind, Field(strict=False)]
Statuses = Annotated[tuple[Annotated[int, Field(ge=200, le=599)], ...], Field(strict=False)]
Written = Literal["create_lead", "log_call", "create_task", "update"]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,80}$")]
StepName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Secret = Annotated[str, StringConstraints(min_length=1, max_length=4000)]


class RequestPart(Part):
    """One request. Values are put in for `{name}`; `{name?}` leaves the key out where nothing is
    known."""

    method: Method = "GET"
    path: TextTemplate
    """Below `base_url`, with a slash first; no query."""
    query: dict[str, ParameterTemplate] = Field(default_factory=dict)
    """Parameters: texts, lists (repeated), `{json: ...}` or `{base64_json: ...}`."""
    headers: dict[HeaderName, TextTemplate] = Field(default_factory=dict)
    body: JsonTree | None = Field(None, alias="json")
    """The body as JSON, of any shape."""
    form: dict[str, ParameterTemplate] | None = None
    """The body as a form, where the API wants one instead of JSON."""

    @model_validator(mode="after")
    def _sound(self) -> RequestPart:
        path = self.path.source
        if not path.startswith("/") or path.startswith("//"):
            raise ValueError("'path' begins with one slash and goes on below base_url")
        if "?" in path.replace("?}", "}") or "#" in path:
            raise ValueError("'path' holds no query; its parameters go under 'query'")
        if "/../" in f"{path}/" or "/./" in f"{path}/" or any(sign <= " " for sign in path):
            raise ValueError("'path' holds a part that leads elsewhere, or a blank")
        if self.body is not None and self.form is not None:
            raise ValueError("a request has a body as 'json' or as 'form', not both")
        return self


class NonePart(Part):
    """How the API says that it has nothing of the kind."""

    status: Statuses = (404,)
    """HTTP statuses."""
    when: JmesPath | None = None
    """JMESPath over the answer; true where there is nothing."""


class ListPart(RequestPart):
    """A request that answers records."""

    items: JmesPath = Reading("@")
    """JMESPath to the list of records."""
    none_when: NonePart = NonePart()


class ContactMap(Part):
    """JMESPath for each part of one record."""

    id: JmesPath
    name: JmesPath | None = None
    """The whole name, where the API has no parts."""
    first_name: JmesPath | None = None
    last_name: JmesPath | None = None
    company: JmesPath | None = None
    phones: JmesPath | None = None
    """All numbers of the record, as stored: a text or a list."""
    language: JmesPath | None = None
    owner: JmesPath | None = None
    """Whose customer it is: a login, an e-mail or an id."""
    version: JmesPath | None = None
    """What the API tells changes by."""
    url: JmesPath | None = None
    """Address of the record in the CRM, where the answer holds it."""
    balance: JmesPath | None = None
    """Of the account; what they owe is below zero."""
    currency: JmesPath | None = None


class LookupPart(ListPart):
    """One question for a number. Asked once for each spelling that uses `{phone}`."""

    kind: Kind = HitKind.CONTACT
    """contact, account or lead. Ids of the latter two carry it: lead:12."""
    type: str | None = None
    """What the API calls the kind; `{contact_type}` gives it to other requests."""
    forms: Annotated[tuple[Form, ...], Field(min_length=1, strict=False)] | None = None
    """Spellings for this question; `phone.forms` where none are given."""
    map: ContactMap
    url: TextTemplate | None = None
    """Address of the record for people, with `{id}`."""


class KeyLookupPart(ListPart):
    """A question for a key that callers type, with `{digits}`."""

    map: ContactMap | None = None
    """That of the look-up for contacts where none is given."""


class GetPart(RequestPart):
    """One record by its `{id}`. Without one for a kind, what a look-up found is remembered."""

    kind: Kind = HitKind.CONTACT
    item: JmesPath = Reading("@")
    """JMESPath to the record."""
    none_when: NonePart = NonePart()
    map: ContactMap | None = None
    """That of the look-up of the kind where none is given."""


class HistoryMap(Part):
    """One purchase."""

    at: JmesPath
    """When: ISO 8601, seconds since 1970, or an object with year, month and day."""
    amount: JmesPath
    """Below zero for what came back."""
    currency: JmesPath
    product: JmesPath | None = None
    """Its code."""
    product_name: JmesPath | None = None
    category: JmesPath | None = None
    quantity: JmesPath | None = None


class OrderMap(Part):
    """One order."""

    id: JmesPath
    placed_at: JmesPath
    is_open: JmesPath
    """True while it is not delivered."""
    number: JmesPath | None = None
    """What a caller types for it."""
    product_name: JmesPath | None = None
    status: JmesPath | None = None
    due_on: JmesPath | None = None


class CaseMap(Part):
    """One complaint, question or repair."""

    id: JmesPath
    subject: JmesPath
    opened_at: JmesPath
    is_open: JmesPath
    kind: JmesPath | None = None


class HistoryPart(ListPart):
    """What the contact `{id}` bought, newest first."""

    map: HistoryMap


class OrdersPart(ListPart):
    """Orders of the contact `{id}`."""

    map: OrderMap


class CasesPart(ListPart):
    """Cases of the contact `{id}`."""

    map: CaseMap


class FindPart(ListPart):
    """Looks for a record written earlier."""

    id: JmesPath = Reading("id")
    """JMESPath within the first of `items`."""


class ConflictPart(Part):
    """How the API refuses a second record like one it has."""

    status: Statuses = (409,)
    when: JmesPath | None = None
    """JMESPath over the answer; must be true besides the status."""
    existing_id: JmesPath | None = None
    """JMESPath to the id of the record that is there."""
    again: bool = False
    """For an upsert that two processes sent at once: sent again it finds the other's record."""


class StepPart(Part):
    """Something that is made first: a person for a lead, say."""

    name: StepName
    """Its id is `{name}` afterwards."""
    find: FindPart | None = None
    request: RequestPart | None = None
    """Makes it, where `find` found none."""
    id: JmesPath = Reading("id")
    when_missing: StepName | None = None
    """Done only where this value is not known: contact_id, say."""


class WritePart(Part):
    """Writes one record, once for each key."""

    find_by_key: FindPart | None = None
    """Looks first whether the record is there, by `{idem}`; for calls that are rewritten by
    `{call_id}`."""
    find_earlier: FindPart | None = None
    """For calls, which are written more than once: looks for what an earlier `{idem}` wrote of the
    same `{call_id}`, to `replace` or `remove` it."""
    before: Annotated[tuple[StepPart, ...], Field(strict=False)] = ()
    request: RequestPart
    id: JmesPath = Reading("id")
    """JMESPath to the new record's id in the answer."""
    ok_when: JmesPath | None = None
    """Where false, this write was refused, whatever `errors` says."""
    replace: RequestPart | None = None
    """Rewrites the record `{id}` that `find_earlier` found; where there is none, the one that
    `find_by_key` did."""
    remove: Annotated[
        tuple[RequestPart, ...], Field(strict=False), BeforeValidator(one_or_many)
    ] = ()
    """Deletes the record `{id}` that `find_earlier` found, once the new one is written: for APIs
    that let none be changed. One request, or several in their order."""
    look_again: bool = False
    """True: once a record is written, `find_by_key` looks again; where it finds an earlier one,
    ours is deleted by `remove`. For APIs that refuse no second record with our key; `find_by_key`
    must then tell the oldest first."""
    conflict: ConflictPart = ConflictPart()
    idempotent: bool = False
    """True where the API itself keeps one record for each key (a unique field, an upsert)."""


class UpdatePart(RequestPart):
    """Changes fields of the contact `{id}`; `{changes}` is the object of them."""

    method: Method = "PATCH"
    allow: dict[str, str]
    """Fields that may be changed, by our name; the API's name behind it."""
    conflict: ConflictPart = ConflictPart(status=(409, 412))


class GuardPart(RequestPart):
    """Looks at the record `{id}` before something is done to it."""

    when: JmesPath
    """JMESPath over the answer: true where it may be done."""
    done: JmesPath | None = None
    """True where it is done already."""


class SimplePart(RequestPart):
    """A request about the record `{id}`."""

    method: Method = "POST"
    guard: GuardPart | None = None
    """Asked first."""
    ok_when: JmesPath | None = None
    """JMESPath over the answer; where false, the record was left as it is."""


class ChangesPart(ListPart):
    """Records changed at or after `{since}`, in the order of their ids: those after `{after_id}`,
    or from `{offset}` on, `{limit}` of them."""

    map: ContactMap | None = None
    overlap_s: float = Field(5.0, ge=0, le=3600)
    """So much of the past is asked for again each time: clocks differ, transactions take time."""


class RightPart(RequestPart):
    """A question about a right of ours, which writes nothing."""

    when: JmesPath | None = None
    """JMESPath over the answer: true where we have the right. Where none is given, an answer that
    is no error says so."""
    granted_status: Statuses = ()
    """Errors that say so too: 400 or 422, where a request that lacks all it needs is refused for
    that only after the rights were looked at."""


class ErrorsPart(Part):
    """How the API says that something is wrong, over its HTTP status; JMESPath over the answer."""

    ok_when: JmesPath | None = None
    """Where false, an answer is an error even with status 200."""
    message: JmesPath | None = None
    """What the API says of it, for administrators."""
    retryable_status: Statuses = (429, 502, 503, 504)
    """The same may work later. Whether a write was carried out nobody knows then."""
    rate_limit_when: JmesPath | None = None
    not_found_when: JmesPath | None = None
    conflict_when: JmesPath | None = None
    auth_failed_when: JmesPath | None = None
    forbidden_when: JmesPath | None = None
    invalid_when: JmesPath | None = None
    """The request itself is refused: sending it again is of no use."""


class LoginPart(Part):
    """A session that has to be had first."""

    request: RequestPart
    """Its texts may hold `${env:NAME}` and `${file:/path}`."""
    take: dict[StepName, JmesPath]
    """Values of the answer by name, for `value`."""
    ok_when: JmesPath | None = None
    """Where false, the log-in was refused."""
    header: HeaderName = "Authorization"
    scheme: str = Field("", max_length=40)
    """A word before the value."""
    value: TextTemplate
    """With what was taken: `{token}`."""
    encode: Literal["none", "base64"] = "none"
    lasts_s: float = Field(900.0, ge=1, le=30 * 86400)
    """It is renewed ahead of that; and whenever the API answers 401."""


class AuthPart(Part):
    """How we say who we are. Secrets as `${env:NAME}` or `${file:/path}`."""

    type: Literal[
        "none",
        "basic",
        "bearer",
        "header",
        "oauth2_client_credentials",
        "oauth2_refresh_token",
        "login",
    ]
    username: Secret | None = None
    password: Secret | None = None
    token: Secret | None = None
    scheme: str | None = Field(None, max_length=40)
    """Word before the token: Bearer unless given."""
    header: HeaderName | None = None
    value: Secret | None = None
    token_url: Secret | None = None
    client_id: Secret | None = None
    client_secret: Secret | None = None
    refresh_token: Secret | None = None
    scope: str | None = None
    extra: dict[str, str] = Field(default_factory=dict)
    """More fields for the token's form."""
    login: LoginPart | None = None

    @model_validator(mode="after")
    def _fits_type(self) -> AuthPart:
        needed, possible = _AUTH_KEYS[self.type]
        for key in type(self).model_fields:
            is_given = bool(getattr(self, key)) and key != "type"
            if key in needed and not is_given:
                raise ValueError(f"auth of type {self.type} needs '{key}'")
            if is_given and key not in (*needed, *possible):
                raise ValueError(f"auth of type {self.type} has no use for '{key}'")
        return self


_OAUTH2 = ("token_url", "client_id", "client_secret")
#: By type: what must be there, and what may.
_AUTH_KEYS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "none": ((), ()),
    "basic": (("username", "password"), ()),
    "bearer": (("token",), ("scheme",)),
    "header": (("header", "value"), ()),
    "oauth2_client_credentials": (_OAUTH2, ("scope", "scheme", "extra")),
    "oauth2_refresh_token": ((*_OAUTH2, "refresh_token"), ("scope", "scheme", "extra")),
    "login": (("login",), ()),
}


class LimitsPart(Part):
    """What we may cost the API, and it us."""

    concurrency: int = Field(4, ge=1, le=100)
    """Requests under way at once."""
    rate: (
        Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,4}/[1-9][0-9]{0,3}s$")] | None
    ) = None
    """At most so many requests in so many seconds, like 10/2s."""
    timeout_ms: int = Field(800, ge=10, le=60_000)
    """For a question; within the caller's own deadline."""
    write_timeout_ms: int = Field(15_000, ge=10, le=60_000)
    connect_ms: int = Field(3_000, ge=10, le=60_000)
    max_body: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,3}(KiB|MiB)$")] = "1MiB"
    """A longer answer is refused."""


class PhonePart(Part):
    """How the API is asked for a number."""

    forms: Annotated[tuple[Form, ...], Field(min_length=1, strict=False)] = ("e164",)
    """Spellings in the order they are tried: e164, digits, zeros (0044...), national,
    national_digits, international, last6 to last12."""
    stop_on_first: bool = False
    """Ask for no further spelling once one found somebody."""


class SignaturePart(Part):
    """How a webhook proves where it comes from."""

    header: HeaderName
    scheme: Literal["hmac-sha256-hex", "hmac-sha256-base64", "hmac-sha1-hex", "token"]
    """token: the header is the secret itself."""
    secret: Secret
    prefix: str = ""
    """Before the signature in the header: sha256=, say."""
    timestamp_header: HeaderName | None = None
    """Seconds since 1970; older than `max_age_s` is refused."""
    signed: TextTemplate | None = None
    """What is signed, of `{timestamp}` and `{body}`; the body alone where nothing is said."""
    max_age_s: int = Field(300, ge=1, le=86_400)

    @model_validator(mode="after")
    def _is_fresh(self) -> SignaturePart:
        names = self.signed.names if self.signed is not None else frozenset()
        if self.timestamp_header is not None and "timestamp" not in names:
            raise ValueError("'signed' must hold {timestamp}: else anybody may write another time")
        return self


class WebhookPart(Part):
    """What the CRM sends us when records change."""

    signature: SignaturePart
    items: JmesPath = Reading("@")
    id: JmesPath = Reading("id")
    kind: Kind = HitKind.CONTACT


class RestMapping(Part):
    """How a CRM with a REST or JSON-RPC API is asked, and its answers are read."""

    adapter: Literal["rest"] = "rest"
    base_url: Secret
    """Where all paths begin. No other host is ever asked, but for `token_url`."""
    auth: AuthPart = AuthPart(type="none")
    headers: dict[HeaderName, Secret] = Field(default_factory=dict)
    """Sent with every request."""
    ids: Literal["text", "number"] = "text"
    """number: an id that is no whole number is nobody's, and not even asked for."""
    limits: LimitsPart = LimitsPart()
    phone: PhonePart = PhonePart()
    check: RequestPart | None = None
    """Asked by `check`; the first look-up, for a number that nobody has, where none is given."""
    check_write: dict[Written, RightPart] = Field(default_factory=dict)
    """Asked by `check` too: whether we may do what we write. What is not asked for is a warning."""
    lookup: Annotated[
        tuple[LookupPart, ...], Field(min_length=1, strict=False), BeforeValidator(one_or_many)
    ]
    keys: dict[Annotated[KeyField, Field(strict=False)], KeyLookupPart] = Field(
        default_factory=dict
    )
    """By what callers type: customer_id, account_number, order_number."""
    get: Annotated[tuple[GetPart, ...], Field(strict=False), BeforeValidator(one_or_many)] = ()
    history: HistoryPart | None = None
    orders: OrdersPart | None = None
    cases: CasesPart | None = None
    create_lead: WritePart | None = None
    withdraw_lead: SimplePart | None = None
    """Marks a lead as a mistake, unless somebody has confirmed it."""
    confirm_lead: SimplePart | None = None
    """Marks a lead as a real one; `{agent}` says so."""
    log_call: WritePart | None = None
    log_stranger: WritePart | None = None
    """For calls of nobody the CRM knows, where `log_call` needs a contact."""
    create_task: WritePart | None = None
    create_stranger_task: WritePart | None = None
    """For tasks about nobody the CRM knows, where `create_task` needs a contact."""
    close_task: SimplePart | None = None
    update: UpdatePart | None = None
    changes: ChangesPart | None = None
    errors: ErrorsPart = ErrorsPart()
    webhook: WebhookPart | None = None
    parameters: dict[StepName, Any] = Field(default_factory=dict)
    """Values of this company for `{name}` in all requests: a pipeline's id, say."""
