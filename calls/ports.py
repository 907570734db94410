"""Where features meet while the caller waits: each Protocol has a real adapter and a test twin."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, TypeVar

from calls.agents import QueueMember
from calls.call import Call, CallId
from calls.call_moment import CallMoment
from calls.caller import Caller, Contact, ContactRef
from calls.clocks import Clock
from calls.deadlines import Deadline
from calls.events import CallRemembered, FollowUpPlanned, OfferAnswered
from calls.offer_choice import OfferCandidate, OfferChoice
from calls.offers import CallerMemory, OfferCap, Propensities
from calls.open_matters import UNTOLD, OpenMatters
from calls.past_calls import PastCallTold
from calls.segments import Segments

T = TypeVar("T")


class ContactDirectory(Protocol):
    """Who is this? Implemented by `crm_adapter.directory`."""

    async def identify(self, call: Call, *, region: str, deadline: Deadline) -> Caller:
        """Never raises for an unreachable CRM: the outcome is then `error` or `timeout` and
        `degraded` says so. `region` is the ISO country of the number dialled."""
        ...

    async def recall(self, call: Call, *, region: str) -> Caller | None:
        """What can be said of the caller without asking the CRM, for who cannot wait any longer;
        None where that is nothing. Never raises, and answers in a tenth of a second."""
        ...

    async def identify_typed(
        self, call: Call, field: str, digits: str, *, deadline: Deadline
    ) -> Caller | None:
        """The one contact with this key (`customer_id`, `account_number`, `order_number`), by
        method `typed_key`; None where there is none or several, or no answer in time."""
        ...


class PinCheck(Protocol):
    """Does the caller know the contact's PIN? Implemented by `crm_adapter.pins`."""

    async def check(self, contact: ContactRef, pin: str, *, deadline: Deadline) -> bool:
        """False also where the contact has none, is locked after too many wrong ones, or nobody
        answers in time. Never logs or keeps the digits."""
        ...


@dataclass(frozen=True, slots=True)
class PastCall:
    """One line of a contact's call history."""

    call_id: CallId
    arrived_at: datetime
    dialled: str
    outcome: str
    queue: str | None
    talk_s: int


@dataclass(frozen=True, slots=True)
class ContactCard:
    """All an agent may want to read about a contact. `calls` are newest first, at most 20."""

    contact: Contact
    #: E.164, in the CRM's own order.
    numbers: tuple[str, ...]
    #: Raised by every change of the contact.
    version: int
    calls: tuple[PastCall, ...] = ()


class ContactReader(Protocol):
    """More about a contact, for people's eyes. Implemented by `crm_adapter.embedded`."""

    async def card_of(self, contact: ContactRef, *, deadline: Deadline) -> ContactCard | None:
        """None where the contact is gone. Raises Unavailable, or DeadlineExceeded."""
        ...


@dataclass(frozen=True, slots=True)
class PurchaseLine:
    """`amount` is below zero for what came back; `quantity` is None where nobody says."""

    at: datetime
    amount: float
    product: str | None = None
    category: str | None = None
    quantity: float | None = None
    #: What it cost us, in the same currency; None where the CRM does not say.
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class ContactPurchases:
    """Everything one contact ever bought: aware times and amounts (below zero for returns), oldest
    first; empty for a contact who bought nothing yet."""

    contact: ContactRef
    purchases: tuple[tuple[datetime, float], ...]
    #: Codes of what was bought, returns aside.
    products: frozenset[str] = frozenset()
    #: The same purchases with all that is told of them, in the same order.
    lines: tuple[PurchaseLine, ...] = ()
    matters: OpenMatters = UNTOLD


class PurchaseHistories(Protocol):
    """All contacts' purchases, for batch scoring. Implemented by `crm_adapter.embedded`."""

    async def count(self) -> int:
        """How many contacts `histories` will give, for a progress bar."""
        ...

    def histories(self) -> AsyncIterator[ContactPurchases]:
        """Each contact once, never all in memory."""
        ...


class CallHistories(Protocol):
    """All calls that are over, for training and batches. Implemented by
    `crm_adapter.call_histories`."""

    def calls(self, since: datetime) -> AsyncIterator[PastCallTold]:
        """Those that arrived at `since` or later, the oldest first, never all in memory. A call
        whose row says what no call says is told without that part."""
        ...


class SegmentReader(Protocol):
    """What might they want? Implemented by `scoring.scorer`."""

    async def segments_of(self, contact: ContactRef, *, deadline: Deadline) -> Segments | None:
        """None where the contact has no computed segments, or not in time."""
        ...


class CallerMemories(Protocol):
    """What earlier calls left behind. Implemented by `scoring.memories`."""

    async def memory_of(self, contact: ContactRef, *, deadline: Deadline) -> CallerMemory:
        """NO_MEMORY where there is none, MEMORY_MISSED where there is no answer in time; never
        raises."""
        ...


