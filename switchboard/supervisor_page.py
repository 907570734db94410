"""Builds the supervisor page out of the parts that it looks at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from ami_bridge.asterisks import Asterisks
from calls.bus import EventBus
from config.publishing import Rulebooks
from config.rulebook import digits_of
from config.settings import Settings
from screenpop.desk.desk import Desk
from storage.database import Database
from supervisor.console.board_made import Sources
from supervisor.console.call_page import CallPages
from supervisor.console.console import Console
from supervisor.console.day_figures import DayFigures
from supervisor.console.live_calls import LiveCalls
from supervisor.console.outbox_desk import OutboxDesk
from supervisor.console.routes import ConsoleRoutes
from supervisor.console.rulebook_desk import RulebookDesk
from switchboard import offline
from switchboard.health import Health
from switchboard.logs import masked


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorPage:
    settings: Settings
    database: Database
    bus: EventBus
    asterisks: Asterisks
    desk: Desk
    rulebooks: Rulebooks
    health: Health

    def console(self) -> Console:
        return Console(bus=self.bus, log_ins=self.desk.log_ins, sources=self._sources)

    def routes(self, console: Console) -> ConsoleRoutes:
        settings = self.settings
        return ConsoleRoutes(
            console=console,
            pages=CallPages(
                database=self.database,
                mask=self._mask,
                is_ours=self._is_ours,
                hooks=[hook.name for hook in settings.pops.webhooks],
            ),
            rulebook=RulebookDesk(
                rulebooks=self.rulebooks,
                settings=settings.rulebook,
                around=partial(offline.surroundings, settings),
                now=lambda: datetime.now(UTC),
            ),
            outbox=OutboxDesk(
                database=self.database, mask=self._mask, now=lambda: datetime.now(UTC)
            ),
            models_dir=settings.scoring.models_dir,
            audit=self.database.audit.note,
        )

    def _sources(self, calls: LiveCalls) -> Sources:
        within_s = self.settings.supervisor.service_level_s
        return Sources(
            calls=calls,
            figures=DayFigures(database=self.database, within_s=within_s, now=_in_the_house),
            agents=self.desk.agents,
            status_of=self.desk.duties.status_of,
            desktops_of=self.desk.hub.desktops_of,
            phone_open=self.desk.phones.is_open,
            members=self.asterisks.members,
            places=self.asterisks,
            parts=self.health.parts,
            rulebooks=self.rulebooks,
            rulebook_version=lambda: self.rulebooks.current.version,
            mask=self._mask,
            now=_in_the_house,
            service_level_s=within_s,
        )

    def _mask(self, text: str) -> str:
        return masked(text) if self.settings.privacy.mask_numbers else text

    def _is_ours(self, number: str) -> bool:
        return digits_of(number) in self.rulebooks.current.numbers


def _in_the_house() -> datetime:
    """Days begin at this machine's midnight."""
    return datetime.now(UTC).astimezone()
