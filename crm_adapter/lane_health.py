"""Is the other side of a lane away, or is it one entry that it cannot take? Pure: told the time.

An entry that fails may be either. So one other entry is sent at once to find out: if that gets
through, the failure was the first one's own, and from then on it holds nobody up; if it fails too,
the lane waits, ever longer, and one probe at a time asks again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

#: What is remembered at most: entries that failed since the last success, and those which failed
#: while others got through. Beyond that an entry is only slower to be known for what it is.
_MOST_FAILING, _MOST_SUSPECTS = 32, 1_000
#: So often an entry has failed alone when that is worth a line; the end of an outage looks like
#: once to those which were tried last.
_SURE = 3


class LaneHealth:
    """Of one worker. `delay_s` of 1, 2, 3… is how long the lane waits."""

    def __init__(self, *, delay_s: Callable[[int], float]) -> None:
        self._delay_s = delay_s
        #: How many probes in a row found nobody, and the failure that began it.
        self._level = 0
        self._paused_until: datetime | None = None
        self._failing: set[str] = set()
        self._suspects: dict[str, int] = {}

    @property
    def in_doubt(self) -> bool:
        """One entry at a time may be sent, and better one that has not failed yet."""
        return self._level > 0

    def may_send(self, at: datetime) -> bool:
        return self._paused_until is None or at >= self._paused_until

    def own_failures(self, key: str) -> int:
        """How often it failed while others got through."""
        return self._suspects.get(key, 0)

    def answered(self, at: datetime) -> list[str]:
        """The other side took an entry, or said what is wrong with it. Returns the entries of
        which it is now sure that they fail alone."""
        if not self.may_send(at):
            # What was under way when it asked for a pause does not end the pause.
            return []
        for key in self._failing:
            # Put last: the oldest are the first to be forgotten.
            self._suspects[key] = self._suspects.pop(key, 0) + 1
        sure = [key for key in self._failing if self._suspects[key] == _SURE]
        while len(self._suspects) > _MOST_SUSPECTS:
            del self._suspects[next(iter(self._suspects))]
        self._failing.clear()
        self._level, self._paused_until = 0, None
        return sure

    def failed(self, key: str, at: datetime, *, was_probe: bool) -> None:
        """No answer, or one that says it is broken: perhaps away, perhaps this entry's fault."""
        is_news = key not in self._failing
        if len(self._failing) < _MOST_FAILING:
            self._failing.add(key)
        if key in self._suspects:
            return
        if not self._level:
            self._level = 1
        elif was_probe:
            # The same one again says nothing new; what was under way before says it once.
            self._level += is_news
            if self._level > 1:
                self._pause(at, self._delay_s(self._level - 1))

    def refused(self, at: datetime, *, pause_s: float) -> None:
        """It wants quiet, or does not believe us: whatever we send."""
        if self.may_send(at):
            self._level += 1
            self._pause(at, self._delay_s(self._level))
        self._pause(at, pause_s)

    def settled(self, key: str) -> None:
        """It will not be sent again."""
        self._suspects.pop(key, None)
        self._failing.discard(key)

    def _pause(self, at: datetime, pause_s: float) -> None:
        until = at + timedelta(seconds=pause_s)
        if self._paused_until is None or until > self._paused_until:
            self._paused_until = until