class PropensityScorer(Protocol):
    """What might they want? Implemented by `scoring.propensities`; answers from memory."""

    def propensities_of(
        self, caller: Caller, memory: CallerMemory, moment: CallMoment
    ) -> Propensities:
        """Never raises and never waits; NO_PROPENSITIES where nothing is known."""
        ...


class OfferPolicy(Protocol):
    """Which of the offers that may be made? Never changes, so that a call which is decided again
    is decided the same way. Implemented by `scoring.policy.ladder`, `calls.offer_choice`."""

    def choose(
        self,
        candidates: Sequence[OfferCandidate],
        *,
        segments: Segments | None,
        draw: float,
        policy: str | None = None,
    ) -> OfferChoice:
        """Pure; never raises and never waits. `draw` (0 to 1, without 1) is all the chance there
        is. Without a candidate that was not chosen, the choice is the same. `policy` is an
        experiment's wish for a step of the ladder; None: the best one that is proven."""
        ...


class OfferPolicies(Protocol):
    """What was learned of the offers by now. Implemented by `scoring.policy.learned`."""

    @property
    def current(self) -> OfferPolicy:
        """From memory; a call keeps the one that it began with."""
        ...


class OfferLedger(Protocol):
    """The one book of offers heard, accepted and refused. Implemented by `scoring.offer_ledger`.

    Hearing and answers reach it as OfferMet events.
    """

    async def claim(
        self, contact: ContactRef, call_id: CallId, offer: str, cap: OfferCap, *, deadline: Deadline
    ) -> str | None:
        """Takes one of the hearings that `cap` leaves, exactly, however many calls and nodes ask
        at once; again for the same call changes nothing. The answer is why not, or None where it
        was claimed. Raises Unavailable, or DeadlineExceeded: then the offer is not made."""
        ...


class OfferAnswers(Protocol):
    """Takes down what agents say came of an offer. Implemented by `scoring.offer_ledger`."""

    async def answered(self, told: OfferAnswered, *, deadline: Deadline) -> None:
        """On disk when it returns; told again it changes nothing. Nothing is kept of strangers.
        Raises Unavailable, or DeadlineExceeded: then the agent is asked to say it again."""
        ...


@dataclass(frozen=True, slots=True)
class PlannedFollowUp:
    """Names one that an agent (the login) planned."""

    call_id: CallId
    agent: str
    plan: str


@dataclass(frozen=True, slots=True)
class FollowUpTold:
    """What the CRM made of a follow-up, and what it calls it; without an id it did not take it."""

    task_id: str | None


class FollowUps(Protocol):
    """Takes down what agents plan, for the CRM. Implemented by `crm_adapter.follow_ups`."""

    async def plan(self, planned: FollowUpPlanned, *, deadline: Deadline) -> None:
        """On disk when it returns, and owed to the CRM once, however often it is told. Raises
        Unavailable, or DeadlineExceeded: then the agent is asked to say it again."""
        ...

    async def cancel(self, which: PlannedFollowUp, *, deadline: Deadline) -> bool:
        """Takes it back; again changes nothing. False once anybody began to tell the CRM. Raises
        Unavailable, or DeadlineExceeded."""
        ...

    async def told(
        self, which: Sequence[PlannedFollowUp], *, deadline: Deadline
    ) -> Mapping[PlannedFollowUp, FollowUpTold | None]:
        """Of those that the CRM was told of, was told in vain (no id), or that were taken back
        (None); the others still wait. Raises Unavailable, or DeadlineExceeded."""
        ...


class CallJournal(Protocol):
    """The durable memory of calls. Every method is idempotent: repeated news changes nothing."""

    async def open_call(self, call: Call, *, fallback: bool = False) -> None:
        """Returns only when the row is on disk; called before the first AGI reply."""
        ...

    async def open_calls(self, system: str) -> Sequence[CallId]:
        """Calls not closed yet, oldest first: what a resync compares with Asterisk."""
        ...

    async def open_placed(self, system: str) -> Collection[CallId]:
        """Those of them that agents placed."""
        ...

    async def talked_with(self, call_id: CallId) -> CallRemembered | None:
        """What is kept of an open call that a dialog took, maybe in another process; None of any
        other."""
        ...


class SpokenText(Protocol):
    """Text to a playable address. Implemented by `ivr.prompts`."""

    async def render(self, text: str, language: str, *, deadline: Deadline) -> str | None:
        """An http address of an 8 kHz WAV, or None where no speech could be had in time."""
        ...

    def pieces(self, text: str, language: str) -> tuple[str, ...]:
        """The parts of a text to `render` one by one: sentences, and what somebody recorded."""
        ...

    def seconds(self, text: str, language: str) -> float:
        """How long the text is to listen to: measured where it was rendered, else estimated."""
        ...


