"""What happened, in the past tense. Published on the bus; nobody waits for the reaction.

Order of one answered call: CallArrived, CallerIdentified, MenuPresented and OptionChosen (any
number), CallQueued, AgentRinging (any number), AgentAnswered, AgentReleased, CallEnded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from calls.call import Call, CallId, CallOutcome, KeyPress
from calls.caller import Caller, ContactRef
from calls.decision import Decision, PopWish
from calls.offers import OfferAnswer, OfferPlace
from calls.records import LegVia


@dataclass(frozen=True, slots=True)
class CallEvent:
    """Base of all events about one call. `at` is aware, UTC."""

    call_id: CallId
    at: datetime


@dataclass(frozen=True, slots=True)
class CallArrived(CallEvent):
    """Or an agent placed it: see `Call.direction`. Then the other end's answer is AgentAnswered of
    that agent, and of a call between agents also of the other one."""

    call: Call
    #: The dialplan's fallback took it: we were away or failed.
    fallback: bool = False


@dataclass(frozen=True, slots=True)
class CallRemembered(CallEvent):
    """Arrived before this process did, and was open when it started."""

    call: Call
    keys: tuple[KeyPress, ...] = ()
    queue: str | None = None
    queued_at: datetime | None = None
    #: What was decided of the agent's screen.
    pop: PopWish = field(default_factory=PopWish)
    #: That was decided; None: nothing was.
    language: str | None = None
    #: We began to record the whole of it.
    recorded: bool = False


@dataclass(frozen=True, slots=True)
class CallLeftUnknown(CallEvent):
    """Over before this process began, and the one before it died while asking who had called."""

    call: Call


@dataclass(frozen=True, slots=True)
class CallerIdentified(CallEvent):
    caller: Caller
    #: True when the answer came after the caller's own deadline.
    late: bool = False


@dataclass(frozen=True, slots=True)
class CandidateChosen(CallEvent):
    """An agent said which of several contacts calls from this number; None takes it back."""

    #: E.164
    number: str
    contact: ContactRef | None
    agent: str


@dataclass(frozen=True, slots=True)
class DecisionMade(CallEvent):
    decision: Decision


@dataclass(frozen=True, slots=True)
class MenuPresented(CallEvent):
    menu: str


@dataclass(frozen=True, slots=True)
class OptionChosen(CallEvent):
    """A visit to a menu ended, by a key or without one."""

    key: KeyPress


@dataclass(frozen=True, slots=True)
class CallQueued(CallEvent):
    queue: str
    priority: int = 0
    hold_programme: str | None = None
    #: Login of the agent who is tried first.
    prefer: str | None = None


@dataclass(frozen=True, slots=True)
class HoldMessagesReached(CallEvent):
    """A waiting caller begins to hear messages of the hold programme; `kinds` as in
    HoldEntryPlanned, in the order said."""

    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QueueGivenUp(CallEvent):
    """The caller left the queue by the key that was offered, and is asked whether to be called
    back; CallQueued again where that comes to nothing."""

    queue: str
    #: Where they stood, counted from 1.
    position: int | None = None


@dataclass(frozen=True, slots=True)
class AgentRinging(CallEvent):
    """app_queue.c `AgentCalled`. `interface` is the member's, `state_interface` its phone."""

    queue: str
    interface: str
    state_interface: str | None = None
    via: LegVia = LegVia.QUEUE


@dataclass(frozen=True, slots=True)
class AgentAnswered(CallEvent):
    """`state_interface` is the phone that a Local channel led to, where it was seen."""

    queue: str
    interface: str
    ring_s: float = 0.0
    wait_s: float = 0.0
    state_interface: str | None = None
    via: LegVia = LegVia.QUEUE


@dataclass(frozen=True, slots=True)
class AgentMissed(CallEvent):
    """Rang and was not answered by this agent. `in_vain`: they let it ring or refused it; otherwise
    somebody else was faster, or the caller gave up."""

    queue: str
    interface: str
    in_vain: bool = True


@dataclass(frozen=True, slots=True)
class AgentReleased(CallEvent):
    """The agent's leg is over; not the end of the call where `transferred`."""

    queue: str
    interface: str
    talk_s: float = 0.0
    transferred: bool = False


@dataclass(frozen=True, slots=True)
class AgentHeld(CallEvent):
    """The agent put the caller on hold, or came back (`on` is False)."""

    interface: str
    on: bool


@dataclass(frozen=True, slots=True)
class LineRecorded(CallEvent):
    """Somebody, we or the PBX itself, records the call from now on, or nobody any more (`on` is
    False). May be told again."""

    on: bool


@dataclass(frozen=True, slots=True)
class RecordingPaused(CallEvent):
    """An agent in the call has its recording paused from now on, or nobody any more (`on` is
    False)."""

    on: bool


