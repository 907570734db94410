"""What the supervisor page shows of now: one object, sent whole whenever something changed.

`desktop/src/core/supervisor/board.gen.ts` is generated from here by
`supervisor.console.generate_types`. Times are milliseconds since 1970, server wall clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from screenpop.desk.protocol import Activity

#: How far a call is. `outside`: left us for a mailbox, a target or nothing; `placed`: an agent
#: dials and nobody has answered yet.
Stage = Literal["menu", "queue", "ringing", "talking", "outside", "placed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRow:
    id: str
    arrived_at: float
    stage: Stage
    since: float
    #: Masked as in the log; null where withheld.
    number: str | None
    #: Of the contact, once found.
    name: str | None
    tier: str | None
    dialled: str
    direction: str
    #: The menu where the caller is, or was last.
    menu: str | None
    #: What they chose last: the intent, else how the visit ended.
    chosen: str | None
    queue: str | None
    #: Where they stand in it, counted from 1.
    position: int | None
    #: Who is rung, or talks: log-ins, else interfaces.
    agents: tuple[str, ...]
    #: The dialplan served it without us.
    fallback: bool
    #: Since when an agent has its recording paused.
    recording_paused_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedRow:
    id: str
    ended_at: float
    number: str | None
    name: str | None
    queue: str | None
    outcome: str
    lasted_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRow:
    """`ready`, `paused`, `busy` and `unreachable` (neither of these, and their phone cannot ring)
    are its agents, as Asterisk's members where that is heard; the figures of today are of calls
    that were answered or are over."""

    name: str
    waiting: int
    #: Since when the one who waits longest does.
    longest_since: float | None
    talking: int
    ready: int
    paused: int
    busy: int
    unreachable: int
    offered: int
    answered: int
    #: Answered within the seconds of `Board.service_level_s`.
    in_time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRow:
    login: str
    name: str
    state: str
    reason: str | None
    since: float | None
    #: What their calls say they are doing, and since when.
    doing: Activity
    doing_since: float | None
    #: The one that rings or is talked in.
    call: str | None
    queues: tuple[str, ...]
    #: Open desktops.
    desktops: int
    #: Whether a phone of theirs is registered; null where nobody says.
    reachable: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LostPop:
    """An offer that no desktop took. `why` is a code of `screenpop.pops.pop_stops`."""

    call: str
    agent: str
    at: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PopLevel:
    """Of the last calls, at most `POPS_LOOKED_AT` of a day: offers of a pop to an agent."""

    offered: int
    rendered: int
    p50_ms: float | None
    p95_ms: float | None
    #: Never acknowledged, though it rang for long enough to be seen.
    undelivered: int
    #: The newest of these.
    lost: tuple[LostPop, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartRow:
    name: str
    ok: bool
    needed: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    ts: float
    #: All live ones; `calls` are the oldest of them.
    calls_total: int
    in_menu: int
    calls: tuple[CallRow, ...]
    ended: tuple[EndedRow, ...]
    queues: tuple[QueueRow, ...]
    agents: tuple[AgentRow, ...]
    pops: PopLevel | None
    #: Null until the figures of today were read.
    figures_at: float | None
    service_level_s: float
    parts: tuple[PartRow, ...]
    rulebook: str
    #: False where the watched folder is broken and an earlier version serves.
    folder_good: bool
