"""The agent side and the supervisor page on a free port, put together as the server does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp import web

from ami_bridge.asterisks import Asterisks
from ami_bridge.bridge import AmiBridge
from calls.agents import Agent
from calls.bus import EventBus
from config.problems import Problem
from config.publishing import Rulebooks
from config.rulebook import Rulebook
from config.settings import AmiSettings, RulebookSettings, ScoringSettings, Settings
from crm_adapter.journal import DatabaseJournal
from screenpop.desk.desk import Desk
from screenpop.desk.static_files import STATIC
from storage.database import Database
from supervisor.console.console import Console
from supervisor.publishing import try_out
from switchboard.health import Health, PartState
from switchboard.supervisor_page import SupervisorPage
from tests.fakes.desk_server import PASSWORD, DeskServer, desk_server
from tests.fakes.dialog_house import NOON

INES = Agent("ines", "Ines Roth", (), (), "en", "supervisor")
API = "/api/v1/supervisor"


@dataclass
class SupervisorServer:
    """`health` is what the page says of the parts."""

    desk: DeskServer
    health: Health
    rulebooks: Rulebooks
    settings: Settings
    console: Console

    def viewers(self) -> int:
        return len(self.console.feed.viewers)

    @property
    def base_url(self) -> str:
        return self.desk.base_url

    @asynccontextmanager
    async def client(self, login: str | None) -> AsyncIterator[aiohttp.ClientSession]:
        """Logged in as this agent; None: as nobody."""
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(self.base_url, cookie_jar=jar) as http:
            if login is not None:
                body = {"login": login, "password": PASSWORD}
                async with http.post("/api/v1/session", json=body) as answer:
                    assert answer.status == 200, await answer.text()
            yield http


@asynccontextmanager
async def supervisor_server(
    database: Database, folder: Path, *, rulebook: Path | None = None, static: Path = STATIC
) -> AsyncIterator[SupervisorServer]:
    """`folder` is for the states; `rulebook` the folder that may be published, unwatched."""
    settings = Settings(
        ami=AmiSettings(),
        rulebook=RulebookSettings(path=rulebook, state_dir=folder / "state", watch=False),
        scoring=ScoringSettings(models_dir=folder / "models"),
    )
    health = Health()
    health.add_part("crm", lambda: PartState(True, "embedded"))

    def examine(book: Rulebook) -> list[Problem]:
        return try_out(book, NOON)

    async with Rulebooks(settings=settings.rulebook, examine=examine) as rulebooks:
        made: list[Console] = []

        async def more(app: web.Application, desk: Desk, bus: EventBus) -> None:
            journal = DatabaseJournal(database=database)
            bridge = AmiBridge(settings=settings.ami, journal=journal, bus=bus)
            page = SupervisorPage(
                settings=settings,
                database=database,
                bus=bus,
                asterisks=Asterisks([bridge], login_of=desk.agents.login_of),
                desk=desk,
                rulebooks=rulebooks,
                health=health,
            )
            console = page.console()
            made.append(console)
            await console.__aenter__()
            page.routes(console).add_to(app)

            async def leave(_app: web.Application) -> None:
                await console.__aexit__(None, None, None)

            app.on_cleanup.append(leave)

        async with desk_server(database, static=static, more=more) as desk:
            yield SupervisorServer(desk, health, rulebooks, settings, made[0])
