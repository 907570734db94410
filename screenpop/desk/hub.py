"""Delivers frames to agents: to the person, at least once, whatever sockets come and go.

Each agent has one numbered stream. A frame is put into every open desktop's bounded queue at once
(nothing is awaited), and kept until it is old enough that a reconnect takes a snapshot instead.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from calls import crash_points
from screenpop.counters import DeskCounters
from screenpop.desk.protocol import CloseCode, PopFrame, ServerMessage
from screenpop.pops.pop import Pop
from screenpop.pops.pop_store import Acknowledged, Delivery, PopStore

#: Frames of one agent that a reconnect can be resumed from.
KEPT_FRAMES = 200
#: More numbers than one agent's frames that can have been sent and not stored before a crash.
RESTART_LEAP = 1_000_000
MAX_DESKTOPS_PER_AGENT = 8
#: Why a desktop is dropped that does not read.
SLOW = "frames not taken; reconnect to resume"


class Desktop(Protocol):
    """One socket, as the hub sees it."""

    #: The log-in it belongs to.
    session: str

    def offer(self, text: str, seq: int | None = None) -> bool:
        """Takes the frame for sending, or answers False where it is full. Never waits. `seq` is
        where the stream stands with it, for frames that move it on."""
        ...

    def drop(self, code: int, reason: str) -> None: ...


@dataclass(slots=True)
class _Kept:
    seq: int
    text: str
    ts: float
    offer: bool
    acked: bool = False
    painted: bool = False


@dataclass(slots=True)
class AgentStream:
    """`last_seq` of a desktop can be resumed where `floor <= last_seq <= seq`.

    After a restart the numbering continues far above the highest stored number, so that no number
    is ever used for two frames, stored or not. A desktop that is ahead of the store has all that
    anybody still knows, so it may resume; one behind it may have missed some and takes the
    snapshot.
    """

    seq: int = 0
    floor: int = 0
    kept: deque[_Kept] = field(default_factory=deque)
    desktops: set[Desktop] = field(default_factory=set)

    @classmethod
    def after_restart(cls, stored: int) -> AgentStream:
        return cls(seq=stored + RESTART_LEAP, floor=stored)

    def keep(self, frame: _Kept) -> None:
        self.kept.append(frame)
        while len(self.kept) > KEPT_FRAMES:
            self.floor = self.kept.popleft().seq

    def can_resume(self, last_seq: int) -> bool:
        return self.floor <= last_seq <= self.seq

    def missed(self, last_seq: int) -> Iterator[tuple[str, int]]:
        """What came after `last_seq`, and what was sent before it and never acknowledged; each
        with its number."""
        return (
            (frame.text, frame.seq)
            for frame in self.kept
            if frame.seq > last_seq or not frame.acked
        )


class Hub:
    """`restore` before the first `deliver`."""

    def __init__(self, *, store: PopStore, counters: DeskCounters) -> None:
        self._store = store
        self._counters = counters
        self._streams: dict[str, AgentStream] = {}

    def restore(self, stored: Mapping[str, int]) -> None:
        for agent, seq in stored.items():
            self._streams[agent] = AgentStream.after_restart(seq)

    def seq_of(self, agent: str) -> int:
        return self._stream(agent).seq

    def next_seq(self, agent: str) -> int:
        stream = self._stream(agent)
        stream.seq += 1
        return stream.seq

    def deliver(self, pop: Pop, frame: PopFrame, event_at: datetime) -> None:
        """Sends now, stores behind. `frame.seq` is from `next_seq`."""
        stream = self._stream(pop.agent)
        text = frame.model_dump_json()
        kind: str = getattr(frame, "kind")  # noqa: B009 -- each kind of frame narrows it
        stream.keep(_Kept(frame.seq, text, frame.ts, offer=kind == "pop.offer"))
        reached = self._send(stream, text, frame.seq)
        crash_points.reached("pop.sent")
        (self._counters.sent if reached else self._counters.undelivered).inc()
        self._store.save_delivery(
            Delivery(
                agent=pop.agent,
                seq=frame.seq,
                pop_id=pop.pop_id,
                call_id=pop.call_id,
                kind=kind,
                queue=pop.content.call.queue,
                frame=frame,
                event_at=event_at,
                sent_at=datetime.now(UTC),
                sockets=reached,
            )
        )

    def tell(self, agent: str, message: ServerMessage) -> None:
        """To the desktops open now; `hello` tells the others."""
        self._send(self._stream(agent), message.model_dump_json())

    def acknowledge(self, agent: str, seq: int, rendered_ms: float | None) -> None:
        """Repeated acknowledgements change nothing here, but for the first that tells of a
        painting; nor do those of frames no longer kept."""
        kept = reversed(self._stream(agent).kept)
        frame = next((frame for frame in kept if frame.seq <= seq), None)
        if frame is None or frame.seq != seq:
            return
        is_news = rendered_ms is not None and not frame.painted
        if frame.acked and not is_news:
            return
        now = datetime.now(UTC)
        if not frame.acked:
            frame.acked = True
            self._counters.acked.inc()
            self._counters.ack_s.observe(max(0.0, now.timestamp() - frame.ts / 1000))
        if rendered_ms is not None:
            frame.painted = True
            if frame.offer:
                self._counters.rendered_s.observe(rendered_ms / 1000)
        crash_points.reached("pop.acked")
        self._store.save_ack(Acknowledged(agent, seq, now, rendered_ms))

    def attach(self, agent: str, desktop: Desktop, hello: str, last_seq: int | None) -> bool:
        """`hello` and everything missed go in before anything newer can. False: too many open."""
        stream = self._stream(agent)
        if len(stream.desktops) >= MAX_DESKTOPS_PER_AGENT:
            return False
        stream.desktops.add(desktop)
        self._counters.desktops.inc()
        if last_seq is None or not stream.can_resume(last_seq):
            desktop.offer(hello, stream.seq)
            return True
        self._counters.resumed.inc()
        desktop.offer(hello)
        for text, seq in stream.missed(last_seq):
            desktop.offer(text, seq)
        return True

    def can_resume(self, agent: str, last_seq: int | None) -> bool:
        return last_seq is not None and self._stream(agent).can_resume(last_seq)

    def detach(self, agent: str, desktop: Desktop, *, slow: bool = False) -> None:
        """`slow`: it was dropped because it took nothing."""
        stream = self._stream(agent)
        if desktop in stream.desktops:
            stream.desktops.discard(desktop)
            self._counters.desktops.dec()
            if slow:
                self._counters.slow.inc()

    def sessions(self) -> set[str]:
        """Those with a desktop open."""
        return {one.session for stream in self._streams.values() for one in stream.desktops}

    def close_sessions(self, ended: Collection[str]) -> None:
        for stream in self._streams.values():
            for desktop in tuple(stream.desktops):
                if desktop.session in ended:
                    desktop.drop(CloseCode.LOGGED_OUT, "the log-in ended")

    def close_desktops(self, agent: str, code: int, reason: str) -> None:
        for desktop in tuple(self._stream(agent).desktops):
            desktop.drop(code, reason)

    def close_all(self) -> None:
        for agent in self._streams:
            self.close_desktops(agent, CloseCode.GOING_AWAY, "the server stops")

    def desktops_of(self, agent: str) -> int:
        return len(self._stream(agent).desktops)

    def _stream(self, agent: str) -> AgentStream:
        return self._streams.setdefault(agent, AgentStream())

    def _send(self, stream: AgentStream, text: str, seq: int | None = None) -> int:
        reached = 0
        for desktop in tuple(stream.desktops):
            if desktop.offer(text, seq):
                reached += 1
            else:
                self._counters.slow.inc()
                stream.desktops.discard(desktop)
                self._counters.desktops.dec()
                desktop.drop(CloseCode.TOO_SLOW, SLOW)
        return reached