@dataclass(frozen=True, slots=True)
class Keys:
    """What came of asking for keys. `digits` may be partial where `timed_out`, and a PIN: no repr
    shows them."""

    digits: str = field(repr=False)
    timed_out: bool


@dataclass(frozen=True, slots=True)
class QueueRequest:
    """Hand the caller to `Queue()`. `hold_class` is the music class made for this call."""

    queue: str
    priority: int = 0
    hold_class: str | None = None
    timeout_s: int = 600
    #: Agents whose penalty in this queue lies outside are not rung (app_queue QUEUE_MIN_PENALTY,
    #: QUEUE_MAX_PENALTY).
    min_penalty: int | None = None
    max_penalty: int | None = None
    #: Login of the agent who alone is rung first, for at most `prefer_s`.
    prefer: str | None = None
    prefer_s: int = 0
    #: Where the caller stood who was in that queue before, counted from 1: there again, the others
    #: moving down. None: by priority, behind the others.
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """`name` is the file's on Asterisk's machine, without folder and ending."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class QueuePlace:
    """Where a caller stands, counted from 1; the wait is None where nothing is known of it."""

    position: int
    estimated_wait_s: float | None = None


class QueuePlaces(Protocol):
    """Where do they stand in the queue? Implemented by `ami_bridge.queue_places`; from memory."""

    def place_of(self, call_id: CallId) -> QueuePlace | None:
        """None for who does not wait, or while the AMI is away."""
        ...


class QueueExits(Protocol):
    """May a waiting caller leave the queue by a key? Implemented by `ami_bridge.queue_exits`."""

    async def allow_exit(self, call_id: CallId) -> None:
        """From now on the key `1` takes the caller out of the queue, to the questions of
        `ivr.callback`; again changes nothing. Raises Unavailable while the AMI is away."""
        ...

    async def forbid_exit(self, call_id: CallId) -> None:
        """The key means nothing any more; also for calls that never had it, or are over. Raises
        Unavailable."""
        ...

    def place_given_up(self, call_id: CallId) -> QueuePlace | None:
        """Where the caller stood as they pressed the key; None where it was not known."""
        ...


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """Flat values by name: texts, whole numbers, numbers, true or false."""

    values: Mapping[str, str | int | float | bool]


class Webhooks(Protocol):
    """Asks a system of the company's own. Implemented by `ivr.webhooks`."""

    async def ask(
        self, webhook: str, url: str, body: Mapping[str, object], *, deadline: Deadline
    ) -> WebhookAnswer:
        """Raises Unavailable, or DeadlineExceeded."""
        ...


class CallChannel(Protocol):
    """One caller's line, as the dialog sees it. Implemented by `ami_bridge.agi_channel`.

    Every method raises CallerHungUp once the caller has gone and ChannelBroken where Asterisk does.
    """

    @property
    def call(self) -> Call: ...

    @property
    def now(self) -> Clock:
        """The call's, since it arrived."""
        ...

    @property
    def hung_up(self) -> bool: ...

    @property
    def keys_waiting(self) -> bool:
        """Something is typed already that the next question will take for its answer."""
        ...

    async def answer(self) -> None: ...

    async def begin_dialog(self) -> None:
        """Moves the dialplan's backstop (`TIMEOUT(absolute)`) on: from here on we are heard of."""
        ...

    async def play(self, sounds: Sequence[str]) -> None:
        """Plays to the end; keys pressed meanwhile are kept for the next `ask`."""
        ...

    async def ask(self, sounds: Sequence[str], *, max_digits: int, timeout_s: float) -> Keys:
        """Plays until a key is pressed, collects up to `max_digits`, waits `timeout_s` for the
        first and each further key."""
        ...

    async def collect(
        self,
        sounds: Sequence[str],
        *,
        max_digits: int,
        timeout_s: float,
        end_key: str = "#",
        secret: bool = False,
    ) -> Keys:
        """Like `ask` for a number typed in: ends at `max_digits`, at `end_key` (which is no part
        of the digits) or `timeout_s` after the last key. What is typed ahead counts. `secret`
        digits reach no log and no event of ours."""
        ...

    async def listen_during(self, work: Awaitable[T]) -> T:
        """Waits for `work`; keys pressed meanwhile are kept for the next question."""
        ...

    async def record(self, name: str, *, max_s: float, silence_s: float) -> Recorded:
        """A beep, then what the caller says, to the end key `#`, a silence or the limit; at once
        over, with 0 seconds, where it cannot be recorded. `name` is that of the file. Who rings
        off ends the recording like `#`; what follows it raises CallerHungUp."""
        ...

    async def start_recording(self, name: str) -> bool:
        """The whole call from now on, to its end or `stop_recordings`; `name` as in `record`. False
        where it cannot be recorded."""
        ...

    async def stop_recordings(self) -> bool:
        """Ends every recording of the line, ours and the PBX's own. False where it may go on."""
        ...

    async def set_language(self, language: str) -> None: ...

    async def to_voicemail(self, mailbox: str) -> None:
        """Hands the caller to `VoiceMail()`. Marks the dialog as completed."""
        ...

    async def to_target(self, target: str) -> None:
        """Hands the caller to an extension of the context `switchboard-targets`, which only the
        administrator fills. Marks the dialog as completed."""
        ...

    async def to_queue(self, request: QueueRequest) -> None:
        """The last thing a dialog does: sets the route and marks the dialog as completed."""
        ...

    async def hang_up(self) -> None:
        """Ends the call politely; also marks the dialog as completed."""
        ...


