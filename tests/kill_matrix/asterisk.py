"""What Asterisk knows of the calls, whoever is dead: a file, and what a resync reads of it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from calls.call import CallId, CallOutcome
from calls.events import AgentAnswered, AgentReleased, CallArrived, CallEnded
from tests.kill_matrix.stories import (
    CALLS,
    Steps,
    by_the_dialplan,
    has_ended,
    is_past_the_dialog,
    outcome_of,
)


class Asterisk:
    """A step is written down before we hear of it: `LINKEDID told`. A call that the dialplan took
    over is marked `LINKEDID fallback`, and its steps are those of the dialplan from there on."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_RDWR, 0o600)
        self.told = dict.fromkeys(CALLS, 0)
        #: By call: how much had been told when its dialog died.
        self._taken_over: dict[str, int] = {}
        for line in path.read_text(encoding="ascii").splitlines():
            linkedid, what = line.split()
            if what == "fallback":
                self._taken_over[linkedid] = self.told[linkedid]
                self.told[linkedid] = 0
            else:
                self.told[linkedid] += 1

    def close(self) -> None:
        os.close(self._file)

    def _write(self, linkedid: str, what: str) -> None:
        os.write(self._file, f"{linkedid} {what}\n".encode("ascii"))

    def steps(self, linkedid: str) -> Steps:
        taken = self._taken_over.get(linkedid)
        return CALLS[linkedid] if taken is None else by_the_dialplan(linkedid, taken)

    def is_fallback(self, linkedid: str) -> bool:
        return linkedid in self._taken_over

    def tell(self, linkedid: str) -> None:
        self.told[linkedid] += 1
        self._write(linkedid, "told")

    def happened(self, linkedid: str) -> Steps:
        return self.steps(linkedid)[: self.told[linkedid]]

    def is_over(self, linkedid: str) -> bool:
        return has_ended(self.happened(linkedid))

    def serve_by_the_dialplan(self) -> None:
        """We died: whoever was still in our dialog is in the default queue now."""
        for linkedid, told in list(self.told.items()):
            began = told > 0 and not self.is_fallback(linkedid)
            if began and not is_past_the_dialog(self.happened(linkedid)):
                self._taken_over[linkedid] = told
                self.told[linkedid] = 0
                self._write(linkedid, "fallback")

    def traces(self) -> list[CallArrived]:
        """Of all calls that the dialplan took over."""
        arrivals = [self.steps(linkedid)[0] for linkedid in self._taken_over if self.told[linkedid]]
        return [step for step in arrivals if isinstance(step, CallArrived)]

    def ended_unseen(self, open_calls: Collection[str]) -> set[str]:
        """Over, and neither we nor a trace of the dialplan know how."""
        return {
            linkedid
            for linkedid in open_calls
            if self.is_over(linkedid) and not self.is_fallback(linkedid)
        }

    def resync(self, open_calls: Collection[CallId]) -> Iterator[CallEnded | AgentAnswered]:
        """What `ami_bridge.resync` publishes of the calls that the journal has open: who talks, and
        the ends that were told to nobody."""
        for call_id in open_calls:
            happened = self.happened(call_id.linkedid)
            if not happened:
                continue
            at = happened[-1].at + timedelta(seconds=0.5)
            if not has_ended(happened):
                talks = [step for step in happened if isinstance(step, AgentAnswered)]
                if talks and not any(isinstance(step, AgentReleased) for step in happened):
                    yield replace(talks[-1], at=at, ring_s=0.0)
            elif self.is_fallback(call_id.linkedid):
                outcome = outcome_of(call_id.linkedid, fallback=True)
                yield CallEnded(call_id, at, outcome)
            else:
                yield CallEnded(call_id, at, CallOutcome.LOST_SYNC, estimated=True)
