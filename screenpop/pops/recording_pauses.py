"""What agents know of the recordings of their calls, and how they pause one while a card number is
said.

A pause is kept with the agent's pop and told once the line is silent. It ends with a word of the
agent, with their part of the call, or when its time is over; a process that takes over from one
that died mutes anew what it finds paused, and says so only then.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal

from calls import events
from calls.call import Call, CallId
from calls.errors import Unavailable
from calls.recordings import LineRecordings, Silence, silence
from screenpop.desk.protocol import Notice, RecordingNow, ServerMessage
from screenpop.pops.call_story import epoch_ms
from screenpop.pops.pop import Pop
from screenpop.pops.pops import Pops
from screenpop.pops.recorded_line import Line, Pause
from storage.audit_chain import Entry

log = logging.getLogger(__name__)

#: Calls that are known of; beyond them the oldest is forgotten, and then maybe recorded.
MOST_LINES = 5_000
#: Whoever pauses waits so long for it to be stored, and whoever resumes to be recorded again.
STORED_WITHIN_S, RESUMED_WITHIN_S = 1.0, 2.5
#: After a start the AMI may not be there yet: so often a line is muted anew, and so far apart.
ANEW_TRIES, ANEW_EVERY_S = 20, 0.5
#: Whoever begins to record while a line is being muted has it muted once more, so often at most.
MUTED_AT_MOST = 4

Why = Literal["agent", "left", "limit"]


class NotPaused(Exception):
    """Not done; `code` and the text are for the agent."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class RecordingPauses:
    """`stored` returns when what the pops were told is kept. `tell` sends the agent a frame;
    `publish` tells whoever follows the calls."""

    def __init__(
        self,
        *,
        pops: Pops,
        recordings: LineRecordings,
        limit_s: float,
        tell: Callable[[str, ServerMessage], None],
        stored: Callable[[], Awaitable[None]],
        publish: Callable[[events.RecordingPaused], None] = lambda event: None,
        audit: Callable[[Entry], None] = lambda entry: None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._pops = pops
        self._recordings = recordings
        self.limit_s = limit_s
        self._tell = tell
        self._stored = stored
        self._publish = publish
        self._audit = audit
        self._sleep = pause
        self._now = now
        self._lines: dict[CallId, Line] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._deaf = False

    def restore(self, pops: Iterable[Pop]) -> None:
        """Of an earlier process; each is muted anew once its call is told of."""
        for pop in pops:
            if pop.state == "claimed" and pop.paused_at is not None:
                pause = Pause(pop.agent, pop.pop_id, pop.paused_at)
                self._line(pop.call_id).pause = pause

    async def close(self) -> None:
        """What is paused stays so, for the process that comes next."""
        for line in self._lines.values():
            if line.pause is not None:
                line.pause.leave_alone()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- what agents ask

    async def set(self, login: str, pop_id: str, *, paused: bool) -> tuple[RecordingNow, bool]:
        """The call's recording as it is then; and whether it ended for good, where it could not be
        paused. Raises NotPaused."""
        mine = self._pops.talks(login, pop_id)
        if mine is None:
            raise NotPaused("no_call", "You are no longer in this call.")
        call_id, _ = mine
        line = self._line(call_id, doubtful=True)
        ended = False
        async with line.busy:
            pause = line.pause
            if paused and (pause is None or pause.resuming is not None):
                if pause is not None:
                    # It is about to be recorded again: that is overruled.
                    pause.end()
                    self._pops.keep_pause(pause.agent, pause.pop_id, None)
                ended = await self._pause(login, pop_id, call_id, line)
            elif not paused and pause is not None:
                if pause.agent != login:
                    raise NotPaused("pause_of_another", "Somebody else in the call paused it.")
                resuming = self._resume(call_id, line, pause, "agent")
                await asyncio.wait((resuming,), timeout=RESUMED_WITHIN_S)
        return self._frame(login, pop_id, line), ended

    def of(self, login: str) -> tuple[RecordingNow, ...]:
        """For `hello`."""
        known = ((pop, self._lines.get(pop.call_id)) for pop in self._pops.talks_now(login))
        return tuple(self._frame(login, pop.pop_id, line or _UNKNOWN) for pop, line in known)

    # -- what happens

    def handle(self, event: events.CallEvent) -> None:
        """To be told of every event, after the pops."""
        call_id = event.call_id
        if isinstance(event, events.CallEnded):
            return self._forget(call_id)
        known = self._lines.get(call_id)
        before = known.state if known is not None else None
        match event:
            case events.CallArrived():
                self._line(call_id, doubtful=self._deaf)
            case events.CallRemembered():
                line = self._line(call_id, doubtful=True)
                line.recorded = line.recorded or event.recorded
                self._mute_anew(event.call, line, tries=ANEW_TRIES)
            case events.LineRecorded():
                if known is not None or event.on:
                    line = self._line(call_id)
                    line.recorded, line.doubtful = event.on, False
                    if event.on:
                        self._begun(call_id, line)
            case events.AgentAnswered():
                self._line(call_id, doubtful=True)
            case _:
                pass
        now = self._lines.get(call_id)
        if now is None:
            return None
        pause = now.pause
        if pause is not None and pause.is_sure and not self._talks(pause):
            _ = self._resume(call_id, now, pause, "left")
        if now.state != before or isinstance(event, events.AgentAnswered):
            self._show(call_id, now)
        return None

    async def on_ami_lost(self, _event: events.AmiLost) -> None:
        """Who begins to record now is not heard of."""
        self._deaf = True
        for call_id, line in self._lines.items():
            if not (line.recorded or line.doubtful):
                line.doubtful = True
                self._show(call_id, line)

    async def on_ami_restored(self, _event: events.AmiRestored) -> None:
        self._deaf = False

    # -- a pause from its beginning to its end

    async def _pause(self, login: str, pop_id: str, call_id: CallId, line: Line) -> bool:
        """Whether a recording was ended instead. Raises NotPaused."""
        call = self._pops.line(call_id)
        if call is None:
            raise NotPaused("pause_failed", _MAYBE_RECORDED)
        maybe = line.recorded or line.doubtful
        pause = line.pause = Pause(login, pop_id, self._now())
        self._pops.keep_pause(login, pop_id, pause.since)
        try:
            quiet, _ = await asyncio.gather(self._silence(call, pause), self._kept(call_id))
        except BaseException:
            # Also what nobody foresaw, and the desk's end: nobody was told of a pause.
            self._settle(call, line, pause, _FAILED)
            raise
        if line.pause is not pause:
            raise NotPaused("no_call", "The call is over.")
        self._settle(call, line, pause, quiet)
        if not quiet.is_sure:
            raise NotPaused("pause_failed", _MAYBE_RECORDED)
        return quiet.ended and maybe

    def _settle(self, call: Call, line: Line, pause: Pause, quiet: Silence) -> None:
        """Paused, or ended for good, or neither."""
        came = "ended" if quiet.ended else "paused" if quiet.is_sure else "failed"
        self._note("pause_recording", pause, call.id, came, failed=not quiet.is_sure)
        if came == "paused":
            pause.is_sure = True
            if not self._talks(pause):
                _ = self._resume(call.id, line, pause, "left")
            else:
                over_s = (self._now() - pause.since).total_seconds()
                ends = partial(self._in_time, call.id, line, pause)
                left_s = max(0.0, self.limit_s - over_s)
                pause.limit = asyncio.get_running_loop().call_later(left_s, ends)
        else:
            line.pause = None
            line.recorded, line.doubtful = False, not quiet.ended
            self._pops.keep_pause(pause.agent, pause.pop_id, None)
            if quiet.may_be_muted:
                self._recordings.unmute(call, "agent")
        self._show(call.id, line)

    async def _silence(self, call: Call, pause: Pause) -> Silence:
        stop = partial(self._stop, call)
        quiet = _FAILED
        for _ in range(MUTED_AT_MOST):
            pause.again = False
            mute = self._recordings.mute(call, "agent")
            quiet = await silence(call.id, mute=mute, stop=stop)
            if not pause.again:
                return quiet
        return _FAILED if quiet.is_sure else quiet

    async def _stop(self, call: Call) -> bool:
        try:
            await self._recordings.stop(call)
        except Unavailable as error:
            log.error("call %s: maybe it is recorded, against its agent's word: %s", call.id, error)
            return False
        return True

    async def _kept(self, call_id: CallId) -> None:
        try:
            async with asyncio.timeout(STORED_WITHIN_S):
                await self._stored()
        except TimeoutError:
            log.warning("call %s: its pause is not stored yet", call_id)

    def _in_time(self, call_id: CallId, line: Line, pause: Pause) -> None:
        if line.pause is pause and pause.resuming is None:
            _ = self._resume(call_id, line, pause, "limit")

    def _resume(self, call_id: CallId, line: Line, pause: Pause, why: Why) -> asyncio.Task[None]:
        """Until the line is recorded again it is told as paused."""
        if pause.resuming is not None:
            return pause.resuming
        pause.leave_alone()
        self._note("resume_recording", pause, call_id, why, of_agent=why == "agent")
        work = self._resumed(call_id, line, pause, why)
        pause.resuming = self._start(f"desk:resume:{call_id}", work)
        return pause.resuming

    async def _resumed(self, call_id: CallId, line: Line, pause: Pause, why: Why) -> None:
        call = self._pops.line(call_id)
        if call is not None:
            self._recordings.unmute(call, "agent")
            await self._recordings.unmuted(call_id)
        if line.pause is not pause:
            return
        line.pause = None
        self._pops.keep_pause(pause.agent, pause.pop_id, None)
        self._show(call_id, line)
        if why == "limit":
            self._warn(pause.agent, "recording_goes_on", _GOES_ON)

    def _begun(self, call_id: CallId, line: Line) -> None:
        """Somebody records it from now on, whom no earlier mute silenced."""
        pause, call = line.pause, self._pops.line(call_id)
        if pause is None or pause.resuming is not None or call is None:
            return
        pause.again = True
        if pause.is_sure:
            pause.is_sure = False
            if pause.limit is not None:
                pause.limit.cancel()
            self._mute_anew(call, line, tries=0)

    def _mute_anew(self, call: Call, line: Line, *, tries: int) -> None:
        pause = line.pause
        if pause is not None and not pause.is_sure and pause.anew is None:
            work = self._muted_anew(call, line, pause, tries)
            pause.anew = self._start(f"desk:mute anew:{call.id}", work)

    async def _muted_anew(self, call: Call, line: Line, pause: Pause, tries: int) -> None:
        """Whoever paused it died, and maybe before the line was muted; or somebody began to record
        it. Before its recordings are ended so often it is tried to mute them."""
        for _ in range(tries):
            try:
                await self._recordings.mute(call, "agent")
            except Unavailable:
                await self._sleep(ANEW_EVERY_S)
            else:
                break
        quiet = await self._silence(call, pause)
        if self._lines.get(call.id) is not line or line.pause is not pause:
            return
        pause.anew = None
        self._settle(call, line, pause, quiet)
        if quiet.ended:
            self._warn(pause.agent, "recording_ended", _ENDED)
        elif not quiet.is_sure:
            self._warn(pause.agent, "pause_failed", _MAYBE_RECORDED)

    # -- small steps

    def _line(self, call_id: CallId, *, doubtful: bool = False) -> Line:
        line = self._lines.get(call_id)
        if line is None:
            if len(self._lines) >= MOST_LINES:
                self._forget(next(iter(self._lines)))
            line = self._lines[call_id] = Line(doubtful=doubtful)
        return line

    def _forget(self, call_id: CallId) -> None:
        line = self._lines.pop(call_id, None)
        pause = line.pause if line is not None else None
        if line is None or pause is None:
            return
        line.pause = None
        pause.end()

    def _talks(self, pause: Pause) -> bool:
        return self._pops.talks(pause.agent, pause.pop_id) is not None

    def _frame(self, login: str, pop_id: str, line: Line) -> RecordingNow:
        pause = line.pause if line.state == "paused" else None
        return RecordingNow(
            ts=_now_ms(),
            pop_id=pop_id,
            state=line.state,
            since=epoch_ms(pause.since) if pause is not None else None,
            mine=pause is not None and pause.agent == login,
        )

    def _show(self, call_id: CallId, line: Line) -> None:
        paused = line.state == "paused"
        if paused != line.told_paused:
            line.told_paused = paused
            self._publish(events.RecordingPaused(call_id, self._now(), paused))
        for pop in self._pops.talkers(call_id):
            self._tell(pop.agent, self._frame(pop.agent, pop.pop_id, line))

    def _warn(self, login: str, code: str, text: str) -> None:
        self._tell(login, Notice(ts=_now_ms(), level="warning", code=code, text=text))

    def _note(
        self,
        action: str,
        pause: Pause,
        call_id: CallId,
        came: str,
        *,
        of_agent: bool = True,
        failed: bool = False,
    ) -> None:
        self._audit(
            Entry(
                action=action,
                result="failed" if failed else "done",
                actor=pause.agent if of_agent else None,
                subject=str(call_id),
                details={"came" if action == "pause_recording" else "why": came},
            )
        )

    def _start(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


_UNKNOWN = Line(doubtful=True)
_FAILED = Silence(is_sure=False, ended=False, may_be_muted=True)
_MAYBE_RECORDED = (
    "The call may still be recorded. Do not let a card number be said; the telephone system did "
    "not do what was asked."
)
_ENDED = "The recording could not be paused: it was ended. Nothing more of this call is recorded."
_GOES_ON = "The pause was as long as it may be: the call is recorded again."


def _now_ms() -> float:
    return time.time() * 1000
