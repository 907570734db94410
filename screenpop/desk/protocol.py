"""The frames between server and agent desktop: one JSON object per websocket message.

`desktop/src/core/protocol.gen.ts` is generated from here by `screenpop.desk.generate_types`.
Frames with a `seq` are numbered per agent and kept until acknowledged; the others tell of now and
are repeated by the next `hello`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from calls.agents import AgentState
from config.agent_settings import WrapUpMode
from screenpop.pops.content import MAX_ANSWER_REASON, AgentAnswer, PopContent

#: Raised when an old desktop could misread a frame; the desktop then reloads itself.
PROTOCOL_VERSION: Literal[4] = 4

PopState = Literal["offered", "claimed", "wrapup", "closed"]
Activity = Literal["idle", "ringing", "on_call", "hold", "wrapup", "missed"]
CloseReason = Literal["answered_elsewhere", "missed", "cancelled", "caller_gone", "done", "expired"]


class Frame(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ServerMessage(Frame):
    v: Literal[4] = PROTOCOL_VERSION
    #: Server wall clock, milliseconds since 1970: when the thing told of happened.
    ts: float


class PopFrame(ServerMessage):
    seq: int
    pop_id: str


class PopOffer(PopFrame):
    """The agent's phone rings."""

    kind: Literal["pop.offer"] = "pop.offer"
    content: PopContent


class PopUpdate(PopFrame):
    """The whole content anew: something was learned after the offer."""

    kind: Literal["pop.update"] = "pop.update"
    content: PopContent


class PopClaim(PopFrame):
    """This agent answered."""

    kind: Literal["pop.claim"] = "pop.claim"


class PopClose(PopFrame):
    """It is over for this agent."""

    kind: Literal["pop.close"] = "pop.close"
    reason: CloseReason


class WrapUp(Frame):
    """What is asked of the agent after the call; no time limit where `limit_s` is null. Unless it
    is optional, no call comes until it is over."""

    codes: tuple[str, ...]
    mode: WrapUpMode = "optional"
    mandatory: bool = False
    limit_s: int | None = None
    #: Milliseconds since 1970, by the server's clock; then it ends with `chosen`, else with
    #: `default_code`.
    ends_at: float | None = None
    default_code: str | None = None
    #: How much an extension adds, and how many are left.
    extend_s: int = 0
    extensions_left: int = 0
    #: The code of a timed_strict one, which goes on to its end.
    chosen: str | None = None
    talk_s: float = 0.0
    transferred: bool = False


class PopWrapUp(PopFrame):
    """The agent's leg is over; again where what is asked changed: extended, or a code chosen."""

    kind: Literal["pop.wrapup"] = "pop.wrapup"
    wrapup: WrapUp


class AgentCard(Frame):
    login: str
    name: str
    language: str
    role: str
    queues: tuple[str, ...]


class NextState(Frame):
    state: AgentState
    reason: str | None = None


class AgentStatus(Frame):
    """What the agent chose, and apart from it what their calls say they are doing."""

    state: AgentState
    reason: str | None = None
    #: Milliseconds since 1970; null where the agent never chose.
    since: float | None = None
    activity: Activity = "idle"
    #: Milliseconds since 1970.
    activity_since: float | None = None
    #: What the agent will be when call and wrap-up are over.
    next: NextState | None = None
    #: Calls of queues that rang here in vain since the last answered one.
    misses: int = 0


class DayCounts(Frame):
    """Of one agent since midnight of the server; seconds of calls and wrap-ups that are over."""

    offered: int = 0
    answered: int = 0
    missed: int = 0
    talk_s: float = 0.0
    wrapup_s: float = 0.0


class PopSnapshot(Frame):
    """One pop as it stands; `seq` is the newest frame already counted in."""

    pop_id: str
    seq: int
    state: PopState
    content: PopContent
    offered_at: float
    claimed_at: float | None = None
    closed_at: float | None = None
    close_reason: CloseReason | None = None
    wrapup: WrapUp | None = None
    note: str = ""


class LeadCard(Frame):
    """A stranger who became a lead of this agent."""

    lead_id: str
    #: E.164
    number: str
    name: str
    queue: str | None
    dialled: str
    #: Its page in the CRM.
    url: str | None
    #: Milliseconds since 1970: when the CRM had it.
    created_at: float


ConsultState = Literal["asking", "talking", "conference", "over"]


