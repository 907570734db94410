"""What a pop shows: the caller's story, cleaned, in the order an agent reads it.

Everything here may come from a caller: it is text, never markup, and has no control characters.
"""

from __future__ import annotations

import unicodedata
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

AgentAnswer = Literal["accepted", "rejected", "not_raised"]
MAX_ANSWER_REASON = 200

#: Bidirectional overrides and isolates: they can make one text read as another.
_BIDI = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean(text: str, limit: int = 200) -> str:
    """One line without control characters, lone surrogates or direction overrides."""
    if text.isascii() and text.isprintable():  # nearly always, and much faster to see
        return text[: limit * 4].strip()[:limit]
    kept = [
        letter
        for letter in text[: limit * 4]
        if letter not in _BIDI and unicodedata.category(letter) not in ("Cc", "Cs", "Zl", "Zp")
    ]
    return "".join(kept).strip()[:limit]


def clean_lines(text: str, limit: int = 2000) -> str:
    """Like `clean`, keeping the line breaks a person typed."""
    return "\n".join(clean(line, limit) for line in text.splitlines())[:limit]


def safe_url(url: str | None) -> str | None:
    """The address where it is http or https, else None: an agent will click on it."""
    if not url:
        return None
    try:
        parts = urlsplit(clean(url, 2000))
    except ValueError:
        return None
    return parts.geturl() if parts.scheme in ("http", "https") and parts.netloc else None


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KeyShown(Part):
    menu: str
    digits: str
    outcome: str
    intent: str | None


class CallShown(Part):
    id: str
    queue: str | None
    dialled: str
    #: E.164, or as the network wrote it; null where withheld.
    number: str | None
    #: Display name from the network: anybody can send any.
    network_name: str | None
    withheld: bool
    attestation: str | None
    language: str
    #: Milliseconds since 1970.
    arrived_at: float | None
    #: When the wait in the queue began.
    queued_at: float | None
    keys: tuple[KeyShown, ...]
    transferred_from: str | None
    #: Notes of the agents who had this call before.
    notes: tuple[str, ...]


class CandidateShown(Part):
    ref: str
    name: str
    company: str | None
    url: str | None


class MatchShown(Part):
    """`pending` until the look-up has answered."""

    outcome: str
    method: str
    confidence: float
    candidates: tuple[CandidateShown, ...]
    selected: str | None


class PurchaseShown(Part):
    product_name: str
    at: float
    amount: str
    currency: str
    quantity: int


class OrderShown(Part):
    id: str
    product_name: str
    status: str
    is_open: bool
    #: ISO date.
    due_on: str | None
    late_days: int


class CaseShown(Part):
    id: str
    subject: str
    case_kind: str
    is_open: bool
    opened_at: float


class ContactShown(Part):
    ref: str
    name: str
    company: str | None
    language: str | None
    url: str | None
    owner: str | None
    #: Newest first.
    purchases: tuple[PurchaseShown, ...]
    #: Open ones first.
    orders: tuple[OrderShown, ...]
    cases: tuple[CaseShown, ...]


class TitleShown(Part):
    #: Empty: for any language.
    language: str
    text: str


class OwnSegmentShown(Part):
    """A group in the supervisors' own words."""

    name: str
    titles: tuple[TitleShown, ...]


class SegmentsShown(Part):
    tier: str
    lifecycle: str
    spend_12m: float
    days_since_last: int | None
    reasons: tuple[str, ...]
    # Contents stored before these were there have none of them.
    behaviour: str | None = None
    price_band: str | None = None
    main_category: str | None = None
    loyalty: str | None = None
    #: Why this caller may be leaving.
    churn_warning: str | None = None
    own: tuple[OwnSegmentShown, ...] = ()
    #: In Chinese; empty where the last run of scoring was of an older version.
    reasons_zh: tuple[str, ...] = ()
    churn_warning_zh: str | None = None


class ChurnShown(Part):
    """What a model says of this caller's staying."""

    #: 0 to 1: of customers like this one, so many buy nothing within the horizon.
    risk: float
    #: Of the house's customers: the third with the lowest risk, the middle or the highest one.
    level: Literal["low", "middle", "high"]
    horizon_days: int
    reasons: tuple[str, ...]
    reasons_zh: tuple[str, ...]


class OfferHeardShown(Part):
    """What the caller met of the offer before, in this call."""

    #: menu or hold
    place: str
    #: heard, refused or accepted
    answer: str


class OfferBeforeShown(Part):
    """In an earlier call."""

    #: menu, hold or agent; null: not known.
    place: str | None
    #: heard, refused or accepted
    answer: str
    #: Whole days of 24 hours.
    days_ago: int


class OfferCapShown(Part):
    """This caller may meet the offer `left` times more, this call included: at most `most` times in
    any `days` days."""

    left: int
    most: int
    days: int


class OfferSaidShown(Part):
    answer: AgentAnswer
    reason: str
    #: The agent (login) who said so last.
    agent: str


class OfferShown(Part):
    """The one thing to propose to this caller."""

    name: str
    #: A hint for the agent, in the rulebook's words.
    say: str | None
    reasons: tuple[str, ...]
    #: Empty in contents stored before these were there.
    reasons_zh: tuple[str, ...] = ()
    heard: tuple[OfferHeardShown, ...] = ()
    #: Newest first.
    before: tuple[OfferBeforeShown, ...] = ()
    #: Null where earlier calls could not be read.
    cap: OfferCapShown | None = None
    #: What an agent says came of it.
    said: OfferSaidShown | None = None


class DecisionShown(Part):
    # Contents stored by version 0.1 had offers here.
    model_config = ConfigDict(frozen=True, extra="ignore")

    rulebook_version: str
    menu: str | None
    #: The rule that routed the call.
    rule: str | None
    priority: int
    #: `calls.decision.CallRecording.answer`; null where calls are not recorded by us.
    recording: str | None = None


class LeadShown(Part):
    """The prefilled card of a caller the CRM does not know."""

    number: str
    name: str | None


class OpenShown(Part):
    """An address of another program, filled and encoded."""

    url: str
    #: auto: opened by itself when the agent answers; click: by a button.
    mode: Literal["auto", "click"]


FollowUpState = Literal["waiting", "in_crm", "refused"]


class FollowUpShown(Part):
    """What an agent planned in this call; `refused`: the CRM did not take it, and whoever minds it
    is to see why."""

    id: str
    #: Milliseconds since 1970; null: no time was said.
    at: float | None
    note: str
    #: The agent (login) who planned it.
    agent: str
    state: FollowUpState
    #: Its page in the CRM.
    url: str | None = None


class PopContent(Part):
    call: CallShown
    #: From the rulebook, to be read before answering.
    note: str | None = None
    offer: OfferShown | None = None
    match: MatchShown
    contact: ContactShown | None
    segments: SegmentsShown | None
    decision: DecisionShown | None
    lead: LeadShown | None
    #: What could not be found out in time.
    degraded: tuple[str, ...]
    #: Null where no model tells.
    churn: ChurnShown | None = None
    #: What the desktop opens for this caller, and this agent.
    open: OpenShown | None = None
    #: In the order they were planned.
    follow_ups: tuple[FollowUpShown, ...] = ()
