"""What is written to the CRM: the call record with its legs, and the lead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from calls.call import CallId, CallOutcome, KeyPress
from calls.caller import ContactRef


@dataclass(frozen=True, slots=True)
class Leg:
    """One agent's part of a call."""

    agent: str
    interface: str
    rang_at: datetime
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    disposition: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class KeptRecording:
    """`what` is message or name; `name` is the file's on Asterisk's machine."""

    what: str
    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One per call, however it ended. Durations follow from the times, in whole seconds."""

    call_id: CallId
    arrived_at: datetime
    number: str | None
    dialled: str
    contact: ContactRef | None
    identity_outcome: str
    outcome: CallOutcome
    queue: str | None = None
    answered_at: datetime | None = None
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
    #: Where the call left us for, other than a queue: voicemail, transfer or hangup, and whose.
    routed: tuple[str, str | None] | None = None

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


@dataclass(frozen=True, slots=True)
class NewTask:
    """Something a person is to do because of a call: call back, listen to a message."""

    #: callback or message
    kind: str
    call_id: CallId
    created_at: datetime
    number: str | None
    contact: ContactRef | None = None
    queue: str | None = None
    #: Name of the recording on Asterisk's machine.
    recording: str | None = None
