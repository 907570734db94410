"""What a call is, and how it can end."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, order=True)
class CallId:
    """One conversation from arrival to end, however many channels it takes.

    `system` names the Asterisk (unique ids repeat between two of them); `linkedid` is Asterisk's
    own id of the conversation (channel.c `ast_channel_linkedid`, Asterisk 1.8 and later).
    """

    system: str
    linkedid: str

    def __str__(self) -> str:
        return f"{self.system}/{self.linkedid}"

    @classmethod
    def parse(cls, text: str) -> CallId:
        """The reverse of `str()`. Raises ValueError where no `/` parts system from linkedid."""
        system, slash, linkedid = text.partition("/")
        if not (system and slash and linkedid):
            raise ValueError(f"not a call id: {text!r} (expected SYSTEM/LINKEDID)")
        return cls(system, linkedid)


class Direction(enum.StrEnum):
    """Who called whom."""

    #: Somebody called the company.
    INBOUND = "inbound"
    #: An agent called somebody outside.
    OUTBOUND = "outbound"
    #: An agent called somebody in the house.
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it arrived, or as an agent placed it. Text fields come from the network: cleaned of
    control characters, cut to length, and still not to be trusted.

    Of a placed call `channel` is the agent's, `dialled` what was typed on the phone, `from_raw` the
    number that went out (empty where the dialplan told the trunk none), and of an internal one
    `from_name` the log-in of who called."""

    id: CallId
    channel: str
    #: The number as the network gave it, before any parsing; may be empty or hostile.
    from_raw: str
    #: Display name from the network; shown, never spoken, never used to identify.
    from_name: str
    #: True where presentation is restricted or the number is one of the words for withheld.
    withheld: bool
    dialled: str
    #: ISO 639 code from the channel (`en`, `zh`); the rulebook may choose another.
    language: str
    arrived_at: datetime
    #: STIR/SHAKEN attestation A, B or C where Asterisk gives it; `failed`: it was not verified.
    attestation: str | None = None
    direction: Direction = Direction.INBOUND

    @property
    def is_placed(self) -> bool:
        """By an agent: nobody waits for us, and no screen shows it."""
        return self.direction is not Direction.INBOUND


class CallOutcome(enum.StrEnum):
    """How a call ended for the caller."""

    ANSWERED = "answered"
    ABANDONED_IN_MENU = "abandoned_in_menu"
    ABANDONED_IN_QUEUE = "abandoned_in_queue"
    #: Waited until the queue gave up, or was sent away by a rule.
    NOT_ANSWERED = "not_answered"
    #: Left for a mailbox, or for somebody outside our queues.
    VOICEMAIL = "voicemail"
    TRANSFERRED = "transferred"
    #: Asked to be called back, and rang off or left the queue.
    CALLBACK = "callback"
    #: Of calls that agents place: the other end was busy, the agent hung up first, or it could not
    #: be reached. Let ring in vain is NOT_ANSWERED.
    BUSY = "busy"
    CANCELLED = "cancelled"
    FAILED = "failed"
    #: The end was not seen (Asterisk or we were away); the end time is an estimate.
    LOST_SYNC = "lost_sync"


@dataclass(frozen=True, slots=True)
class KeyPress:
    """One menu visit: what was pressed there and how it counted."""

    menu: str
    digits: str
    #: match, invalid, timeout or failure
    outcome: str
    intent: str | None = None


@dataclass(slots=True)
class MenuPath:
    """The caller's way through the menus, in order; at most `limit` steps are kept."""

    steps: list[KeyPress] = field(default_factory=list)
    limit: int = 50

    def add(self, step: KeyPress) -> None:
        if len(self.steps) < self.limit:
            self.steps.append(step)