@dataclass(frozen=True, slots=True)
class CallTransferred(CallEvent):
    from_interface: str | None
    to_extension: str | None
    attended: bool = False


@dataclass(frozen=True, slots=True)
class CallEnded(CallEvent):
    """Exactly one for each CallArrived of this process's life, and for each call found open after
    a restart."""

    outcome: CallOutcome
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class DialogFailed(CallEvent):
    """Something of ours raised in the middle of it; the caller goes to the default queue."""

    #: Name of the exception's class; what it says may hold numbers and names.
    error: str


@dataclass(frozen=True, slots=True)
class FieldCollected(CallEvent):
    """The caller typed `digits` into a named field. Never published for a PIN."""

    field: str
    digits: str


@dataclass(frozen=True, slots=True)
class OfferMet(CallEvent):
    """An offer was heard, accepted or refused by an identified caller."""

    offer: str
    place: OfferPlace
    answer: OfferAnswer


@dataclass(frozen=True, slots=True)
class OfferAnswered(CallEvent):
    """An agent (the login) says what came of the offer on their screen: accepted, refused or
    not_raised. Later words about the same offer take the place of earlier ones; often told after
    CallEnded."""

    offer: str
    answer: OfferAnswer
    agent: str
    #: Who the agent's screen said it was; None for a stranger.
    contact: ContactRef | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class FollowUpPlanned(CallEvent):
    """An agent (the login) means to see to this caller again; the CRM is owed a task of it. Often
    told after CallEnded."""

    agent: str
    #: Tells those that an agent plans in one call apart.
    plan: str
    #: By the house's clock; None: no time was said.
    due: datetime | None
    note: str
    #: Who the agent's screen said it was.
    number: str | None = None
    contact: ContactRef | None = None
    name: str | None = None
    queue: str | None = None


@dataclass(frozen=True, slots=True)
class MessageRecorded(CallEvent):
    """`what` is message or name, or call: the whole of it from then on, with 0 seconds.
    `recording` is the file's name on Asterisk's machine."""

    what: str
    recording: str
    seconds: float
    queue: str | None = None


@dataclass(frozen=True, slots=True)
class CallbackRequested(CallEvent):
    """The caller asked to be called back at `number` (E.164) by the agents of `queue`."""

    number: str
    queue: str
    #: Place in the queue that was given up for it, counted from 1.
    position: int | None = None


@dataclass(frozen=True, slots=True)
class CallRouted(CallEvent):
    """Left us for something else than a queue: `kind` is voicemail, transfer or hangup. Of a call
    that ends also parked (it was when it ended) and transfer_failed (nobody took it)."""

    kind: str
    target: str | None = None


@dataclass(frozen=True, slots=True)
class LeadCreated(CallEvent):
    """The CRM has it. `owner` is the log-in of the agent whose it is. Told again at a start, of
    those that nobody has confirmed."""

    lead_id: str
    number: str
    name: str = ""
    owner: str | None = None
    queue: str | None = None
    dialled: str = ""


@dataclass(frozen=True, slots=True)
class LeadConfirmed(CallEvent):
    """An agent says that this lead of the call is a real one."""

    lead_id: str
    agent: str


@dataclass(frozen=True, slots=True)
class TaskCreated(CallEvent):
    """The CRM has it. `kind` and `plan` as in `calls.records.NewTask`."""

    task_id: str
    kind: str
    number: str | None
    owner: str | None = None
    queue: str | None = None
    plan: str | None = None


@dataclass(frozen=True, slots=True)
class WrapUpDone(CallEvent):
    """The agent said how the call went; often after CallEnded. `agent` is the login."""

    agent: str
    interface: str
    disposition: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class ExperimentArmStopped:
    """Callers of `arm` are treated as the control arm's from now on, on every node. `by` is
    guardrail or person."""

    at: datetime
    experiment: str
    arm: str
    by: str
    because: str


@dataclass(frozen=True, slots=True)
class AmiLost:
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class AmiRestored:
    at: datetime
    #: Calls found gone and closed by the resync.
    closed: int = 0


@dataclass(frozen=True, slots=True)
class ChurnRiskRaised:
    """A contact buys less than they used to: told once, until they bought again. Stages are of
    `calls.segments.LifecycleStage`."""

    contact: ContactRef
    at: datetime
    from_stage: str
    to_stage: str
    #: A plain sentence with the values it hangs on.
    because: str
    #: Of `calls.segments.Tier`; None where it is not known.
    tier: str | None = None
    #: The sentence in Chinese.
    because_zh: str | None = None


Event = CallEvent | AmiLost | AmiRestored | ExperimentArmStopped | ChurnRiskRaised
