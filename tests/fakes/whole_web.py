"""A real centre in this process, with its web server on a free port; Asterisk and CRM are away or
embedded. For tests of all its addresses together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiohttp import web

from calls import events
from calls.agents import Agent
from calls.doors import LOGGED_IN, Door, door_of
from config.settings import (
    AgiSettings,
    AmiSettings,
    RulebookSettings,
    ScoringSettings,
    Settings,
    SpeechSettings,
    StorageSettings,
    WebSettings,
)
from screenpop.delivery.tokens import make_token
from storage import migrate
from storage.database import Database
from switchboard.demo import free_ports
from switchboard.wiring import Centre
from tests.fakes.desk_server import ANNA, PASSWORD, add_agents
from tests.fakes.rulebook_folder import write_rulebook

#: One agent of each role, named like it; the program acts for anna.
ROLES = sorted(str(role) for role in LOGGED_IN)


class OpenedCentre(Centre):
    """Shows what is served."""

    app: web.Application

    async def _serve_web(self, app: web.Application) -> None:
        self.app = app
        await super()._serve_web(app)

    async def publish(self, *happened: events.Event) -> None:
        for event in happened:
            self._ground.bus.publish(event)
        await self._ground.bus.drain()


@dataclass
class WholeWeb:
    centre: OpenedCentre
    base_url: str
    token: str
    _cookies: dict[str, str] = field(default_factory=dict)

    def doors(self) -> list[tuple[str, Door | None]]:
        """By method; HEAD comes besides GET."""
        routes = self.centre.app.router.routes()
        return [(route.method, door_of(route.handler)) for route in routes]

    async def headers_of(self, asker: str) -> dict[str, str]:
        """With what a role, the `program` or nobody shows who they are."""
        if asker == "program":
            return {"Authorization": f"Bearer {self.token}"}
        if asker == "nobody":
            return {}
        if asker not in self._cookies:
            await self.log_in(asker)
        return {"Cookie": self._cookies[asker]}

    async def log_in(self, login: str) -> None:
        body = {"login": login, "password": PASSWORD}
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{self.base_url}/api/v1/session", json=body) as answer,
        ):
            assert answer.status == 200, await answer.text()
            self._cookies[login] = answer.headers["Set-Cookie"].partition(";")[0]


@asynccontextmanager
async def whole_web(folder: Path) -> AsyncIterator[WholeWeb]:
    url = f"sqlite:///{folder}/switchboard.db"
    roles = [Agent(role, role.title(), (), (), "en", role) for role in ROLES]
    async with Database(url) as database:
        await migrate.upgrade(database)
        await add_agents(database, ANNA, *roles)
        token = await make_token(database, "anna", "test")
    port = free_ports.tcp()
    settings = Settings(
        agi=AgiSettings(port=0),
        ami=AmiSettings(port=free_ports.tcp()),
        web=WebSettings(port=port),
        storage=StorageSettings(url=url),
        rulebook=RulebookSettings(
            path=write_rulebook(folder / "rulebook"), state_dir=folder / "state", watch=False
        ),
        speech=SpeechSettings(cache_dir=folder / "prompts", keep_warm=False),
        scoring=ScoringSettings(models_dir=folder / "models", nightly_at=""),
    )
    async with OpenedCentre(settings) as centre:
        yield WholeWeb(centre, f"http://127.0.0.1:{port}", token)
