"""Asked before the PBX dials for an agent: may this number be dialled, now, by this agent?

A stolen log-in or a hostile page then costs the house a few calls at ordinary rates. The counts of
an hour are this process's own and begin anew with it; a day's cost is restored (`kept_cost`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from config.dialling_settings import DiallingSettings
from screenpop.counters import DeskCounters
from screenpop.dialling.day_cost import LONGEST_HELD_S, DayCost
from screenpop.dialling.dialled_numbers import DialledNumbers
from storage.audit_chain import Entry

log = logging.getLogger(__name__)

HOUR_S = 3600.0

#: By code, for programs and logs; the page says it in the agent's language.
WHY = {
    "dial_shape": "This is no number that can be dialled.",
    "dial_unknown": "No network has such a number.",
    "dial_country": "Numbers of that country are not dialled from here.",
    "dial_costly": "Numbers that cost so much are not dialled from here.",
    "dial_stopped": "No numbers outside are dialled at present.",
    "dial_hours": "Numbers outside are not dialled at this hour.",
    "dial_at_once": "A call to a number outside that you began still goes on.",
    "dial_agent_limit": "You have had as many numbers outside dialled as an hour allows.",
    "dial_centre_limit": "All together have had as many numbers outside dialled as an hour allows.",
    "dial_day_cost": "With this call, numbers outside would cost more today than is allowed.",
}


class NotDialled(Exception):
    """`code` is one of WHY; the text is for the agent."""

    def __init__(self, code: str) -> None:
        super().__init__(WHY[code])
        self.code = code


@dataclass(slots=True)
class _Held:
    login: str
    began: float
    until: float


@dataclass(slots=True)
class _Begun:
    """Times of the last hour, oldest first; no longer than their limit."""

    times: deque[float] = field(default_factory=deque)

    def within(self, now: float) -> int:
        while self.times and self.times[0] <= now - HOUR_S:
            self.times.popleft()
        return len(self.times)


class DiallingGuard:
    """`local_now` is the house's clock on the wall, `monotonic` counts seconds."""

    def __init__(
        self,
        *,
        settings: DiallingSettings,
        region: str,
        counters: DeskCounters,
        audit: Callable[[Entry], None] = lambda entry: None,
        local_now: Callable[[], datetime] = lambda: datetime.now().astimezone(),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._numbers = DialledNumbers(settings, region=region)
        self._counters = counters
        self._audit = audit
        self._local_now = local_now
        self._monotonic = monotonic
        self._held: dict[str, _Held] = {}
        self._by_agent: dict[str, _Begun] = {}
        self._all = _Begun()
        self.cost = DayCost(settings, local_now=local_now, monotonic=monotonic)
        counters.dials_cost.set_function(self.cost.today)

    async def ask(self, login: str, text: str, key: str) -> None:
        """Returns where `text` may be dialled: then a number outside is counted, and `key` (the
        call's) goes on until `ended`. Raises NotDialled."""
        verdict = self._numbers.judge(text)
        if verdict == "house":
            return
        stopped = await asyncio.to_thread(_is_there, self._settings.stop_file)
        numbers = self._numbers.readings(text) if verdict == "outside" else ()
        code: str | None = verdict
        if verdict == "outside":
            code = self._refusal(login, key, stopped=stopped)
            if code is None and not self.cost.allows(numbers):
                code = "dial_day_cost"
        if code is not None:
            raise self.refused(login, text, code)
        now = self._monotonic()
        self._held[key] = _Held(login, now, now + LONGEST_HELD_S)
        self._by_agent.setdefault(login, _Begun()).times.append(now)
        self._all.times.append(now)
        self.cost.began(key, numbers)
        self._counters.dials.inc()
        log.info("audit: dialling: agent=%s number=%s", login, _shown(text))

    def told_of(self, text: str) -> dict[str, str]:
        """For the audit log, where outside numbers stand as callers' do."""
        if self._numbers.judge(text) == "house":
            return {"to": text}
        return {"number": self._numbers.e164_of(text) or _shown(text)}

    def refused(self, login: str, text: str, code: str) -> NotDialled:
        """Counted and told to the log; the caller raises it."""
        self._counters.dials_refused.labels(code).inc()
        log.warning("audit: dialling refused (%s): agent=%s number=%s", code, login, _shown(text))
        told = {"why": code, **self.told_of(text)}
        self._audit(Entry(action="dial", result="refused", actor=login, details=told))
        return NotDialled(code)

    def _refusal(self, login: str, key: str, *, stopped: bool) -> str | None:
        settings, now = self._settings, self._monotonic()
        if stopped or not settings.outside:
            return "dial_stopped"
        if not _is_open(settings.hours, self._local_now()):
            return "dial_hours"
        self._held = {name: held for name, held in self._held.items() if held.until > now}
        going_on = sum(held.login == login for held in self._held.values())
        if key in self._held or going_on >= settings.agent_at_once:
            return "dial_at_once"
        if self._by_agent.setdefault(login, _Begun()).within(now) >= settings.agent_an_hour:
            return "dial_agent_limit"
        if self._all.within(now) >= settings.centre_an_hour:
            return "dial_centre_limit"
        return None

    def ended(self, key: str) -> None:
        """Nothing happens where it was none that is counted."""
        self._held.pop(key, None)
        self.cost.ended(key)

    def not_begun(self, key: str) -> None:
        """The PBX dialled nothing after all: it does not count."""
        self.cost.not_begun(key)
        held = self._held.pop(key, None)
        if held is None:
            return
        for begun in (self._by_agent[held.login], self._all):
            if held.began in begun.times:
                begun.times.remove(held.began)

    def ends_within(self, key: str, seconds: float) -> None:
        """Nobody will tell us of its end; by then it is over, or goes on unseen."""
        if held := self._held.get(key):
            held.until = min(held.until, self._monotonic() + seconds)
            self.cost.unseen(key)


def _shown(text: str) -> str:
    """Only what a number has: a refused text may be anything."""
    return "".join(c for c in text[:24] if c in "+0123456789")


def _is_there(file: Path) -> bool:
    return file.exists()


def _is_open(hours: str, now: datetime) -> bool:
    if not hours:
        return True
    start, end = hours.split("-")
    at = now.strftime("%H:%M")
    # Over midnight where it ends before it starts.
    return start <= at < end if start < end else at >= start or at < end
