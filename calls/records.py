"""What is written to the CRM: the call record with its legs, the lead, the task."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from calls.call import CallId, CallOutcome, Direction, KeyPress
from calls.caller import ContactRef
from calls.offers import OfferAnswer, OfferPlace


class LegVia(enum.StrEnum):
    """How a call came to an agent."""

    QUEUE = "queue"
    #: Rung by the dialplan, without a queue.
    DIAL = "dial"
    BLIND_TRANSFER = "blind_transfer"
    ATTENDED_TRANSFER = "attended_transfer"
    #: Taken while another's phone rang.
    PICKUP = "pickup"
    #: Taken from where it was parked.
    PARK = "park"
    CONFERENCE = "conference"


@dataclass(frozen=True, slots=True)
class Leg:
    """One agent's part of a call. Who is no agent of ours, as behind an outside number, has the
    interface for a name."""

    agent: str
    interface: str
    rang_at: datetime
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    disposition: str | None = None
    note: str | None = None
    via: LegVia = LegVia.QUEUE

    @property
    def talk_s(self) -> int:
        if self.answered_at is None or self.ended_at is None:
            return 0
        return max(0, round((self.ended_at - self.answered_at).total_seconds()))


@dataclass(frozen=True, slots=True)
class OfferGiven:
    """An offer that the caller met, and the last that was heard of it."""

    offer: str
    place: OfferPlace
    answer: OfferAnswer
    #: Why, in an agent's words.
    reason: str = ""


@dataclass(frozen=True, slots=True)
class KeptRecording:
    """`what` is message, name or call (0 seconds: not known); `name` is the file's on Asterisk's
    machine."""

    what: str
    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One per call, however it ended. Written at the first answer, and again as the call goes on:
    a higher `revision` takes the place of a lower one. Durations in whole seconds."""

    call_id: CallId
    arrived_at: datetime
    number: str | None
    dialled: str
    contact: ContactRef | None
    identity_outcome: str
    #: While the call lives: answered.
    outcome: CallOutcome
    queue: str | None = None
    answered_at: datetime | None = None
    #: None while the call lives.
    ended_at: datetime | None = None
    #: True where nobody saw the end and `ended_at` is an estimate.
    end_estimated: bool = False
    #: True where the dialplan's fallback served the caller instead of us.
    fallback: bool = False
    rulebook_version: str | None = None
    menu_path: tuple[KeyPress, ...] = ()
    legs: tuple[Leg, ...] = field(default=())
    #: By field: the digits that the caller typed, PINs excepted.
    typed: Mapping[str, str] = field(default_factory=dict)
    recordings: tuple[KeptRecording, ...] = ()
    #: Where the call left us for, other than a queue: voicemail, transfer, hangup; parked where it
    #: ended in the park, transfer_failed where nobody answered the transfer. And whose.
    routed: tuple[str, str | None] | None = None
    revision: int = 1
    direction: Direction = Direction.INBOUND
    #: Of the contact, else from the network.
    caller_name: str | None = None
    #: In queues, until the first answer or in vain.
    wait_s: int = 0
    #: In the order they were met.
    offers: tuple[OfferGiven, ...] = ()
    #: `personal`, or `control` for a caller who heard the static menu.
    arm: str | None = None
    #: By the company's template; see `crm_adapter.wording.call_title`.
    title: str = ""

    @property
    def is_live(self) -> bool:
        return self.ended_at is None

    @property
    def is_placed(self) -> bool:
        """By an agent, whose leg is the first."""
        return self.direction is not Direction.INBOUND

    @property
    def agent(self) -> str | None:
        """Whose call it is: who talked last, else who placed it."""
        talked = [leg for leg in self.legs if leg.answered_at is not None]
        if talked:
            return max(talked, key=lambda leg: leg.answered_at or leg.rang_at).agent
        return self.legs[0].agent if self.is_placed and self.legs else None

    @property
    def talk_s(self) -> int:
        if self.answered_at is None or self.ended_at is None:
            return 0
        return max(0, round((self.ended_at - self.answered_at).total_seconds()))


@dataclass(frozen=True, slots=True)
class NewLead:
    """A possible sale made from a call of somebody the CRM does not know."""

    number: str
    call_id: CallId
    dialled: str
    network_name: str | None
    created_at: datetime
    menu_path: tuple[KeyPress, ...] = ()
    rulebook_version: str | None = None
    #: Of the caller saying their name: the file on Asterisk's machine.
    name_recording: str | None = None
    #: What to call them: the network's name where it is one, else "Caller +44 20 7946 0018".
    name: str = ""
    #: Log-in of the agent whose it is.
    owner: str | None = None
    #: Of a message they left: the file on Asterisk's machine.
    recording: str | None = None
    #: What made it and what it can be undone by: the lead rule's name, else the number dialled.
    rule: str = ""
    queue: str | None = None


#: Of tasks that no call made: their contact may be leaving.
CHURN = "churn"
#: Of tasks that an agent planned on a call's card.
FOLLOW_UP = "follow_up"


@dataclass(frozen=True, slots=True)
class NewTask:
    """Something a person is to do because of a call: call back, listen to a message; or because
    of what is known of a contact."""

    #: callback, message, missed (rang off before anybody answered), FOLLOW_UP or CHURN
    kind: str
    #: Where no call made it: of its own, with the system `scoring`.
    call_id: CallId
    created_at: datetime
    number: str | None
    contact: ContactRef | None = None
    queue: str | None = None
    #: Name of the recording on Asterisk's machine.
    recording: str | None = None
    #: Log-in of the agent whose it is.
    owner: str | None = None
    #: Of a missed call: nobody saw it end, so that it may even have been answered.
    end_unseen: bool = False
    #: Where no call made it: the contact's name, and what made it, as a sentence.
    name: str | None = None
    because: str | None = None
    because_zh: str | None = None
    #: In which it is written, en or zh: the owner's. Those that calls make are in English.
    language: str = "en"
    #: When it is to be done, by the house's clock: its day is the house's. None: no time was said.
    due: datetime | None = None
    #: What is to be done, in an agent's words.
    note: str = ""
    #: Of FOLLOW_UP: which one its agent planned in that call.
    plan: str | None = None

    @property
    def is_of_call(self) -> bool:
        return self.kind != CHURN

    @property
    def link(self) -> str | None:
        """What to press to call back (RFC 3966)."""
        return f"tel:{self.number}" if self.number and self.number.startswith("+") else None