class AgentRoster(Protocol):
    """Who sits behind an Asterisk interface? Implemented by `screenpop.agents.agents`; answers from
    memory."""

    def login_of(self, interface: str) -> str | None:
        """`interface` as Asterisk names it (`PJSIP/agent1`), without a channel's suffix."""
        ...

    def interface_of(self, login: str) -> str | None:
        """The agent's first interface, None for an unknown login or one without any."""
        ...


class AgentBook(Protocol):
    """Which agents are there? Implemented by `screenpop.agents.agents`; answers from memory."""

    def login_named(self, text: str) -> str | None:
        """The agent with this log-in or full name, as a CRM may write either; None for nobody, and
        for several of one name."""
        ...

    def logins_in(self, queue: str) -> Sequence[str]:
        """The agents who serve the queue, in a stable order."""
        ...

    def language_of(self, login: str) -> str | None:
        """en or zh; None for nobody."""
        ...


class CrmChangeSink(Protocol):
    """Hears of changes that a CRM tells us of by a webhook."""

    async def changed(self, name: str, headers: Mapping[str, str], body: bytes) -> None:
        """`name` is the webhook's in the settings, whose signature fits and whose event is new; or
        one that it `checks_itself`; header names are lower case. What the body holds is as hostile
        as ever. Raises Unavailable where the sender is to try again later."""
        ...

    def checks_itself(self, name: str) -> bool:
        """Whether this is a CRM in use that signs its webhooks in a way of its own."""
        ...


class QueueControl(Protocol):
    """Tells Asterisk what an agent chose. Implemented by `ami_bridge.queue_control`."""

    async def set_paused(self, interface: str, *, paused: bool, reason: str) -> None:
        """In every queue of the interface. Raises Unavailable while the AMI is away; the caller
        of this keeps the wish and repeats it on AmiRestored."""
        ...


@dataclass(frozen=True, slots=True)
class TransferTarget:
    """A colleague's phone (`interface`), named by their login, an extension of the house, or a
    queue."""

    name: str
    interface: str | None = None
    extension: str = ""
    queue: str = ""


AskingEnd = Literal["complete", "cancel", "conference"]
Asked = Literal["nobody", "called", "answered"]


class Transfers(Protocol):
    """Moves the call in which the agent behind `interface` talks. Implemented by
    `ami_bridge.transfers`. Everything raises Unavailable where the agent does not talk in it, while
    the AMI is away and where Asterisk refuses: then nothing has changed."""

    async def give(self, call_id: CallId, interface: str, target: TransferTarget) -> None:
        """At once; the agent is out of the call."""
        ...

    async def ask(self, call_id: CallId, interface: str, target: TransferTarget) -> None:
        """The agent speaks with the target, which is no queue; the caller waits. Returns before
        anybody answers."""
        ...

    async def asked(self, call_id: CallId) -> Asked:
        """What became of `ask`, whatever stands behind an extension: it is being called, something
        answered, or neither, any more or yet."""
        ...

    async def end_asking(self, call_id: CallId, interface: str, how: AskingEnd) -> None:
        """`complete`: the agent leaves the two others alone. `cancel`: back to the caller.
        `conference`: all three talk."""
        ...


class QueueMembership(Protocol):
    """Who is a member of which queue? Implemented by `ami_bridge.queue_membership`."""

    @property
    def is_ready(self) -> bool:
        """Asterisk can be told now, and `members_of` is the truth."""
        ...

    def members_of(self, queue: str) -> Sequence[QueueMember]:
        """From memory; their penalties are not told."""
        ...

    async def add(self, member: QueueMember, *, paused: bool, reason: str) -> bool:
        """False where the interface is a member already. Raises Misconfigured where there is no
        such queue, Unavailable while the AMI is away."""
        ...

    async def remove(self, queue: str, interface: str) -> bool:
        """False where it is no member that can be removed: none at all, or one of the
        configuration. Raises Unavailable while the AMI is away."""
        ...