class CallConsult(ServerMessage):
    """This agent asks somebody about a call before giving it to them; `asking`: they have not
    answered yet, `conference`: all three talk, `over`: none of it any more."""

    kind: Literal["call.consult"] = "call.consult"
    pop_id: str
    #: A login, or an extension; and what to call it.
    target: str
    name: str = ""
    state: ConsultState


RecordingState = Literal["on", "paused", "off", "unsure"]


class RecordingNow(ServerMessage):
    """Whether somebody, we or the telephone system, records a call in which this agent talks.
    `unsure`: it may be recorded. `since` is when it was paused, `mine` that this agent paused it;
    see PUT /api/v1/agent/calls/POP_ID/recording."""

    kind: Literal["call.recording"] = "call.recording"
    pop_id: str
    state: RecordingState
    #: Milliseconds since 1970.
    since: float | None = None
    mine: bool = False


class Colleague(Frame):
    """Somebody with a phone; `state` is null where they never chose one."""

    login: str
    name: str
    state: AgentState | None
    activity: Activity


class Presence(ServerMessage):
    """To those who watch (`presence.watch`): what agents with a phone are doing, this one among
    them. `whole`: all of them, and the queues that calls can be given to; otherwise those agents
    that changed."""

    kind: Literal["presence"] = "presence"
    whole: bool
    agents: tuple[Colleague, ...]
    queues: tuple[str, ...] = ()


class Hello(ServerMessage):
    """First frame of every socket. `resumed`: everything after the client's `last_seq` follows and
    its own picture stays; otherwise `pops` replaces it and `seq` is where it now stands."""

    kind: Literal["hello"] = "hello"
    agent: AgentCard
    status: AgentStatus
    seq: int
    resumed: bool
    pops: tuple[PopSnapshot, ...] = ()
    #: Those not dealt with yet, oldest first; they replace the client's.
    leads: tuple[LeadCard, ...] = ()
    day: DayCounts = DayCounts()
    #: What goes on now.
    consults: tuple[CallConsult, ...] = ()
    recordings: tuple[RecordingNow, ...] = ()


class LeadNew(ServerMessage):
    """A new lead of this agent; `hello` repeats it until it is dealt with."""

    kind: Literal["lead.new"] = "lead.new"
    lead: LeadCard


class LeadGone(ServerMessage):
    """Dealt with, here or on another desktop of this agent."""

    kind: Literal["lead.gone"] = "lead.gone"
    lead_id: str


class AgentStateChanged(ServerMessage):
    """Of the agent, whoever changed it."""

    kind: Literal["agent.state"] = "agent.state"
    status: AgentStatus


class AgentDay(ServerMessage):
    """What the agent did today, each time it changed."""

    kind: Literal["agent.day"] = "agent.day"
    day: DayCounts


class Notice(ServerMessage):
    """Something to tell the person; `code` is for the translation, `text` is English."""

    kind: Literal["notice"] = "notice"
    level: Literal["info", "warning", "error"]
    code: str
    text: str


ServerFrame = Annotated[
    Hello
    | PopOffer
    | PopUpdate
    | PopClaim
    | PopClose
    | PopWrapUp
    | LeadNew
    | LeadGone
    | AgentStateChanged
    | AgentDay
    | CallConsult
    | RecordingNow
    | Presence
    | Notice,
    Field(discriminator="kind"),
]

#: JavaScript counts so far, and a database's number holds it.
MAX_SEQ = 2**53
PopId = Annotated[str, Field(min_length=1, max_length=40)]
Note = Annotated[str, Field(max_length=2000)]
#: Made by the desktop.
PlanId = Annotated[str, Field(pattern="^[A-Za-z0-9-]{1,40}$")]
#: Far enough, and still a date.
MAX_MS = 4_102_444_800_000


class Ack(Frame):
    """`rendered_ms`: from the frame's `ts` to the paint after it; null where nothing was painted
    (the tab is hidden, or the frame was a repetition)."""

    kind: Literal["ack"] = "ack"
    pop_id: PopId
    seq: int = Field(ge=0, le=MAX_SEQ)
    rendered_ms: float | None = Field(default=None, ge=0, le=86_400_000)


class StateSet(Frame):
    """Available, not ready (with a reason) or offline. During a call, or a wrap-up that keeps calls
    away, it comes after both, unless `now`; the state that the agent is in takes the one that was
    to follow back."""

    kind: Literal["state.set"] = "state.set"
    state: AgentState
    reason: str | None = Field(default=None, max_length=80)
    now: bool = False


class Disposition(Frame):
    """Ends the wrap-up; a timed_strict one goes on to its end and then has this code."""

    kind: Literal["disposition"] = "disposition"
    pop_id: PopId
    code: str = Field(min_length=1, max_length=40)
    note: Note = ""


