"""What each agent did today: kept in memory, counted again from the pops after a restart."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from screenpop.desk.protocol import DayCounts

MISSED = "missed"


@dataclass(frozen=True, slots=True)
class PastPop:
    """One row of today's pops, as far as it counts."""

    agent: str
    claimed_at: datetime | None
    released_at: datetime | None
    closed_at: datetime | None
    close_reason: str | None
    disposition: str | None


class AgentDays:
    """Days begin at midnight of this machine. `misses` counts since the last answered call."""

    def __init__(
        self,
        *,
        on_change: Callable[[str, DayCounts], None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._on_change = on_change
        self._now = now
        self._day: date = self._today()
        self._counts: dict[str, DayCounts] = {}
        self._misses: dict[str, int] = {}

    @property
    def began_at(self) -> datetime:
        return self._now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)

    def of(self, agent: str) -> DayCounts:
        self._turn_the_page()
        return self._counts.get(agent, DayCounts())

    def misses_of(self, agent: str) -> int:
        return self._misses.get(agent, 0)

    def restore(self, past: Iterable[PastPop]) -> None:
        """Oldest first."""
        for pop in past:
            talked = _seconds(pop.claimed_at, pop.released_at)
            wrapped = _seconds(pop.released_at, pop.closed_at) if pop.disposition else 0.0
            missed = pop.close_reason == MISSED
            self._add(
                pop.agent,
                offered=1,
                answered=int(pop.claimed_at is not None),
                missed=int(missed),
                talk_s=talked,
                wrapup_s=wrapped,
            )
            if pop.claimed_at is not None:
                self._misses.pop(pop.agent, None)
            elif missed:
                self._misses[pop.agent] = self.misses_of(pop.agent) + 1

    def offered(self, agent: str) -> None:
        self._told(agent, offered=1)

    def answered(self, agent: str) -> None:
        self._misses.pop(agent, None)
        self._told(agent, answered=1)

    def missed(self, agent: str) -> None:
        self._misses[agent] = self.misses_of(agent) + 1
        self._told(agent, missed=1)

    def talked(self, agent: str, talk_s: float) -> None:
        self._told(agent, talk_s=talk_s)

    def wrapped_up(self, agent: str, since: datetime | None, at: datetime) -> None:
        self._told(agent, wrapup_s=_seconds(since, at))

    def _told(self, agent: str, **more: float) -> None:
        self._on_change(agent, self._add(agent, **more))

    def _add(self, agent: str, **more: float) -> DayCounts:
        counts = self.of(agent)
        sums = {name: getattr(counts, name) + value for name, value in more.items()}
        self._counts[agent] = counts.model_copy(update=sums)
        return self._counts[agent]

    def _turn_the_page(self) -> None:
        if self._today() != self._day:
            self._day = self._today()
            self._counts.clear()

    def _today(self) -> date:
        return self._now().astimezone().date()


def _seconds(since: datetime | None, until: datetime | None) -> float:
    return max(0.0, (until - since).total_seconds()) if since and until else 0.0