class WrapUpExtend(Frame):
    """Gives a timed one more time; `pop.wrapup` says until when."""

    kind: Literal["wrapup.extend"] = "wrapup.extend"
    pop_id: PopId


class WrapUpSkip(Frame):
    """Ends an optional one without a code."""

    kind: Literal["wrapup.skip"] = "wrapup.skip"
    pop_id: PopId


class NoteSet(Frame):
    """The note so far; a later one replaces it, and it goes along with a transferred call."""

    kind: Literal["note"] = "note"
    pop_id: PopId
    text: Note


class Select(Frame):
    """Which of several candidates the caller is; null undoes the choice."""

    kind: Literal["select"] = "select"
    pop_id: PopId
    candidate: str | None = Field(default=None, max_length=200)


class OfferSaid(Frame):
    """What came of the offer on the card; a later one replaces it. Shown by `pop.update` once it
    is stored."""

    kind: Literal["offer.answer"] = "offer.answer"
    pop_id: PopId
    offer: str = Field(min_length=1, max_length=200)
    answer: AgentAnswer
    reason: str = Field(default="", max_length=MAX_ANSWER_REASON)


class CallbackCreate(Frame):
    """Plans a follow-up of the call, at a time (milliseconds since 1970, within a year) or at none;
    the same `id` again changes nothing. Shown by `pop.update` once it is stored."""

    kind: Literal["callback.create"] = "callback.create"
    pop_id: PopId
    id: PlanId
    at: float | None = Field(default=None, ge=0, le=MAX_MS, allow_inf_nan=False)
    note: Note = ""


class CallbackCancel(Frame):
    """Takes back what this agent planned, as long as the CRM was not told."""

    kind: Literal["callback.cancel"] = "callback.cancel"
    pop_id: PopId
    id: PlanId


class LeadDone(Frame):
    """The agent has dealt with a new lead; `confirmed` where it is a real one."""

    kind: Literal["lead.done"] = "lead.done"
    lead_id: str = Field(min_length=1, max_length=120)
    confirmed: bool = False


class CallTransfer(Frame):
    """Gives an answered call to a colleague (by login or full name) or an extension of the house:
    `blind` at once, `attended` after they were asked, which `call.consult` follows. With `to` =
    `queue` to the queue of that name, at once."""

    kind: Literal["call.transfer"] = "call.transfer"
    pop_id: PopId
    target: str = Field(min_length=1, max_length=80)
    how: Literal["blind", "attended"] = "blind"
    to: Literal["phone", "queue"] = "phone"


class CallTransferComplete(Frame):
    """Whoever was asked gets the call; also while their phone still rings."""

    kind: Literal["call.transfer_complete"] = "call.transfer_complete"
    pop_id: PopId


class CallTransferCancel(Frame):
    """Back to the caller, without whoever was asked."""

    kind: Literal["call.transfer_cancel"] = "call.transfer_cancel"
    pop_id: PopId


class CallConference(Frame):
    """Caller, agent and whoever was asked talk together; `call.transfer_complete` is how the agent
    leaves the two others alone."""

    kind: Literal["call.conference"] = "call.conference"
    pop_id: PopId


class PresenceWatch(Frame):
    """For the next minute `presence` tells of the agents, all of them at first; to be said again
    by who wants to know longer."""

    kind: Literal["presence.watch"] = "presence.watch"


ClientFrame = Annotated[
    Ack
    | StateSet
    | Disposition
    | WrapUpExtend
    | WrapUpSkip
    | NoteSet
    | Select
    | OfferSaid
    | CallbackCreate
    | CallbackCancel
    | CallTransfer
    | CallTransferComplete
    | CallTransferCancel
    | CallConference
    | PresenceWatch
    | LeadDone,
    Field(discriminator="kind"),
]

server_frames: TypeAdapter[ServerFrame] = TypeAdapter(ServerFrame)
client_frames: TypeAdapter[ClientFrame] = TypeAdapter(ClientFrame)


class CloseCode:
    """Websocket close codes of ours (RFC 6455 leaves 4000 to 4999 to applications)."""

    GOING_AWAY = 1001
    #: The session ended or was logged out.
    LOGGED_OUT = 4401
    #: Too many messages, or too many that make no sense.
    MISBEHAVED = 4429
    #: Did not take its frames; reconnect and resume.
    TOO_SLOW = 4408
    #: This agent has as many desktops open as we allow.
    TOO_MANY = 4409
